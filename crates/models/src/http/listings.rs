//! The most probable tokens at every position of a text, and the probability of the token that the text goes on with there, as far as
//! a server lists them. vLLM and SGLang say both for a whole text in one answer; llama-server is asked position by position. Nothing is
//! drawn: what is beyond a list is known to be there, and not what it is.

use serde_json::{Value, json};

use super::asking::{Call, Failed, Line};
use super::gate::Gate;
use super::positions::{AT_ONCE, FIRST_TEXT, Positions, Way, entry, id, in_words, together};
use super::purse::AROUND;
use crate::error::shown;
use crate::{ListedPosition, ModelError, Sequence};

/// Tokens that are listed at each position, where the server lists as many. An answer has as many for every token of a window.
const WIDE: u32 = 256;
/// What vLLM lists without being told otherwise.
const NARROW: u32 = 20;

/// How lists along a text are asked for.
pub(super) enum Listings {
    /// A text at once, so many tokens a position.
    Along { way: Way, gate: Gate, count: u32 },
    /// A position at a time.
    Singly(Positions),
}

impl Listings {
    /// How this endpoint lists the tokens of a text, tried out.
    ///
    /// # Errors
    /// Why it lists none, in words.
    pub(super) fn of(line: &Line) -> Result<Listings, String> {
        let way = Way::of(&line.address)?;
        if way == Way::LlamaServer {
            return Positions::of(line).map(Listings::Singly);
        }
        let gate = Gate::new(AT_ONCE);
        let ids = way.tokenize(line, FIRST_TEXT, &gate).map_err(in_words)?;
        let ids = ids.filter(|ids| ids.len() > 1).ok_or("it does not show the tokens of a text")?;
        let sequence = Sequence { rows: vec![0], tokens: ids };
        let counts = if way == Way::Vllm { [WIDE, NARROW].as_slice() } else { &[WIDE] };
        let mut refused = String::new();
        for &count in counts {
            match along(line, way, &gate, count, &sequence) {
                Ok(_) => return Ok(Listings::Along { way, gate, count }),
                Err(Failed::Refused { reason, .. }) => refused = reason,
                Err(failed) => return Err(in_words(failed)),
            }
        }
        Err(match way {
            Way::Vllm => format!("{refused}; vLLM lists {WIDE} tokens a position with --max-logprobs {WIDE}"),
            _ => refused,
        })
    }

    /// The ids of an ordinary text, nothing in front; `None` where the server does not show them.
    pub(super) fn tokenize(&self, line: &Line, text: &str) -> Result<Option<Vec<u32>>, Failed> {
        match self {
            Listings::Along { way, gate, .. } => way.tokenize(line, text, gate),
            Listings::Singly(positions) => positions.tokenize(line, text),
        }
    }

    /// What is listed at the rows of these sequences, in their order.
    pub(super) fn along(&self, line: &Line, sequences: &[&Sequence]) -> Result<Vec<Vec<ListedPosition>>, ModelError> {
        match self {
            Listings::Along { way, gate, count } => {
                together(line, sequences.len(), &|place| along(line, *way, gate, *count, sequences[place]))
            }
            Listings::Singly(positions) => sequences.iter().map(|sequence| singly(line, positions, sequence)).collect(),
        }
    }

    /// Questions that the server is put for a text with so many rows.
    pub(super) fn questions(&self, sequence: &Sequence) -> Vec<u64> {
        match self {
            Listings::Along { .. } => vec![sequence.tokens.len() as u64],
            Listings::Singly(_) => sequence.rows.iter().map(|row| u64::from(*row) + 1).collect(),
        }
    }
}

/// Position by position: each list goes at least as far as the text's own token.
fn singly(line: &Line, positions: &Positions, sequence: &Sequence) -> Result<Vec<ListedPosition>, ModelError> {
    let context = |&row: &u32| (&sequence.tokens[..=row as usize], sequence.tokens[row as usize + 1]);
    let contexts: Vec<_> = sequence.rows.iter().map(context).collect();
    let found = positions.listed(line, &contexts)?;
    let listed = |(shown, (_, next)): (crate::ShownPosition, &(&[u32], u32))| {
        let logprob = shown.listed.iter().find(|(token, _)| token == next).map(|(_, logprob)| *logprob);
        let logprob = logprob.ok_or_else(|| ModelError::Refused {
            endpoint: line.address.to_string(),
            reason: unknown(*next, shown.listed.len()),
        })?;
        Ok(ListedPosition { listed: shown.listed, next: (*next, logprob) })
    };
    found.into_iter().zip(&contexts).map(listed).collect()
}

/// That nothing is said of a text's own token.
fn unknown(token: u32, listed: usize) -> String {
    format!("expected the log-probability of the text's own token {token}, found {listed} other tokens")
}

/// A text in one question.
pub(super) fn along(
    line: &Line,
    way: Way,
    gate: &Gate,
    count: u32,
    sequence: &Sequence,
) -> Result<Vec<ListedPosition>, Failed> {
    let (path, body) = match way {
        Way::Vllm => ("/completions", vllm(line.address.model.as_deref(), sequence, count)),
        Way::Sglang | Way::LlamaServer => ("/generate", sglang(sequence, count)),
    };
    let url = way.url(&line.address, path);
    let (call, most) = (Call { url: &url, body: Some(&body) }, (sequence.tokens.len() as u64 + AROUND, 1));
    let read = |answer: &Value| match way {
        Way::Vllm => of_vllm(answer, sequence, count),
        Way::Sglang | Way::LlamaServer => of_sglang(answer, sequence),
    };
    line.bought(&call, most, gate, &read, |answer| way.counted(answer))
}

fn vllm(model: Option<&str>, sequence: &Sequence, count: u32) -> Value {
    json!({
        "model": model, "prompt": sequence.tokens, "max_tokens": 1, "prompt_logprobs": count, "temperature": 1.0, "top_p": 1.0,
        "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "add_special_tokens": false, "stream": false,
    })
}

/// From the first row on: what is in front of it is not listed.
fn sglang(sequence: &Sequence, count: u32) -> Value {
    json!({
        "input_ids": sequence.tokens, "return_logprob": true, "logprob_start_len": start(sequence), "top_logprobs_num": count,
        "stream": false,
        "sampling_params": {
            "max_new_tokens": 1, "temperature": 1.0, "top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0,
        },
    })
}

fn start(sequence: &Sequence) -> usize {
    sequence.rows.first().map_or(0, |row| *row as usize)
}

/// A list for every token of the prompt, null for the first: `{"17": {"logprob": -1.5, "rank": 3}}`.
fn of_vllm(answer: &Value, sequence: &Sequence, count: u32) -> Result<Vec<ListedPosition>, String> {
    let lists = &answer["choices"][0]["prompt_logprobs"];
    let lists = of_length(lists, sequence.tokens.len(), "prompt_logprobs")?;
    let position = |&row: &u32| {
        let (place, next) = (row as usize + 1, sequence.tokens[row as usize + 1]);
        let wrong = || format!("expected log-probabilities by token id, found {}", shown(&lists[place].to_string()));
        let listed = lists[place].as_object().ok_or_else(wrong)?.iter();
        let listed = listed.map(|(id, said)| entry(id.parse().ok(), &said["logprob"])).collect::<Option<Vec<_>>>();
        let mut listed: Vec<(u32, f32)> = listed.ok_or_else(wrong)?.into_iter().flatten().collect();
        let of_next = listed.iter().find(|(token, _)| *token == next).copied();
        let of_next = of_next.ok_or_else(|| unknown(next, listed.len()))?;
        // The text's own token is added to a list that it is not in: the list of the most probable is without it.
        let rank = lists[place][next.to_string()]["rank"].as_u64();
        if listed.len() > count as usize || rank.is_some_and(|rank| rank > listed.len() as u64) {
            listed.retain(|(token, _)| *token != next);
        }
        Ok(in_order(listed, of_next))
    };
    sequence.rows.iter().map(position).collect()
}

/// From the first row on, token by token, the first without anything: `[-1.5, 17, null]`, and lists of these.
fn of_sglang(answer: &Value, sequence: &Sequence) -> Result<Vec<ListedPosition>, String> {
    let (info, start) = (&answer["meta_info"], start(sequence));
    let wanted = sequence.tokens.len() - start;
    let tokens = of_length(&info["input_token_logprobs"], wanted, "input_token_logprobs")?;
    let lists = of_length(&info["input_top_logprobs"], wanted, "input_top_logprobs")?;
    let position = |&row: &u32| {
        let (place, next) = (row as usize + 1 - start, sequence.tokens[row as usize + 1]);
        let wrong =
            |what: &Value| format!("expected [log-probability, token id, text], found {}", shown(&what.to_string()));
        // Its last token has the id 0 there: those of pictures are hidden so.
        if id(&tokens[place][1]).is_none_or(|found| found != next && found != 0) {
            return Err(format!("expected token {next} of the text, found {}", shown(&tokens[place].to_string())));
        }
        let of_next = entry(Some(next), &tokens[place][0]).ok_or_else(|| wrong(&tokens[place]))?;
        let listed = lists[place].as_array().ok_or_else(|| wrong(&lists[place]))?;
        let listed = listed.iter().map(|triple| entry(id(&triple[1]), &triple[0]).ok_or_else(|| wrong(triple)));
        let listed = listed.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect::<Vec<_>>();
        let of_next = of_next.ok_or_else(|| unknown(next, listed.len()))?;
        Ok(in_order(listed, of_next))
    };
    sequence.rows.iter().map(position).collect()
}

/// As many entries as there are tokens, or what is wrong: one for each, or nobody knows which is whose.
fn of_length<'v>(found: &'v Value, wanted: usize, name: &str) -> Result<&'v [Value], String> {
    match found.as_array() {
        Some(list) if list.len() == wanted => Ok(list),
        Some(list) => Err(format!("expected {wanted} entries of {name}, found {}", list.len())),
        None => Err(format!("expected {name}, found {}", shown(&found.to_string()))),
    }
}

fn in_order(mut listed: Vec<(u32, f32)>, next: (u32, f32)) -> ListedPosition {
    listed.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ListedPosition { listed, next }
}
