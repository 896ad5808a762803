//! Prompts that no gate on what is answered looks at.

use hydrometer_answers::part::Row as _;
use hydrometer_answers::{
    ChoiceRow, EpisodeRow, ExcludedItem, FinishReason, LikelihoodRow, OptionSaid, Regime, SampleSource, ScoredModel,
};
use hydrometer_metrics::Verdict;
use hydrometer_probes::read_jsonl;

use super::illusion::sample;
use super::{issue, rows};
use crate::evidence::Rows;
use crate::{Policy, Statement};

/// A hundred prompts whose answers are right, and others of which nobody says what is right, which the student answers otherwise than its
/// teacher if `other`. All are answered without chance, by the run or by their own decoding.
fn audit(open: usize, decoding: &str, other: bool, policy: &Policy) -> Statement {
    issue(&asked(open, decoding, other), policy).unwrap()
}

fn asked(open: usize, decoding: &str, other: bool) -> Rows {
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
    rows
}

#[track_caller]
fn withheld(rows: &Rows, told: &str) {
    let statement = issue(rows, &Policy::default()).unwrap();
    assert_eq!(statement.verdict, Verdict::NotEnoughEvidence, "{}", statement.verdict_line);
    assert!(statement.verdict_line.contains(told), "{}", statement.verdict_line);
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

/// Those of which nobody says what is right lie at a distance, or at a boundary of judgment.
#[test]
fn neither_a_distance_nor_a_boundary_is_a_gate() {
    let told = "300 of 400 prompts are in no gate on what is answered";
    let mut rows = asked(300, "greedy", true);
    let with = |rows: &mut Rows, more: serde_json::Value| {
        for probe in &mut rows.probes[100..] {
            let mut of_probe = serde_json::to_value(&*probe).unwrap();
            of_probe.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            *probe = serde_json::from_value(of_probe).unwrap();
        }
    };
    with(&mut rows, serde_json::json!({"knob": {"name": "depth", "value": 1.0}}));
    withheld(&rows, told);
    // Decisions that could not be read are in no number.
    let mut rows = asked(300, "greedy", true);
    let boundary =
        serde_json::json!({"stratum": "high_risk", "role": "original", "risk": "high", "expected": "refuse"});
    with(&mut rows, serde_json::json!({ "boundary": boundary }));
    for row in rows.samples.iter_mut().filter(|row| row.outcome.right().is_none()) {
        row.text = match row.source {
            SampleSource::Student => "当然可以，请先拿起粉末。".to_owned(),
            _ => "抱歉，我无法帮助你。".to_owned(),
        };
    }
    withheld(&rows, told);
}

/// Texts and episodes that no gate of the policy could be measured on, beside prompts that pass.
#[test]
fn a_pass_does_not_stand_on_one_kind_of_question_alone() {
    let lines = |kind: &str, n: usize| -> String {
        let line = |k| match kind {
            "text" => {
                format!(r#"{{"kind":"text","id":"t{k}","family":"t{k}","axis":"prose","text":"A text, number {k}."}}"#)
            }
            _ => format!(
                r#"{{"kind":"episode","id":"t{k}","family":"t{k}","axis":"tool_use","turns":[{{"say":"Go on, {k}."}}],"steps":1,"goal":{{"answer":{{"exact":["yes"]}}}},"world":{{"state":{{}},"tools":[{{"name":"wait","description":"Waits.","parameters":{{"type":"object","properties":{{}}}},"rules":[]}}]}}}}"#
            ),
        };
        (0..n).map(|k| line(k) + "\n").collect()
    };
    let with = |kind: &str, n: usize| {
        let mut rows = asked(0, "sampled", false);
        rows.probes.extend(read_jsonl(lines(kind, n).as_bytes(), "others").unwrap().probes);
        for (k, model) in (0..n).flat_map(|k| ScoredModel::ALL.map(|model| (k, model))) {
            let (id, bits) = (format!("t{k}"), if model == ScoredModel::Student { 40.0 } else { 4.0 });
            let likelihood =
                LikelihoodRow { probe: id.clone(), family: id, window: 0, model, tokens: 4, bytes: 18, logprob: -bits };
            rows.likelihoods.extend((kind == "text").then_some(likelihood));
        }
        for (k, source) in (0..n).flat_map(|k| [(k, SampleSource::Teacher), (k, SampleSource::Student)]) {
            let (probe, family) = (format!("t{k}"), format!("t{k}"));
            let success = source == SampleSource::Teacher;
            let acted = EpisodeRow { probe, family, source, success, steps: 1, turns: 1, ..EpisodeRow::blank() };
            rows.episodes.extend((kind == "episode").then_some(acted));
        }
        rows
    };
    assert_eq!(issue(&with("episode", 11), &Policy::default()).unwrap().verdict, Verdict::Pass);
    withheld(&with("episode", 12), "12 episodes are in no gate");
    assert_eq!(issue(&with("text", 11), &Policy::default()).unwrap().verdict, Verdict::Pass);
    withheld(&with("text", 12), "12 texts are in no gate");
}

#[test]
fn what_is_left_out_for_another_model_is_not_shown_either() {
    let mut rows = asked(0, "sampled", false);
    let left_out = |by: &str, n: usize| -> Vec<ExcludedItem> {
        let of =
            |k: usize| ExcludedItem { context_of: Some(by.to_owned()), ..ExcludedItem::new(&format!("p{k}"), "long") };
        (0..n).map(of).collect()
    };
    for by in ["student", "base", "control"] {
        rows.manifest.excluded = Some(left_out(by, 11));
        withheld(&rows, &format!("11 of 100 prompts do not fit into the {by}'s context"));
    }
    // What the teacher cannot be asked nobody can lose.
    rows.manifest.excluded = Some(left_out("teacher", 11));
    assert_eq!(issue(&rows, &Policy::default()).unwrap().verdict, Verdict::Pass);
}

#[test]
fn answers_that_were_cut_are_not_compared() {
    let cut = |of: &[SampleSource], n: usize| {
        let mut rows = asked(0, "sampled", false);
        let policy = "level = 0.95\n[[gate]]\nmetric = \"answer_agreement\"\nat_least = 0.5\n";
        for row in rows.samples.iter_mut().filter(|row| of.contains(&row.source)).take(n * of.len()) {
            row.finish = FinishReason::Length;
        }
        issue(&rows, &Policy::parse(policy).unwrap()).unwrap()
    };
    let both = [SampleSource::Teacher, SampleSource::Student];
    assert_eq!(cut(&both, 0).verdict, Verdict::Pass);
    assert_eq!(cut(&both, 10).verdict, Verdict::Pass);
    let statement = cut(&both, 11);
    assert_eq!(statement.verdict, Verdict::NotEnoughEvidence);
    let told = "11 % of the teacher's and 11 % of the student's answers were cut at their longest length";
    let agreement = statement.metrics.iter().find(|metric| metric.id == "answer_agreement").unwrap();
    assert!(agreement.reservation.as_ref().unwrap().reason.contains(told), "{:?}", agreement.reservation);
    assert_eq!(cut(&[SampleSource::Student], 11).verdict, Verdict::NotEnoughEvidence);
}

/// Choices to whose options the teacher gives so much of its probability.
#[test]
fn choices_that_the_teacher_does_not_answer_judge_nobody() {
    let asked = |unanswered: usize| {
        let line = |k: usize| {
            format!(
                r#"{{"kind":"choice","id":"c{k}","family":"c{k}","axis":"reasoning","prompt":"Is {k} more than 0?","options":["yes","no"],"truth":0}}"#
            ) + "\n"
        };
        let mut rows = rows(Vec::new());
        rows.probes = read_jsonl((0..200).map(line).collect::<String>().as_bytes(), "choices").unwrap().probes;
        for k in 0..200 {
            let mass = if k < unanswered { 0.009 } else { 1.0 };
            for (option, share) in [(0, 0.9), (1, 0.1)] {
                rows.choices.push(ChoiceRow {
                    probe: format!("c{k}"),
                    family: format!("c{k}"),
                    option,
                    rotation: 0,
                    teacher_logprob: f64::ln(mass * share),
                    student_logprob: f64::ln(mass * share),
                    control_logprob: None,
                    teacher_said: OptionSaid::default(),
                    student_said: OptionSaid::default(),
                });
            }
        }
        rows
    };
    withheld(&asked(21), "21 of 200 choices are not answered by the teacher");
    assert_eq!(issue(&asked(20), &Policy::default()).unwrap().verdict, Verdict::Pass);
    // Likelihoods of whole options, as other tools log them, are no shares of all that may be said.
    let mut given = asked(200);
    given.manifest.regime = Some(Regime::GivenAnswers);
    assert_eq!(issue(&given, &Policy::default()).unwrap().verdict, Verdict::Pass);
}

#[test]
fn axes_of_one_family_are_in_no_curve() {
    // Two hundred graded prompts of one axis, and others of which each axis has one family.
    let asked = |lone: usize| {
        let line = |k: usize| {
            let axis = if k < 200 { "reasoning".to_owned() } else { format!("skill-{k}") };
            format!(
                r#"{{"kind":"prompt","id":"p{k}","family":"p{k}","axis":"{axis}","prompt":"Is {k} more than 0?","decoding":"greedy","knob":{{"name":"depth","value":{}}},"check":{{"exact":["yes"]}}}}"#,
                1 + k % 6
            ) + "\n"
        };
        let mut rows = rows(Vec::new());
        rows.probes = read_jsonl((0..200 + lone).map(line).collect::<String>().as_bytes(), "edges").unwrap().probes;
        for k in 0..200 + lone {
            for source in [SampleSource::Teacher, SampleSource::Student] {
                let right = k < 200 || source == SampleSource::Teacher;
                let said = if right { "yes" } else { "no" };
                rows.samples.push(sample(&format!("p{k}"), source, 0, said.to_owned(), Some(right)));
            }
        }
        rows
    };
    withheld(&asked(23), "23 of 223 questions at a distance are in no curve: 23 of 24 axes have a single family each");
    let few = issue(&asked(22), &Policy::default()).unwrap();
    assert!(!few.verdict_line.contains("in no curve"), "{}", few.verdict_line);
}
