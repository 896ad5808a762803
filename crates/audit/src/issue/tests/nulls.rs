//! Students that are their teacher: how often chance alone is named as a finding.

use hydrometer_answers::SampleSource;
use hydrometer_metrics::measure::answers::ANSWER_NET_LOSS;
use hydrometer_probes::read_jsonl;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::illusion::sample;
use super::{issue, rows};
use crate::statement::Severity;
use crate::{Policy, Statement};

const PROMPTS: usize = 60;
const ANSWERS: u32 = 4;

/// A teacher that is right now and then, on some prompts more often than on others, beside itself.
fn null(seed: u64) -> Statement {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut text, mut samples) = (String::new(), Vec::new());
    for k in 0..PROMPTS {
        text += &format!(
            r#"{{"kind":"prompt","id":"p{k}","family":"p{k}","axis":"reasoning","prompt":"What is {k} plus 1?","check":{{"exact":["{}"]}}}}"#,
            k + 1
        );
        text.push('\n');
        let able: f64 = random.random();
        for source in [SampleSource::Teacher, SampleSource::Rerun, SampleSource::Student] {
            for number in 0..ANSWERS {
                let right = random.random::<f64>() < able;
                let said = if right { k + 1 } else { k + 2 };
                samples.push(sample(&format!("p{k}"), source, number, said.to_string(), Some(right)));
            }
        }
    }
    let mut rows = rows(Vec::new());
    rows.probes = read_jsonl(text.as_bytes(), "null").unwrap().probes;
    rows.samples = samples;
    issue(&rows, &Policy::default()).unwrap()
}

#[test]
fn answers_are_seldom_said_to_be_lost_where_none_are() {
    const NULLS: u64 = 200;
    let loud = |statement: &Statement| {
        let lost = |finding: &&crate::statement::Finding| finding.id == "answers_lost";
        statement.findings.iter().find(lost).is_some_and(|finding| finding.severity != Severity::Informative)
    };
    let statements: Vec<Statement> = (0..NULLS).map(null).collect();
    assert!(
        statements.iter().all(|of| of.metrics.iter().any(|of| of.id == ANSWER_NET_LOSS.id && of.estimate.is_some()))
    );
    let said = statements.iter().filter(|statement| loud(statement)).count();
    // One in forty is what its interval allows: 5 of 200, and 11 or more with a chance of 1 %.
    assert!(said <= 10, "{said} of {NULLS}");
    // Half of the nulls lose more than they gain, and say so quietly.
    let quiet = statements.iter().filter(|of| of.findings.iter().any(|of| of.id == "answers_lost")).count();
    assert!((60..140).contains(&quiet), "{quiet} of {NULLS}");
}
