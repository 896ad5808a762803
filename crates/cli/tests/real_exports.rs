//! Students that `distill` exports, opened by llama.cpp itself.
//!
//! Needs a Python with numpy and xllamacpp, whose wheel has llama.cpp in it (HYDROMETER_XLLAMACPP); says loudly where it is absent. Run it
//! with `cargo test -p hydrometer --test real -- --nocapture real_exports::`.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hydrometer_probes::builtin::{Domain, corpus};

fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{command:?}:\n{}\n{}", said[0], said[1]);
    output
}

/// A student whose rows fit blocks of 256, in every type that its matrices may have: the same tokens, and the same log-probabilities
/// where llama.cpp computes in 32-bit floats, too.
#[test]
fn llama_cpp_finds_in_exports_what_we_find() {
    let Some(python) = std::env::var_os("HYDROMETER_XLLAMACPP") else {
        eprintln!("SKIPPED: HYDROMETER_XLLAMACPP names no Python that has numpy and xllamacpp");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (path, root) = (folder.path(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    let documents: Vec<String> = corpus(78, 60, Domain::Centre).collect();
    let line = |text: &String| serde_json::json!({ "text": text }).to_string() + "\n";
    fs::write(path.join("corpus.jsonl"), documents.iter().map(line).collect::<String>()).unwrap();
    fs::write(path.join("text.txt"), documents.join("\n")).unwrap();
    let forms = ["f32", "f16", "bf16", "q8_0", "q6_k", "q5_k", "q4_k", "q4_0"];
    let formats = forms.map(|form| format!("\"gguf:{form}\"")).join(", ");
    let recipe = format!(
        "teacher = {:?}\n[student]\nfresh = {{ layers = 2, width = 256, heads = 4, kv_heads = 2, ff = 512 }}\n\
         [data]\nfiles = [\"corpus.jsonl\"]\nheld_out = 0.3\ncontext = 64\nallow_overlap = [\"builtin\"]\n\
         [loss]\ndivergence = \"forward_kl\"\n\
         [train]\nsteps = 8\nbatch_tokens = 256\nlearning_rate = 3e-3\nseed = 1\nevaluate_tokens = 300\n\
         [export]\nformats = [\"hf\", {formats}]\n",
        root.join("demo/teacher.gguf")
    );
    fs::write(path.join("recipe.toml"), recipe).unwrap();
    let hydrometer = env!("CARGO_BIN_EXE_hydrometer");
    succeeds(Command::new(hydrometer).current_dir(path).args(["distill", "recipe.toml", "--out", "out"]));
    let mut opened = Command::new(python);
    opened
        .current_dir(path)
        .arg(root.join("crates/distill/tests/reference/llama_cpp.py"))
        .args([hydrometer, "text.txt"]);
    opened.args(forms.map(|form| format!("out/distilled/student-{form}.gguf")));
    let said = String::from_utf8(succeeds(&mut opened).stdout).unwrap();
    eprintln!("{said}");
    assert_eq!(said.lines().filter(|line| line.contains("tokens equal (1024)")).count(), 2 * forms.len(), "{said}");
}
