//! The formats that are read, and which of them a file is of: decided by what it holds, not by its name.

use std::fmt;

use serde_json::{Map, Value};

use super::LoggedError;
use super::source::{Body, Source};
use super::table::{self, Columns};

/// Rows that are looked at for a column that the user names.
const LOOKED_AT: usize = 100;

/// What a file of answers was written by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// lm-evaluation-harness, `--log_samples`.
    LmEval,
    /// Inspect, `.eval` or JSON.
    Inspect,
    /// promptfoo results, JSON or JSONL.
    Promptfoo,
    /// lighteval details, Parquet.
    Lighteval,
    /// Output of a batch of OpenAI or Anthropic; its input says what was asked.
    OpenaiBatch,
    /// alpaca_eval outputs or annotations.
    AlpacaEval,
    /// Conversations: `messages`, `conversation` or ShareGPT's `conversations`.
    Conversations,
    /// FastChat model answers (MT-bench): `question_id` and `choices` with `turns`.
    Fastchat,
    /// Trajectories of tau-bench and tau2.
    Tau,
    /// Results and scores of the Berkeley Function Calling Leaderboard.
    Bfcl,
    /// GSM8K solutions of several models.
    Gsm8kSolutions,
    /// XSTest completions.
    Xstest,
    /// A table with columns that are named, or have usual names.
    Table,
}

impl Format {
    /// All, in the order in which they are tried.
    pub const ALL: [Format; 13] = [
        Format::LmEval,
        Format::Inspect,
        Format::Promptfoo,
        Format::Lighteval,
        Format::OpenaiBatch,
        Format::AlpacaEval,
        Format::Conversations,
        Format::Fastchat,
        Format::Tau,
        Format::Bfcl,
        Format::Gsm8kSolutions,
        Format::Xstest,
        Format::Table,
    ];

    /// Its name: what `--format` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::LmEval => "lm-eval",
            Format::Inspect => "inspect",
            Format::Promptfoo => "promptfoo",
            Format::Lighteval => "lighteval",
            Format::OpenaiBatch => "openai-batch",
            Format::AlpacaEval => "alpaca-eval",
            Format::Conversations => "conversations",
            Format::Fastchat => "fastchat",
            Format::Tau => "tau",
            Format::Bfcl => "bfcl",
            Format::Gsm8kSolutions => "gsm8k-solutions",
            Format::Xstest => "xstest",
            Format::Table => "table",
        }
    }

    /// What it is known by.
    #[must_use]
    pub fn known_by(self) -> &'static str {
        match self {
            Format::LmEval => "`doc_id`, `arguments` and `resps`",
            Format::Inspect => "a .eval archive, or `eval` and `samples`",
            Format::Promptfoo => "`results.results`, or `promptIdx` and `testIdx`",
            Format::Lighteval => "Parquet details",
            Format::OpenaiBatch => "`custom_id` and `response` or `result`",
            Format::AlpacaEval => "`instruction`, `output` and `generator`",
            Format::Conversations => "`messages`, `conversations` or `conversation`",
            Format::Fastchat => "`question_id` and `choices`",
            Format::Tau => "`task_id`, `reward` and `traj`, or `simulations`",
            Format::Bfcl => "`id` and `result`, or `id` and `valid`",
            Format::Gsm8kSolutions => "`ground_truth` and a field per model with `solution`",
            Format::Xstest => "columns `prompt`, `type`, `completion`, `final_label`",
            Format::Table => "columns such as `prompt` and `response`, or those that flags name",
        }
    }

    /// The format of a file.
    ///
    /// # Errors
    /// It is of none; the message lists what was expected.
    pub(super) fn of(source: &Source, columns: &Columns) -> Result<Format, LoggedError> {
        let rows: Vec<&Map<String, Value>> = match &source.body {
            Body::Zip(_) => return Ok(Format::Inspect),
            Body::Parquet => return Ok(Format::Lighteval),
            Body::Object(fields) => vec![fields],
            Body::Rows(rows) | Body::Cells(rows) => rows.iter().take(LOOKED_AT).map(|row| &row.fields).collect(),
        };
        // A column that the user names says what the file is.
        if rows.iter().any(|row| columns.name_answers(row)) {
            return Ok(Format::Table);
        }
        let found = match &source.body {
            Body::Object(fields) => of_object(fields),
            Body::Cells(_) => Some(rows.first().and_then(|row| of_cells(row)).unwrap_or(Format::Table)),
            // A row whose answer is missing says less than one that has it.
            _ => rows.iter().find(|row| table::is_filled(row)).or(rows.first()).and_then(|row| of_row(row)),
        };
        // A column that is called like a model makes it a table, too; where the other's is missing, that is said.
        let found = found.or_else(|| rows.iter().any(|row| columns.have_one(row)).then_some(Format::Table));
        found.ok_or_else(|| unknown(source))
    }
}

fn of_object(fields: &Map<String, Value>) -> Option<Format> {
    let within = |outer: &str, inner: &str| fields.get(outer).and_then(|value| value.get(inner)).is_some();
    if fields.contains_key("eval") && (fields.contains_key("samples") || fields.contains_key("plan")) {
        Some(Format::Inspect)
    } else if within("results", "results") || within("results", "table") {
        Some(Format::Promptfoo)
    } else if fields.contains_key("simulations") {
        Some(Format::Tau)
    } else {
        of_row(fields).or_else(|| {
            // A table whose rows are named: an object of objects.
            let (_, first) = fields.iter().next()?;
            table::is_row(first.as_object()?).then_some(Format::Table)
        })
    }
}

fn of_row(fields: &Map<String, Value>) -> Option<Format> {
    let has = |field: &str| fields.contains_key(field);
    let solution = |value: &Value| value.get("solution").is_some() && value.get("is_correct").is_some();
    if has("doc_id") && (has("arguments") || has("resps") || has("filtered_resps")) {
        Some(Format::LmEval)
    } else if has("promptIdx") && has("testIdx") {
        Some(Format::Promptfoo)
    } else if has("custom_id") && (has("response") || has("error") || has("body") || has("result") || has("params")) {
        Some(Format::OpenaiBatch)
    } else if has("instruction") && ((has("output") && has("generator")) || (has("output_1") && has("output_2"))) {
        Some(Format::AlpacaEval)
    } else if has("task_id") && has("reward") && has("traj") {
        Some(Format::Tau)
    } else if has("question_id") && (has("choices") || has("turns")) {
        Some(Format::Fastchat)
    } else if (has("id") && ((has("result") && !table::is_row(fields)) || has("valid")))
        || (has("accuracy") && has("total_count"))
    {
        Some(Format::Bfcl)
    } else if super::conversations::FIELDS.into_iter().any(has) && !table::is_filled(fields) {
        Some(Format::Conversations)
    } else if has("ground_truth") && fields.values().any(solution) {
        Some(Format::Gsm8kSolutions)
    } else {
        table::is_row(fields).then_some(Format::Table)
    }
}

fn of_cells(fields: &Map<String, Value>) -> Option<Format> {
    let xstest = ["prompt", "type", "completion", "final_label"];
    xstest.iter().all(|column| fields.contains_key(*column)).then_some(Format::Xstest)
}

fn unknown(source: &Source) -> LoggedError {
    let known: Vec<String> =
        Format::ALL.iter().map(|format| format!("{} ({})", format.name(), format.known_by())).collect();
    let fields = match &source.body {
        Body::Object(fields) => Some(fields),
        Body::Rows(rows) | Body::Cells(rows) => rows.first().map(|row| &row.fields),
        Body::Zip(_) | Body::Parquet => None,
    };
    let names: Vec<String> =
        fields.into_iter().flat_map(Map::keys).take(12).map(|key| hydrometer_probes::quote(key)).collect();
    let found = if names.is_empty() { "nothing".to_owned() } else { format!("the fields {}", names.join(", ")) };
    let next =
        format!("name its columns with --prompt and --answer, or its format with --format: {}", known.join("; "));
    LoggedError::wrong(&*source.name, "answers in a format that is known", found, next)
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
