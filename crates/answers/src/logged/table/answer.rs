//! Which column of a table holds what the model answered. Tables of evaluations keep what was expected beside it, often under a
//! name that means an answer elsewhere (`output` of Alpaca, `answer` of GSM8K): where two such columns differ, the user says
//! which one counts.

use hydrometer_probes::counted::counted;
use hydrometer_probes::quote;
use serde_json::{Map, Value};

use super::super::LoggedError;
use super::super::record::Place;
use super::{Columns, SAID, filled};

/// Columns that hold what was expected as often as what was said. All others of [`SAID`] hold what a model said.
const GENERIC: [&str; 5] = ["response", "completion", "output", "reply", "answer"];

/// Words that begin the names of columns of answers.
const SPEAKING: [&str; 8] = ["pred", "generat", "complet", "respon", "output", "answer", "repl", "hypothes"];

/// Words in names of columns that are about answers, or hold what was expected or asked.
const ABOUT: [&str; 88] = [
    "acceptable",
    "aliases",
    "all",
    "answers",
    "at",
    "best",
    "by",
    "category",
    "choice",
    "choices",
    "class",
    "confidence",
    "context",
    "correct",
    "cost",
    "count",
    "date",
    "dir",
    "directory",
    "dtype",
    "duration",
    "end",
    "error",
    "expected",
    "explanation",
    "feedback",
    "file",
    "filename",
    "finish",
    "format",
    "gold",
    "golden",
    "ground",
    "hash",
    "id",
    "ideal",
    "idx",
    "incorrect",
    "index",
    "instructions",
    "judge",
    "key",
    "kind",
    "label",
    "lang",
    "language",
    "latency",
    "len",
    "length",
    "letter",
    "logprobs",
    "metadata",
    "model",
    "name",
    "options",
    "parameters",
    "params",
    "path",
    "possible",
    "prompt",
    "range",
    "rank",
    "rating",
    "reason",
    "ref",
    "reference",
    "right",
    "schema",
    "score",
    "sha256",
    "source",
    "sources",
    "start",
    "status",
    "target",
    "time",
    "timestamp",
    "to",
    "token",
    "tokens",
    "true",
    "truth",
    "type",
    "uri",
    "url",
    "usage",
    "version",
    "window",
];

/// Words in names of columns that hold a part of what the model said.
const PARTS: [&str; 9] =
    ["clean", "cleaned", "extracted", "filtered", "final", "normalized", "parsed", "processed", "raw"];

/// Where a table's answers stand: a column, or several of which no row has two.
#[derive(Default)]
pub(in super::super) struct AnswerColumns(Vec<String>);

impl AnswerColumns {
    /// Of the rows of a table, each with its place. What is particular goes to `notes`.
    ///
    /// # Errors
    /// Two columns may hold the answers, and they differ.
    pub(in super::super) fn of(
        columns: &Columns,
        rows: &[(Place, &Map<String, Value>)],
        notes: &mut Vec<String>,
    ) -> Result<Self, LoggedError> {
        if let Some(named) = &columns.answer {
            return Ok(Self(vec![named.clone()]));
        }
        let rows: Vec<_> = rows.iter().filter(|(_, fields)| !columns.have_both(fields)).collect();
        let has_another_use = |name: &str| columns.named().any(|named| named == name);
        let there = |name: &&str| rows.iter().any(|(_, fields)| fields.contains_key(*name)) && !has_another_use(name);
        let there: Vec<&str> = SAID.into_iter().filter(there).collect();
        let (mut full, empty): (Vec<&str>, Vec<&str>) =
            there.iter().partition(|name| rows.iter().any(|(_, fields)| filled(fields, name).is_some()));
        if full.is_empty() {
            return Ok(Self(there.into_iter().map(str::to_owned).collect()));
        }
        let said = |names: &[&str]| names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
        let together = |a: &str, b: &str| {
            rows.iter().find(|(_, fields)| filled(fields, a).is_some() && filled(fields, b).is_some())
        };
        // `answer` beside words that only a model says is what was expected.
        let of_model = |name: &&str| *name == "response" || !GENERIC.contains(name);
        let others: Vec<&str> = full.iter().copied().filter(|name| *name != "answer").collect();
        if let [other] = others[..]
            && of_model(&other)
            && full.len() > 1
            && together(other, "answer").is_some()
        {
            notes.push(format!("answers are in {}, and `answer` is taken for what was expected", quote(other)));
            full = others;
        }
        for (at, a) in full.iter().enumerate() {
            for b in &full[at + 1..] {
                agree(a, b, &rows)?;
            }
        }
        // A model that never answered leaves its column empty, and what was expected of it is no answer.
        let lacking = |name: &&&str| !GENERIC.contains(name) || full == ["answer"];
        if let Some(empty) = empty.iter().find(lacking).filter(|_| full.iter().all(|name| GENERIC.contains(name))) {
            let (place, _) = rows[0];
            return Err(unclear(&place.file, format!("{}, and {} that is always empty", said(&full), quote(empty))));
        }
        beside(columns, &full, &rows)?;
        if full.len() > 1 && together(full[0], full[1]).is_none() {
            notes.push(format!("answers are in one of the columns {} (--answer COLUMN takes one)", said(&full)));
        } else if !empty.is_empty() {
            notes.push(format!("answers are in {}, and {} is always empty", said(&full), said(&empty)));
        }
        Ok(Self(full.into_iter().map(str::to_owned).collect()))
    }

    /// Whether this column is one of them.
    pub(super) fn has(&self, column: &str) -> bool {
        self.0.iter().any(|name| name == column)
    }

    /// The cell with the answer of a row, and its column: one that holds something, where there is one.
    pub(in super::super) fn cell<'r>(&'r self, fields: &'r Map<String, Value>) -> (&'r str, &'r Value) {
        let found = self.0.iter().find_map(|name| Some((name.as_str(), filled(fields, name)?)));
        found.unwrap_or((self.0.first().map_or("answer", String::as_str), &Value::Null))
    }
}

type Rows<'a, 'r> = [&'a (Place, &'r Map<String, Value>)];

/// Refuses two columns of which nobody knows which holds the answers: they differ somewhere; or one is empty where the other is
/// not, although they are no two names for one column.
fn agree(a: &str, b: &str, rows: &Rows<'_, '_>) -> Result<(), LoggedError> {
    let (mut both, mut alone) = (false, None);
    for (place, fields) in rows {
        match (filled(fields, a), filled(fields, b)) {
            (Some(one), Some(other)) if !same(one, other) => {
                return Err(unclear(&place.to_string(), format!("{} and {}, which differ", quote(a), quote(b))));
            }
            (Some(_), Some(_)) => both = true,
            (Some(_), None) => alone = alone.or(Some((place, a, b))),
            (None, Some(_)) => alone = alone.or(Some((place, b, a))),
            (None, None) => {}
        }
    }
    let of_one_kind = GENERIC.contains(&a) == GENERIC.contains(&b);
    match alone {
        Some((place, full, empty)) if both || !of_one_kind => {
            let found = format!("{}, and {} without anything", quote(full), quote(empty));
            Err(unclear(&place.to_string(), found))
        }
        _ => Ok(()),
    }
}

/// Whether two cells say the same.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.trim() == b.trim(),
        (Value::Array(one), other) | (other, Value::Array(one)) if one.len() == 1 && !other.is_array() => {
            same(&one[0], other)
        }
        _ => a == b,
    }
}

/// Refuses a table with a column whose name says that it holds answers, too, and that none of the usual names is.
fn beside(columns: &Columns, chosen: &[&str], rows: &Rows<'_, '_>) -> Result<(), LoggedError> {
    let of_model = chosen.iter().all(|name| *name == "response" || !GENERIC.contains(name));
    for (place, fields) in rows {
        let Some(answer) = chosen.iter().find_map(|name| filled(fields, name)) else { continue };
        let speaks = |(name, cell): &(&String, &Value)| {
            let known = SAID.contains(&name.as_str()) || columns.named().any(|named| named == *name);
            !known && is_said(name, of_model) && is_text(cell) && !same(cell, answer)
        };
        if let Some((name, _)) = fields.iter().find(speaks) {
            let found = format!("{} and {}, which differ", quote(chosen[0]), quote(name));
            return Err(unclear(&place.to_string(), found));
        }
    }
    Ok(())
}

fn is_text(cell: &Value) -> bool {
    match cell {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_string),
        _ => false,
    }
}

/// Whether the name of a column says that it holds what a model said. Beside words that only a model says, a part of them is no
/// other answer.
fn is_said(name: &str, beside_model: bool) -> bool {
    let words = words(name);
    let about = |word: &String| ABOUT.contains(&word.as_str()) || (beside_model && PARTS.contains(&word.as_str()));
    let speaks = |word: &String| SPEAKING.iter().any(|start| word.starts_with(start));
    words.iter().any(speaks) && !words.iter().any(about)
}

/// The words of a name in lower case: `modelAnswer` and `model_answer` have the same two.
pub(in super::super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower) {
            words.push(String::new());
        }
        lower = c.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn unclear(place: &str, found: String) -> LoggedError {
    LoggedError::wrong(
        place,
        "one column of answers",
        found,
        "say with --answer COLUMN which of them the model answered",
    )
}

impl Columns {
    /// What is particular about the verdicts of a table, as sentences: one on several answers judges none of them.
    pub(in super::super) fn notes<'r>(&self, rows: impl Iterator<Item = &'r Map<String, Value>>) -> Option<String> {
        let several =
            |cell: &Value| cell.as_array().is_some_and(|items| items.len() > 1 && items.iter().all(Value::is_string));
        let one = |(name, cell): (&String, &Value)| self.is_verdict(name) && !cell.is_array() && !cell.is_null();
        let of_all = rows.filter(|fields| fields.iter().any(one) && self.is_answered(fields, several)).count() as u64;
        let rows = counted(of_all, "row");
        (of_all > 0).then(|| format!("one verdict on several answers, which judges none of them: {rows}"))
    }

    fn is_answered(&self, fields: &Map<String, Value>, how: impl Fn(&Value) -> bool) -> bool {
        let usual = SAID.iter().copied().chain(self.models.iter().map(String::as_str)).chain(self.answer.as_deref());
        usual.into_iter().any(|name| fields.get(name).is_some_and(&how))
    }
}
