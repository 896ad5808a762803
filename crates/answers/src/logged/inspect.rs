//! Inspect logs: `.eval`, a zip archive with an entry per sample and epoch, and the same as one JSON file.

use std::io::{Cursor, Read};

use serde_json::{Map, Value};
use zip::ZipArchive;

use super::LoggedError;
use super::error::shown;
use super::message::{Who, finish, question, role, said, text};
use super::record::{Answer, Content, Place, Record, TextAnswer};
use super::scores::{Words, flat};
use super::source::{MOST_BYTES, Source, parsed};
use crate::FinishReason;

/// The records of an archive, in the order of its entries. What its scores do not say goes to `notes`.
pub(super) fn archive(source: &Source, bytes: &[u8], notes: &mut Vec<String>) -> Result<Vec<Record>, LoggedError> {
    let next = "give a .eval file as Inspect wrote it";
    let wrong = |entry: &str, found: String| {
        LoggedError::wrong(format!("{}/{entry}", source.name), "an Inspect log", found, next)
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| wrong("", error.to_string()))?;
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    // What a whole archive unpacks to is bounded, not each entry alone.
    let mut left = MOST_BYTES;
    let mut entry = |name: &str| -> Result<Map<String, Value>, LoggedError> {
        let mut text = String::new();
        let file = archive.by_name(name).map_err(|error| wrong(name, error.to_string()))?;
        let read = file.take(left).read_to_string(&mut text).map_err(|error| wrong(name, error.to_string()))?;
        left = left.saturating_sub(read as u64);
        if left == 0 {
            return Err(wrong(name, format!("more than {} GiB", MOST_BYTES >> 30)));
        }
        match parsed(&text) {
            Ok((Value::Object(fields), _)) => Ok(fields),
            Ok((other, _)) => Err(wrong(name, shown(Some(&other)))),
            Err(error) => Err(wrong(name, error)),
        }
    };
    // A log of a run that was cut off has its beginning and no header.
    let header =
        ["header.json", "_journal/start.json"].into_iter().find(|name| names.iter().any(|found| found == name));
    let header = entry(header.ok_or_else(|| wrong("", "no `header.json`".to_owned()))?)?;
    let log = Log::new(&header);
    let samples = names.iter().filter(|name| name.starts_with("samples/") && name.ends_with(".json"));
    let samples = (1..).zip(samples).map(|(number, name)| log.record(&entry(name)?, &source.place(number)));
    Ok(judged(samples.collect::<Result<_, _>>()?, notes))
}

/// The records of a JSON log.
pub(super) fn json(
    source: &Source,
    fields: &Map<String, Value>,
    notes: &mut Vec<String>,
) -> Result<Vec<Record>, LoggedError> {
    let log = Log::new(fields);
    let samples = fields.get("samples").and_then(Value::as_array);
    let samples = samples.ok_or_else(|| {
        let next = "log with samples, or give the .eval file";
        LoggedError::wrong(&*source.name, "`samples`", shown(fields.get("samples")), next)
    })?;
    let record = |(number, sample): (u64, &Value)| {
        let place = source.place(number);
        let next = "give the log as Inspect wrote it";
        let fields = sample
            .as_object()
            .ok_or_else(|| LoggedError::wrong(place.to_string(), "a sample", shown(Some(sample)), next))?;
        log.record(fields, &place)
    };
    Ok(judged((1..).zip(samples).map(record).collect::<Result<_, _>>()?, notes))
}

/// What the scores of a log say: that a letter is a verdict shows in the others.
fn judged(samples: Vec<(Record, Map<String, Value>)>, notes: &mut Vec<String>) -> Vec<Record> {
    let words = Words::of(samples.iter().map(|(_, scores)| scores), |_| true, false);
    notes.extend(words.notes());
    let record = |(record, scores): (Record, Map<String, Value>)| {
        let scores = scores.iter().map(|(name, value)| (name.clone(), words.score(name, value))).collect();
        Record { scores, ..record }
    };
    samples.into_iter().map(record).collect()
}

/// What a log says of all of its samples.
struct Log {
    task: String,
    models: Vec<String>,
}

impl Log {
    fn new(header: &Map<String, Value>) -> Self {
        let of = |field: &str| header.get("eval").and_then(|eval| eval.get(field)).and_then(Value::as_str);
        let model = of("model").unwrap_or_default();
        // `openai/gpt-4o` is called `gpt-4o`, too.
        let short = model.rsplit_once('/').map(|(_, short)| short);
        let models = [Some(model), short].into_iter().flatten().filter(|name| !name.is_empty()).map(str::to_owned);
        Log { task: of("task").unwrap_or_default().to_owned(), models: models.collect() }
    }

    /// A sample, and its scores as they stand there.
    fn record(&self, sample: &Map<String, Value>, place: &Place) -> Result<(Record, Map<String, Value>), LoggedError> {
        let id = match sample.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            other => {
                let next = "give the log as Inspect wrote it";
                return Err(LoggedError::wrong(place.to_string(), "an `id` of a sample", shown(other), next));
            }
        };
        let attachments = sample.get("attachments").and_then(Value::as_object);
        let content = format!("{}\n{}", value(sample, "input"), value(sample, "target"));
        let verdicts = sample.get("scores").and_then(Value::as_object);
        let verdicts: Map<String, Value> = verdicts
            .into_iter()
            .flatten()
            .map(|(name, score)| (name.clone(), score.get("value").cloned().unwrap_or(Value::Null)))
            .collect();
        let model = sample.get("output").and_then(|output| output.get("model")).and_then(Value::as_str);
        let mut models = self.models.clone();
        models.extend(model.map(str::to_owned).filter(|model| !self.models.contains(model)));
        let record = Record {
            models,
            task: self.task.clone(),
            id: Some(id),
            question: asked(sample, attachments),
            content: Content::Document(content),
            epoch: sample.get("epoch").and_then(Value::as_u64).and_then(|epoch| u32::try_from(epoch).ok()),
            ..Record::new(place.clone(), Answer::Text(answer(sample, attachments)))
        };
        Ok((record, flat(&verdicts)))
    }
}

fn value(sample: &Map<String, Value>, field: &str) -> String {
    sample.get(field).unwrap_or(&Value::Null).to_string()
}

/// What the model was asked first: messages before its own, or the input where the log has no messages.
fn asked(sample: &Map<String, Value>, attachments: Option<&Map<String, Value>>) -> Option<hydrometer_probes::Ask> {
    let messages = ["messages", "input"].into_iter().find_map(|field| {
        let messages = resolved(sample.get(field)?, attachments);
        messages.as_array().filter(|messages| !messages.is_empty()).cloned()
    });
    match messages {
        Some(messages) => {
            let objects = messages.iter().filter_map(Value::as_object);
            // Examples in the input are messages of a model, too; what was generated says so.
            let mine = |message: &&Map<String, Value>| {
                role(message) != Some(Who::Model) || message.get("source").and_then(Value::as_str) == Some("input")
            };
            question(objects.take_while(mine))
        }
        None => super::message::asked(&resolved(sample.get("input")?, attachments)),
    }
}

fn answer(sample: &Map<String, Value>, attachments: Option<&Map<String, Value>>) -> TextAnswer {
    let output = sample.get("output");
    let choice = output.and_then(|output| output.get("choices")?.get(0));
    let message = choice.and_then(|choice| choice.get("message")).map(|message| resolved(message, attachments));
    let said = message.as_ref().and_then(Value::as_object).and_then(said);
    let completion = || text(&resolved(output?.get("completion")?, attachments));
    let limited = sample.get("limit").and_then(|limit| limit.get("type")).is_some_and(|kind| kind == "token");
    let finish =
        if limited { FinishReason::Length } else { finish(choice.and_then(|choice| choice.get("stop_reason"))) };
    TextAnswer { text: said.or_else(completion).filter(|text| !text.is_empty()), label: None, finish }
}

/// Long texts stand apart, as attachments.
fn resolved(value: &Value, attachments: Option<&Map<String, Value>>) -> Value {
    let Some(attachments) = attachments.filter(|attachments| !attachments.is_empty()) else { return value.clone() };
    match value {
        Value::String(text) => {
            let name = text.strip_prefix("attachment://");
            name.and_then(|name| attachments.get(name)).unwrap_or(value).clone()
        }
        Value::Array(items) => items.iter().map(|item| resolved(item, Some(attachments))).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), resolved(value, Some(attachments)))).collect()
        }
        other => other.clone(),
    }
}
