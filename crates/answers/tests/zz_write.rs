mod support;
#[test]
fn write() {
    support::finished_scored(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/run-v1-scored"));
}
