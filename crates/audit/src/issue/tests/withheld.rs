//! Prompts that no gate on what is answered looks at.

use hydrometer_answers::SampleSource;
use hydrometer_metrics::Verdict;
use hydrometer_probes::read_jsonl;

use super::illusion::sample;
use super::{issue, rows};
use crate::{Policy, Statement};

/// A hundred prompts whose answers are right, and others of which nobody says what is right, which the student answers otherwise than its
/// teacher if `other`. All are answered without chance, by the run or by their own decoding.
fn audit(open: usize, decoding: &str, other: bool, policy: &Policy) -> Statement {
    let line = |k: usize| {
        let check = if k < 100 { r#","check":{"exact":["yes"]}"# } else { "" };
        format!(
            r#"{{"kind":"prompt","id":"p{k}","family":"p{k}","axis":"reasoning","prompt":"Is {k} more than {k} less 1?","decoding":"{decoding}"{check}}}"#
        ) + "\n"
    };
    let mut rows = rows(Vec::new());
    rows.probes = read_jsonl((0..100 + open).map(line).collect::<String>().as_bytes(), "open").unwrap().probes;
    for k in 0..100 + open {
        for source in [SampleSource::Teacher, SampleSource::Student] {
            let said = if k >= 100 && other && source == SampleSource::Student { "not at all" } else { "yes" };
            let right = (k < 100).then_some(true);
            rows.samples.push(sample(&format!("p{k}"), source, 0, said.to_owned(), right));
        }
    }
    issue(&rows, policy).unwrap()
}

#[test]
fn a_few_that_are_judged_are_no_measure_of_the_rest() {
    let verdict = |open, decoding| audit(open, decoding, true, &Policy::default());
    for decoding in ["greedy", "sampled"] {
        let statement = verdict(300, decoding);
        assert_eq!(statement.verdict, Verdict::NotEnoughEvidence, "{decoding}: {}", statement.verdict_line);
        let told = "300 of 400 prompts are in no gate on what is answered: nobody says what is right";
        assert!(statement.verdict_line.contains(told), "{}", statement.verdict_line);
        assert_eq!(verdict(12, decoding).verdict, Verdict::NotEnoughEvidence);
        assert_eq!(verdict(11, decoding).verdict, Verdict::Pass, "a tenth may stand for the whole");
        assert_eq!(verdict(0, decoding).verdict, Verdict::Pass);
    }
    // Whoever gates nothing but what is right asks for no more.
    let right = Policy::parse("level = 0.95\n[[gate]]\nmetric = \"answer_net_loss\"\nat_most = 0.05\n").unwrap();
    assert_eq!(audit(300, "greedy", true, &right).verdict, Verdict::Pass);
}
