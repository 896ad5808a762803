//! The most probable tokens behind positions of token sequences. vLLM and SGLang list them for a whole prompt in one answer
//! (`prompt_logprobs`, `input_top_logprobs`), llama-server one position at a time (`n_probs`). Nothing is drawn: of what is not listed the
//! mass is known, 1 less that of the list.

use std::ops::{ControlFlow, RangeInclusive};

use serde_json::Value;

use super::asking::{Call, Failed, Line};
use super::gate::Gate;
use super::listings::along;
use super::positions::Way;
use super::purse::AROUND;
use super::under_way::ask_all;
use crate::{Listed, ModelError, Sequence, Unlisted};

/// Mass of a list that has fewer tokens than were asked for: so much is all of it, but for the rounding of 32 bits.
const ALL: f64 = 1.0 - 1e-4;

/// Tokens with their log-probabilities in nats, falling.
type Row = Vec<(u32, f32)>;

/// One question: positions of a sequence, and which sequence it is.
struct Job {
    place: usize,
    sequence: Sequence,
}

/// As [`TopTokens::listed`](crate::TopTokens::listed), over this connection; `count` tokens, `width` questions at once.
pub(super) fn of(
    line: &Line,
    wanted: &[Unlisted<'_>],
    (count, width): (u32, usize),
    watch: &mut dyn FnMut(Option<Listed>) -> ControlFlow<()>,
) -> Result<(), ModelError> {
    let request = |reason: String| ModelError::Request { reason };
    let way = Way::of(&line.address).map_err(request)?;
    let mut jobs = Vec::new();
    for (place, Unlisted { tokens, positions }) in wanted.iter().enumerate() {
        let (Some(&first), Some(&last)) = (positions.first(), positions.last()) else { continue };
        if last as usize + 1 >= tokens.len() {
            let length = tokens.len();
            return Err(request(format!(
                "position {last} of a sequence of {length} tokens: expected one before the last"
            )));
        }
        let job = |rows: RangeInclusive<u32>| {
            let tokens = tokens[..=*rows.end() as usize + 1].to_vec();
            Job { place, sequence: Sequence { tokens, rows: rows.collect() } }
        };
        match way {
            Way::LlamaServer => jobs.extend(positions.iter().map(|&position| job(position..=position))),
            // What lies between is listed, too.
            Way::Vllm | Way::Sglang => jobs.push(job(first..=last)),
        }
    }
    let one = |job: usize, gate: &Gate| ask(line, way, &jobs[job].sequence, count, gate);
    ask_all(jobs.len(), width, &line.address, &one, &mut |came| {
        watch(came.map(|(job, rows)| {
            let Job { place, sequence } = &jobs[job];
            Listed { sequence: *place, first: sequence.rows[0], rows }
        }))
    })
}

/// The rows of one question.
fn ask(line: &Line, way: Way, sequence: &Sequence, count: u32, gate: &Gate) -> Result<Vec<Row>, Failed> {
    let rows = match way {
        Way::LlamaServer => singly(line, way, sequence, count, gate),
        Way::Vllm | Way::Sglang => along(line, way, gate, count, sequence)
            .map(|positions| positions.into_iter().map(|position| position.listed).collect()),
    };
    let mut rows: Vec<Row> = rows.map_err(|failed| match failed {
        Failed::Refused { status: Some(400), reason } if reason.contains("max allowed") => {
            let reason =
                format!("{reason}; {count} tokens of each list were asked for: start vLLM with --max-logprobs {count}, or ask for fewer");
            Failed::Refused { status: Some(400), reason }
        }
        failed => failed,
    })?;
    for (row, position) in rows.iter_mut().zip(&sequence.rows) {
        row.truncate(count as usize);
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

/// The only row of a question.
fn singly(line: &Line, way: Way, sequence: &Sequence, count: u32, gate: &Gate) -> Result<Vec<Row>, Failed> {
    let context = &sequence.tokens[..sequence.tokens.len() - 1];
    let (path, body) = way.question(line.address.model.as_deref(), context, Some(count));
    let url = way.url(&line.address, path);
    let (call, most) = (Call { url: &url, body: Some(&body) }, (context.len() as u64 + AROUND, 1));
    let read = |answer: &Value| Ok(vec![way.read(answer, count)?.listed]);
    line.bought(&call, most, gate, &read, |answer| way.counted(answer))
}
