//! The most probable tokens behind positions of token sequences. vLLM and SGLang list them for a whole prompt in one answer
//! (`prompt_logprobs`, `input_top_logprobs`), llama-server one position at a time (`n_probs`). Nothing is drawn: of what is not listed the
//! mass is known, 1 less that of the list.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::asking::{Call, Failed, Line};
use super::gate::Gate;
use super::positions::{Way, entry, id};
use super::purse::AROUND;
use super::under_way::ask_all;
use crate::error::shown;
use crate::{Listed, ModelError, Unlisted};

/// Mass of a list that has fewer tokens than were asked for: so much is all of it, but for the rounding of 32 bits.
const ALL: f64 = 1.0 - 1e-4;

/// Tokens with their log-probabilities in nats, falling.
type Row = Vec<(u32, f32)>;

/// One question: a sequence, and which of its positions.
struct Job<'a> {
    sequence: usize,
    tokens: &'a [u32],
    first: u32,
    rows: usize,
}

/// As [`Lists::listed`](crate::Lists::listed), over this connection; `count` tokens, `width` questions at once.
pub(super) fn of(
    line: &Line,
    wanted: &[Unlisted<'_>],
    (count, width): (u32, usize),
    watch: &mut dyn FnMut(Option<Listed>) -> ControlFlow<()>,
) -> Result<(), ModelError> {
    let request = |reason: String| ModelError::Request { reason };
    let way = Way::of(&line.address).map_err(request)?;
    let mut jobs = Vec::new();
    for (sequence, Unlisted { tokens, positions }) in wanted.iter().enumerate() {
        let (Some(&first), Some(&last)) = (positions.first(), positions.last()) else { continue };
        if last as usize + 1 >= tokens.len() {
            let length = tokens.len();
            return Err(request(format!(
                "position {last} of a sequence of {length} tokens: expected one before the last"
            )));
        }
        match way {
            Way::LlamaServer => jobs.extend(positions.iter().map(|&first| Job { sequence, tokens, first, rows: 1 })),
            Way::Vllm | Way::Sglang => {
                jobs.push(Job {
                    sequence,
                    tokens: &tokens[..=last as usize + 1],
                    first,
                    rows: (last - first) as usize + 1,
                });
            }
        }
    }
    let one = |job: usize, gate: &Gate| ask(line, way, &jobs[job], count, gate);
    ask_all(jobs.len(), width, &line.address, &one, &mut |came| {
        watch(came.map(|(job, rows)| Listed { sequence: jobs[job].sequence, first: jobs[job].first, rows }))
    })
}

/// The rows of one question.
fn ask(line: &Line, way: Way, job: &Job<'_>, count: u32, gate: &Gate) -> Result<Vec<Row>, Failed> {
    let model = line.address.model.as_deref();
    let (path, body, read) = match way {
        Way::LlamaServer => {
            let context = &job.tokens[..=job.first as usize];
            let (path, body) = way.question(model, context, Some(count));
            (path, body, context.len())
        }
        Way::Vllm => ("/completions", of_vllm(model, job.tokens, count), job.tokens.len()),
        Way::Sglang => ("/generate", of_sglang(job, count), job.tokens.len()),
    };
    let url = way.url(&line.address, path);
    let call = Call { url: &url, body: Some(&body) };
    let make = |answer: &Value| read_rows(way, job, count, answer);
    let rows = line.bought(&call, (read as u64 + AROUND, 1), gate, &make, |answer| way.counted(answer));
    let rows = rows.map_err(|failed| match failed {
        Failed::Refused { status: Some(400), reason } if reason.contains("max allowed") => {
            let reason =
                format!("{reason}; {count} tokens of each list were asked for: start vLLM with --max-logprobs {count}, or ask for fewer");
            Failed::Refused { status: Some(400), reason }
        }
        failed => failed,
    })?;
    for (row, position) in rows.iter().zip(job.first..) {
        let mass: f64 = row.iter().map(|(_, logprob)| f64::from(*logprob).exp()).sum();
        if row.len() < count as usize && mass < ALL {
            let reason = format!(
                "{count} tokens were asked for behind position {position}, and the server lists {} with a mass of {mass:.4}: ask for no \
                 more than it lists",
                row.len()
            );
            return Err(Failed::Refused { status: None, reason });
        }
    }
    Ok(rows)
}

/// Log-probabilities of the prompt are those before any sampler.
fn of_vllm(model: Option<&str>, tokens: &[u32], count: u32) -> Value {
    json!({
        "model": model, "prompt": tokens, "max_tokens": 1, "prompt_logprobs": count, "temperature": 1.0, "top_p": 1.0, "top_k": -1,
        "min_p": 0.0, "repetition_penalty": 1.0, "add_special_tokens": false, "stream": false,
    })
}

/// Log-probabilities of the prompt are those at temperature 1.
fn of_sglang(job: &Job<'_>, count: u32) -> Value {
    json!({
        "input_ids": job.tokens, "return_logprob": true, "logprob_start_len": job.first, "top_logprobs_num": count, "stream": false,
        "sampling_params": {
            "max_new_tokens": 1, "temperature": 1.0, "top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0,
        },
    })
}

/// The rows that an answer lists.
fn read_rows(way: Way, job: &Job<'_>, count: u32, answer: &Value) -> Result<Vec<Row>, String> {
    let list = match way {
        Way::LlamaServer => return Ok(vec![way.read(answer, count)?.listed]),
        Way::Vllm => &answer["choices"][0]["prompt_logprobs"],
        Way::Sglang => &answer["meta_info"]["input_top_logprobs"],
    };
    let list = list.as_array().filter(|list| list.len() > job.rows).ok_or_else(|| {
        let found = shown(&answer.to_string());
        format!("expected the most probable tokens at each token of the prompt, found {found}")
    })?;
    // Each entry is what the server expected at a token of the prompt; the last ones are those of the tokens that are wanted.
    let entries = &list[list.len() - job.rows..];
    let expected = &job.tokens[job.tokens.len() - job.rows..];
    if way == Way::Sglang {
        let own = answer["meta_info"]["input_token_logprobs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let own: Vec<_> = own.iter().rev().map_while(|triple| id(&triple[1])).take(job.rows).collect();
        if !own.iter().eq(expected.iter().rev()) {
            return Err(format!(
                "expected the prompt's own tokens, the last of them {:?}, found {:?}",
                expected.last(),
                own.first()
            ));
        }
    }
    entries.iter().zip(expected).map(|(entry, &token)| row(way, entry, token, count)).collect()
}

/// The list in one entry. vLLM adds the prompt's own token where the list is without it.
fn row(way: Way, listed: &Value, token: u32, count: u32) -> Result<Row, String> {
    let wrong = || format!("expected tokens with their log-probabilities, found {}", shown(&listed.to_string()));
    let pairs: Option<Vec<_>> = match way {
        Way::Vllm => {
            let listed = listed.as_object().ok_or_else(wrong)?;
            listed.iter().map(|(id, of)| entry(id.parse().ok(), &of["logprob"])).collect()
        }
        _ => listed.as_array().ok_or_else(wrong)?.iter().map(|triple| entry(id(&triple[1]), &triple[0])).collect(),
    };
    let mut row: Row = pairs.ok_or_else(wrong)?.into_iter().flatten().collect();
    if way == Way::Vllm {
        if listed.get(token.to_string()).is_none() {
            return Err(format!(
                "expected the prompt's own token {token} in its list, found {}",
                shown(&listed.to_string())
            ));
        }
        if row.len() > count as usize {
            row.retain(|(id, _)| *id != token);
        }
    }
    row.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    row.truncate(count as usize);
    Ok(row)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn rows_are_those_behind_the_positions() {
        let job = Job { sequence: 0, tokens: &[7, 8, 9, 5], first: 1, rows: 2 };
        let at = |id: u32, logprob: f64, rank: u32| {
            (id.to_string(), json!({"logprob": logprob, "rank": rank, "decoded_token": "x"}))
        };
        let list = |of: &[(String, Value)]| Value::Object(of.iter().cloned().collect());
        let prompt = json!([
            null,
            list(&[at(8, -0.1, 1), at(1, -3.0, 2)]),
            list(&[at(1, -0.5, 1), at(2, -1.0, 2), at(9, -4.0, 17)]),
            list(&[at(5, -0.25, 1), at(3, -2.0, 2)]),
        ]);
        let rows = |answer: &Value| read_rows(Way::Vllm, &job, 2, answer);
        let found = rows(&json!({"choices": [{"prompt_logprobs": prompt}]})).unwrap();
        assert_eq!(found, [vec![(1, -0.5), (2, -1.0)], vec![(5, -0.25), (3, -2.0)]]);
        // Whoever reads the prompt as other tokens lists other ones.
        let other =
            json!({"choices": [{"prompt_logprobs": [null, {}, list(&[at(1, -0.5, 1)]), list(&[at(5, -0.5, 1)])]}]});
        assert!(rows(&other).unwrap_err().contains("the prompt's own token 9"));
        assert!(rows(&json!({"choices": [{"prompt_logprobs": null}]})).is_err());

        // From the token at `logprob_start_len` on, of which nothing is known.
        let sglang = json!({"meta_info": {"input_token_logprobs": [[null, 8, null], [-4.0, 9, null], [-0.25, 5, null]], "input_top_logprobs": [null, [[-0.5, 1, null], [-1.0, 2, null]], [[-0.25, 5, null]]]}});
        let found = read_rows(Way::Sglang, &job, 2, &sglang).unwrap();
        assert_eq!(found, [vec![(1, -0.5), (2, -1.0)], vec![(5, -0.25)]]);
    }
}
