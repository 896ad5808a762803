//! Prompts of a distillation set: what a student was asked while it was trained, from JSON lines, a JSON array, CSV, TSV or
//! Parquet, gzipped or not.

mod knob;

use std::collections::BTreeMap;
use std::path::Path;

use hydrometer_probes::quote;
use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::message::{Who, known_roles, role, said};
use super::parquet_rows::each_row;
use super::source::{BadLines, Body, Source};

/// Columns with a chat, of which the user's messages are the prompt.
const CHATS: [&str; 2] = ["messages", "conversations"];
/// Columns with the prompt itself.
const PROMPTS: [&str; 4] = ["prompt", "instruction", "question", "text"];
/// What belongs to an `instruction`, where it says anything.
const INPUT: &str = "input";
/// What to do about a row that has the column and no prompt in it.
const NEXT: &str = "complete or remove the row";

/// What a distillation set says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompts {
    /// What the user says, one text for each row, in their order.
    pub words: Vec<String>,
    /// How hard the prompts are, by `axis.knob`: the values of the rows that carry it, in their order.
    pub knobs: BTreeMap<String, Vec<f64>>,
}

impl Prompts {
    /// Another file behind this one.
    pub fn append(&mut self, mut other: Self) {
        self.words.append(&mut other.words);
        other.knobs.into_iter().for_each(|(name, mut values)| self.knobs.entry(name).or_default().append(&mut values));
    }

    fn take(&mut self, fields: &Map<String, Value>, place: impl Fn() -> String) -> Result<(), LoggedError> {
        let words = prompt(fields, &place)?;
        if let Some((name, value)) = knob::of(fields, place)? {
            self.knobs.entry(name).or_default().push(value);
        }
        self.words.push(words);
        Ok(())
    }
}

/// The prompts of a file in their order, one for each row.
///
/// # Errors
/// The file cannot be read, has a row without a prompt, or a knob that cannot be read: with file, line, and what is there.
pub fn prompts(path: &Path) -> Result<Prompts, LoggedError> {
    let source = Source::open(path, BadLines::Refuse)?;
    let next = "give JSON lines, CSV or Parquet with a column of prompts";
    let mut prompts = Prompts::default();
    match &source.body {
        Body::Rows(rows) | Body::Cells(rows) => {
            for row in rows {
                prompts.take(&row.fields, || source.place(row.number).to_string())?;
            }
        }
        // A file of one line.
        Body::Object(fields) => prompts.take(fields, || source.place(1).to_string())?,
        Body::Parquet => {
            let mut wrong = None;
            let read = each_row(path, |fields| {
                let row = prompts.words.len() as u64 + 1;
                prompts.take(&fields, || source.place(row).to_string()).map_err(|error| {
                    let what = error.to_string();
                    wrong = Some(error);
                    what
                })
            })?;
            if let Some(wrong) = wrong {
                return Err(wrong);
            }
            read.map_err(|found| LoggedError::wrong(&*source.name, "prompts in Parquet", found, next))?;
        }
        Body::Zip(_) => return Err(LoggedError::wrong(&*source.name, "a set of prompts", "a zip archive", next)),
    }
    if prompts.words.is_empty() {
        return Err(LoggedError::wrong(&*source.name, "prompts", "a file without rows", next));
    }
    Ok(prompts)
}

/// The prompt of a row: what the user says in a chat, or the first column of prompts.
fn prompt(fields: &Map<String, Value>, place: impl Fn() -> String) -> Result<String, LoggedError> {
    let filled = |column: &'static str| Some((column, fields.get(column).filter(|cell| !cell.is_null())?));
    let columns = || CHATS.into_iter().chain(PROMPTS);
    let Some((column, cell)) = columns().find_map(filled) else {
        // The column is there, and says nothing in this row: null, or an empty cell.
        if let Some(column) = columns().find(|column| fields.contains_key(*column)) {
            return Err(LoggedError::wrong(place(), expected_in(column), "null", NEXT));
        }
        const SHOWN: usize = 20;
        let columns: Vec<String> = fields.keys().take(SHOWN).map(|column| quote(column)).collect();
        let found = if columns.is_empty() { "no column".to_owned() } else { columns.join(", ") };
        let expected = format!("something in one of the columns {}, {}", CHATS.join(", "), PROMPTS.join(", "));
        return Err(LoggedError::wrong(place(), expected, found, "rename the column with the prompts"));
    };
    known_roles(cell, &place)?;
    let words = match cell {
        Value::String(text) if !CHATS.contains(&column) => Some(text.clone()),
        Value::Array(messages) => users(messages),
        _ => None,
    };
    let input =
        fields.get(INPUT).and_then(Value::as_str).filter(|input| column == "instruction" && !input.trim().is_empty());
    let words = words.map(|words| input.map(|input| format!("{words}\n{input}")).unwrap_or(words));
    words
        .filter(|words| !words.trim().is_empty())
        .ok_or_else(|| LoggedError::wrong(place(), expected_in(column), shown(Some(cell)), NEXT))
}

/// What a column of prompts holds.
fn expected_in(column: &str) -> String {
    match CHATS.contains(&column) {
        true => format!("a list with a message of the user in `{column}`"),
        false => format!("a text, or a list with a message of the user, in `{column}`"),
    }
}

/// What the user says in a chat.
fn users(messages: &[Value]) -> Option<String> {
    let people = messages.iter().filter_map(Value::as_object).filter(|message| role(message) == Some(Who::Person));
    let texts: Vec<String> = people.filter_map(said).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    fn read(name: &str, content: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        prompts(&path).map(|prompts| prompts.words).map_err(|error| error.to_string())
    }

    #[test]
    fn every_usual_column_holds_prompts() {
        let check = |name: &str, content: &str, expected: &[&str]| {
            assert_eq!(read(name, content).unwrap(), expected, "{content}");
        };
        check("a.jsonl", "{\"prompt\":\"one\"}\n\n{\"text\":\"two\"}\n", &["one", "two"]);
        check("a.jsonl", r#"{"question":"how many?","answer":"3","text":"other"}"#, &["how many?"]);
        check(
            "a.json",
            r#"[{"instruction":"Translate.","input":"tide"},{"instruction":"Sing.","input":""}]"#,
            &["Translate.\ntide", "Sing."],
        );
        check("a.csv", "prompt\n\"one, two\"\nthree\n", &["one, two", "three"]);
        check("a.tsv", "id\tquestion\n1\tone\n", &["one"]);
        let chat = r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},
            {"role":"assistant","content":"b"},{"role":"user","content":[{"type":"text","text":"c"}]}]}"#;
        check("a.jsonl", &chat.replace('\n', ""), &["a\nc"]);
        check("a.jsonl", r#"{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#, &["a"]);
        check("a.jsonl", r#"{"prompt":[{"role":"user","content":"a"}]}"#, &["a"]);
    }

    #[test]
    fn chats_in_parquet_are_read() {
        let shape = "message rows { optional group messages (LIST) { repeated group list { optional group element {
            optional binary content (UTF8); optional binary role (UTF8); } } } }";
        let write = |path: &Path, contents: &[&str], roles: &[&str]| {
            let file = std::fs::File::create(path).unwrap();
            let shape = std::sync::Arc::new(parse_message_type(shape).unwrap());
            let mut writer = SerializedFileWriter::new(file, shape, Default::default()).unwrap();
            let mut group = writer.next_row_group().unwrap();
            for texts in [contents, roles] {
                let values: Vec<ByteArray> = texts.iter().map(|text| ByteArray::from(*text)).collect();
                let mut column = group.next_column().unwrap().unwrap();
                // Two rows of two messages each.
                column.typed::<ByteArrayType>().write_batch(&values, Some(&[4; 4]), Some(&[0, 1, 0, 1])).unwrap();
                column.close().unwrap();
            }
            group.close().unwrap();
            writer.close().unwrap();
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write(&path, &["a", "b", "c", "d"], &["user", "assistant", "user", "user"]);
        assert_eq!(prompts(&path).unwrap().words, ["a", "c\nd"]);
        write(&path, &["a", "b", "c", "d"], &["user", "assistant", "system", "assistant"]);
        let found = prompts(&path).unwrap_err().to_string();
        assert!(found.starts_with("a.parquet:2: expected a list with a message of the user"), "{found}");
    }

    /// A reader that follows groups one within the other would run out of stack.
    #[test]
    fn groups_in_groups_without_end_are_refused() {
        let groups = [0x48, 1, b'a', 0x15, 2, 0].repeat(30_000);
        let footer = [&[0x15, 2, 0x19, 0xfc, 0xb0, 0xea, 0x01][..], &groups, &[0x16, 0, 0]].concat();
        let length = (footer.len() as u32).to_le_bytes();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        std::fs::write(&path, [b"PAR1", &footer[..], &length, b"PAR1"].concat()).unwrap();
        let found = prompts(&path).unwrap_err().to_string();
        assert!(found.contains("has columns in 30000 groups one within the other, at most 64"), "{found}");
    }

    #[test]
    fn a_file_without_prompts_is_refused_by_its_line() {
        let check = |name: &str, content: &str, expected: &str| {
            let found = read(name, content).unwrap_err();
            assert!(found.contains(expected), "{content:?}: {found}");
        };
        check("a.jsonl", "", "a.jsonl: expected rows, found an empty file");
        check("a.csv", "prompt\n", "found a file without rows");
        check("a.jsonl", "{\"prompt\":\"one\"}\n{\"prompt\":\" \"}", "a.jsonl:2: expected a text");
        check("a.jsonl", "{\"prompt\":\"one\"}\n{\"reply\":\"x\",\"id\":1}", "a.jsonl:2: expected something in one of");
        check("a.jsonl", "{\"reply\":\"x\",\"id\":1}", "found `reply`, `id`");
        let null = "a.jsonl:2: expected a text, or a list with a message of the user, in `prompt`, found null; complete or remove";
        check("a.jsonl", "{\"prompt\":\"one\"}\n{\"prompt\":null,\"id\":1}", null);
        check(
            "a.csv",
            "id,question\n1,one\n2,\n",
            "a.csv:3: expected a text, or a list with a message of the user, in `question`, found null",
        );
        check(
            "a.jsonl",
            r#"{"messages":null,"id":1}"#,
            "expected a list with a message of the user in `messages`, found null",
        );
        // The commands that read prompts leave no line out.
        for (name, content) in
            [("a.csv", "prompt,x\none\n"), ("a.jsonl", "{\"prompt\":\"one\"}\nno json"), ("a.json", "[7]")]
        {
            let found = read(name, content).unwrap_err();
            assert!(!found.contains("--skip"), "{found}");
        }
        check("a.csv", "reply\nx\n", "found `reply`");
        check("a.jsonl", r#"{"messages":[{"role":"assistant","content":"b"}]}"#, "a message of the user in `messages`");
        check("a.jsonl", r#"{"messages":"hello","prompt":7}"#, "a.jsonl:1");
        check("a.jsonl", r#"{"prompt":7}"#, "found the number 7");
        check("a.jsonl", "{\"prompt\":\"one\"}\nno json", "a.jsonl:2: expected a JSON object");
        check("a.parquet", "PAR1 and nothing more", "expected prompts in Parquet");
    }
}
