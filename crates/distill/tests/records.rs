//! Training records in Parquet, as pyarrow writes them (`reference/records.py`), and files that are damaged.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_distill::data::{Content, Document, Said, read};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/records").join(name)
}

fn greeting() -> Content {
    let said = |role: &str, content: &str| Said::new(role, content);
    Content::Conversation(vec![said("user", "Hi"), said("assistant", "Hello")])
}

#[test]
fn every_shape_is_read_from_parquet() {
    let check = |name: &str, expected: &[Content]| {
        let (documents, _) = read(&file(name), None).unwrap();
        let found: Vec<Content> = documents.into_iter().map(|document| document.content).collect();
        assert_eq!(found, expected, "{name}");
    };
    check("messages_json.parquet", &[greeting()]);
    check("sharegpt.parquet", &[greeting()]);
    check("alpaca.parquet", &[greeting(), greeting()]);
    check("preference.parquet", &[greeting()]);
    let completion = Content::Completion { prompt: "Hi".to_owned(), completion: " there".to_owned() };
    check("prompt_completion.parquet", &[completion]);
    let texts: Vec<Content> = (0..1100).map(|n| Content::Text(format!("text {n}"))).collect();
    check("text.parquet", &texts);
}

/// A struct of Parquet has every field of every row: those that are null are not there.
#[test]
fn rows_and_lines_of_the_same_records_are_the_same_documents() {
    let (from_rows, left_out) = read(&file("messages.parquet"), None).unwrap();
    assert_eq!((from_rows.len(), left_out.len()), (2, 0), "{left_out:?}");
    assert_eq!(from_rows[0].content, greeting());
    assert_eq!(from_rows[0].origin.licence.as_deref(), Some("mit"));
    assert!(from_rows[1].place.ends_with("messages.parquet:2"), "{}", from_rows[1].place);
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("same.jsonl");
    let line = r#"{"messages":[{"content":"Hi","role":"user"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"1","type":"function","function":{"name":"tide","arguments":"{\"port\":\"Brest\"}"}}]},
        {"role":"tool","content":"low","tool_call_id":"1"},{"role":"assistant","content":"Hello"}]}"#;
    fs::write(&path, line.replace('\n', "")).unwrap();
    let from_lines: Vec<Document> = read(&path, None).unwrap().0;
    assert_eq!(from_lines[0].content, from_rows[1].content);
    assert_eq!(from_lines[0].hash, from_rows[1].hash);
}

#[test]
fn rows_without_a_document_are_named() {
    let (_, left_out) = read(&file("messages_json.parquet"), None).unwrap();
    assert!(left_out[0].0.ends_with("messages_json.parquet:2"), "{left_out:?}");
    assert_eq!(left_out[0].1, "`messages` is a text that is no JSON");
    let error = read(&file("unknown.parquet"), None).unwrap_err().to_string();
    assert!(error.contains("row 1: expected a record with messages") && error.contains("found the keys question"));
    let error = read(&file("gzip.parquet"), None).unwrap_err().to_string();
    assert!(
        error.contains("found a file that is packed with GZIP") && error.contains("zstd, Snappy or unpacked"),
        "{error}"
    );
    let error = read(Path::new("none.parquet"), None).unwrap_err().to_string();
    assert!(error.contains("none.parquet"), "{error}");
}

/// What many data sets are, one array of records, is no JSON Lines, and the way there is said.
#[test]
fn an_array_of_records_is_named() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("array.json");
    for text in ["[{\"text\": \"a\"}]", "[\n {\"text\": \"a\"}\n]"] {
        fs::write(&path, text).unwrap();
        let error = read(&path, None).unwrap_err().to_string();
        assert!(error.contains("line 1: expected a JSON object, found an array: one record a line is read"), "{error}");
    }
}

/// Whatever is cut off or overwritten: an error that names the file, never a panic.
#[test]
fn damaged_files_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("damaged.parquet");
    let whole = fs::read(file("text.parquet")).unwrap();
    let read_of = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        read(&path, None).map(|(documents, left_out)| documents.len() + left_out.len())
    };
    assert_eq!(read_of(&whole).unwrap(), 1100);
    // Groups in groups without end, which a reader that follows them would not survive.
    let groups = [0x48, 1, b'a', 0x15, 2, 0].repeat(30_000);
    let footer = [&[0x15, 2, 0x19, 0xfc, 0xb0, 0xea, 0x01][..], &groups, &[0x16, 0, 0]].concat();
    let length = (footer.len() as u32).to_le_bytes();
    let error = read_of(&[b"PAR1", &footer[..], &length, b"PAR1"].concat()).unwrap_err().to_string();
    assert!(error.contains("found a file that has columns in 30000 groups one within the other"), "{error}");
    for length in [0, 3, 8, whole.len() / 2, whole.len() - 1] {
        let error = read_of(&whole[..length]).unwrap_err().to_string();
        assert!(
            error.contains("damaged.parquet: file: expected records in Parquet, found a file that is no complete"),
            "{error}"
        );
    }
    let (mut refused, mut in_a_row) = (0, 0);
    for at in (4..whole.len()).step_by(whole.len() / 150) {
        let mut bytes = whole.clone();
        bytes[at..(at + 8).min(whole.len())].fill(0xff);
        if let Err(error) = read_of(&bytes) {
            refused += 1;
            in_a_row += usize::from(error.to_string().contains("row "));
            assert!(error.to_string().contains("damaged.parquet"), "{error}");
        }
    }
    assert!(refused > 50 && in_a_row > 0, "{refused}, {in_a_row}");
}
