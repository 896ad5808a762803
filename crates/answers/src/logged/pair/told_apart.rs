//! Questions that are put in the same words and are about different texts: a task in one template, its document in a column
//! of which the reader knows no use. Two models that were asked the same have the same texts there; what a model or a tool wrote differs.

use std::collections::{BTreeMap, HashSet};

use hydrometer_probes::{Ask, quote};

use super::super::record::{Content, Record};
use super::key;

/// Asks a question with the texts in such columns, and says of which, as sentences.
pub(super) fn by_texts(sides: [&mut Vec<Record>; 2]) -> Vec<String> {
    let [ours, theirs] = [&*sides[0], &*sides[1]].map(|records| texts(records));
    let shared = |(column, of_teacher): (&String, &HashSet<Beside<'_>>)| {
        let of_student = theirs.get(column)?;
        let both = of_teacher.intersection(of_student).count();
        (2 * both > of_teacher.len().min(of_student.len())).then(|| column.clone())
    };
    let columns: Vec<String> = ours.iter().filter_map(shared).collect();
    for record in sides.into_iter().flatten() {
        let (Some(Ask::Prompt(prompt)), Content::Asked(asked)) = (&mut record.question, &record.content) else {
            continue;
        };
        for (_, text) in
            record.beside.iter().filter(|(column, text)| columns.contains(column) && !asked.contains(text.as_str()))
        {
            prompt.prompt = format!("{}\n\n{text}", prompt.prompt);
        }
        record.content = Content::Asked(key(&Ask::Prompt(prompt.clone())));
    }
    let note = |column: &String| {
        let column = quote(column);
        format!(
            "questions in the same words are told apart by {column}, which is asked with them (--prompt COLUMN names what was asked)"
        )
    };
    columns.iter().map(note).collect()
}

/// What was asked, and a text beside it.
type Beside<'r> = (&'r str, &'r str);

/// What stands beside which question, by column.
fn texts(records: &[Record]) -> BTreeMap<String, HashSet<Beside<'_>>> {
    let mut all: BTreeMap<String, HashSet<Beside<'_>>> = BTreeMap::new();
    for record in records {
        if let Content::Asked(asked) = &record.content {
            for (column, text) in &record.beside {
                all.entry(column.clone()).or_default().insert((asked, text));
            }
        }
    }
    all
}
