//! FastChat (MT-bench, Arena-Hard): `model_answer/MODEL.jsonl` of `question_id` and `choices`, and `question.jsonl`, which
//! says what was asked. Each turn is a question; the turns of one question share a family.

use hydrometer_probes::{Ask, Role, Turn, kind};
use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::message::text;
use super::record::{Answer, Content, Place, Record, TextAnswer};
use super::table::word;

/// The records of a line.
///
/// # Errors
/// It has neither answers nor questions.
pub(super) fn records(fields: &Map<String, Value>, place: &Place) -> Result<Vec<Record>, LoggedError> {
    let wrong = |field: &str, expected: &str| {
        let next = "give the file as FastChat wrote it";
        LoggedError::wrong(place.to_string(), format!("`{field}` with {expected}"), shown(fields.get(field)), next)
    };
    let id = fields.get("question_id").and_then(word).ok_or_else(|| wrong("question_id", "a name or number"))?;
    let model = fields.get("model_id").or_else(|| fields.get("model")).and_then(word);
    let record = |turn: usize, answer: Answer| Record {
        models: model.iter().cloned().collect(),
        task: "mt-bench".to_owned(),
        id: Some(format!("mt-bench/{id}/{}", turn + 1)),
        family: Some(format!("mt-bench/{id}")),
        ..Record::new(place.clone(), answer)
    };
    if let Some(choices) = fields.get("choices") {
        let choices = choices.as_array().ok_or_else(|| wrong("choices", "a list"))?;
        let mut records = Vec::new();
        for (epoch, choice) in (1..).zip(choices) {
            let turns = choice.get("turns").and_then(Value::as_array);
            for (turn, said) in turns.ok_or_else(|| wrong("choices", "`turns`"))?.iter().enumerate() {
                // Arena-Hard has an object with the text and its length.
                let said = text(said.get("content").unwrap_or(said)).filter(|said| !said.is_empty());
                let answer = Answer::Text(TextAnswer::new(said));
                records.push(Record { epoch: (choices.len() > 1).then_some(epoch), ..record(turn, answer) });
            }
        }
        return Ok(records);
    }
    let turns = fields.get("turns").and_then(Value::as_array).ok_or_else(|| wrong("turns", "texts"))?;
    let turns: Vec<String> = turns.iter().filter_map(|turn| text(turn.get("content").unwrap_or(turn))).collect();
    let question = |turn: usize| -> Ask {
        // What the model said between the turns was its own, and differs from model to model.
        let earlier = turns[..turn].iter().map(|text| Turn { role: Role::User, text: text.clone() }).collect();
        kind::Prompt { turns: earlier, ..kind::Prompt::new(turns[turn].as_str()) }.into()
    };
    let asked = |turn: usize| Record {
        question: Some(question(turn)),
        content: Content::Asked(super::pair::key(&question(turn))),
        ..record(turn, Answer::Question)
    };
    Ok((0..turns.len()).map(asked).collect())
}
