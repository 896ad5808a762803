//! Students that are their teacher: how often chance alone is named as a finding.

use hydrometer_answers::{ChoiceRow, OptionSaid, SampleSource};
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

/// Sixty choices with two options, of which the student loses and gains so many.
fn choices(lost: usize, gained: usize) -> Statement {
    let line = |k: usize| {
        format!(
            r#"{{"kind":"choice","id":"c{k}","family":"c{k}","axis":"reasoning","prompt":"Is {k} one more than {k} less 1?","options":["yes","no"],"truth":0}}"#
        ) + "\n"
    };
    let mut rows = rows(Vec::new());
    rows.probes = read_jsonl((0..PROMPTS).map(line).collect::<String>().as_bytes(), "choices").unwrap().probes;
    for k in 0..PROMPTS {
        let teacher = if (lost..lost + gained).contains(&k) { [0.1f64, 0.9] } else { [0.9, 0.1] };
        let student = if k < lost { [0.1f64, 0.9] } else { [0.9, 0.1] };
        for (option, (teacher, student)) in (0..).zip(teacher.into_iter().zip(student)) {
            rows.choices.push(ChoiceRow {
                probe: format!("c{k}"),
                family: format!("c{k}"),
                option,
                rotation: 0,
                teacher_logprob: teacher.ln(),
                student_logprob: student.ln(),
                control_logprob: None,
                teacher_said: OptionSaid::default(),
                student_said: OptionSaid::default(),
            });
        }
    }
    issue(&rows, &Policy::parse("level = 0.95\n[[gate]]\nmetric = \"choice_net_loss\"\nat_most = 0.3\n").unwrap())
        .unwrap()
}

#[test]
fn choices_are_lost_aloud_where_the_interval_of_the_net_loss_says_so() {
    let severity = |statement: &Statement| {
        let found = statement.findings.iter().find(|finding| finding.id == "choices_lost");
        found.map(|finding| finding.severity)
    };
    assert_eq!(severity(&choices(0, 3)), None, "nothing is lost");
    // What is lost is shown, and no more is made of it than a gate would.
    assert_eq!(severity(&choices(3, 3)), Some(Severity::Informative));
    assert_eq!(severity(&choices(1, 0)), Some(Severity::Informative));
    assert_eq!(severity(&choices(12, 0)), Some(Severity::Notable));
    assert_eq!(severity(&choices(40, 0)), Some(Severity::Serious), "its gate fails");
}
