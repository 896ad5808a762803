//! A control student: asked what is graded and nothing else, in its own words, and set beside the student ring by ring.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::ops::ControlFlow;

use hydrometer_answers::part::{Choices, Samples};
use hydrometer_answers::{ModelIdentity, RunFolder, SampleSource, SamplingParameters};
use hydrometer_ask::Models;
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_models::{Answers, Message, Model, ModelError, Prompt, SampleLimits, SampleRequest, SampleStep};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Checker, Decoding, Knob, Probe, Suite};
use support::{Bigram, Watch, collect, endpoint, sampling, say};

const DEPTHS: [u32; 3] = [1, 2, 4];
const LADDERS: usize = 60;

/// Answers `yes` to so many of a hundred questions at depth 1, and to so many fewer at every step further; it has no logits and
/// no tokens.
struct Solver {
    identity: ModelIdentity,
    at_one: u32,
    lost: u32,
}

impl Solver {
    fn new(name: &str, at_one: u32, lost: u32) -> Self {
        let identity = endpoint(name);
        Self { identity, at_one, lost }
    }
}

impl Model for Solver {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }
    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }
}

impl Answers for Solver {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        Ok(Prompt::Messages(messages.to_vec()))
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        _: &SamplingParameters,
        _: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        say(requests, watch, |messages, _, _| {
            let words = &messages.last().unwrap().content;
            let depth: u32 = words.rsplit(' ').next().unwrap().parse().unwrap();
            let draw = blake3::hash(format!("{} {words}", self.identity.name).as_bytes());
            let solves = u32::from(draw.as_bytes()[0]) * 100 < 256 * (self.at_one - self.lost * (depth - 1));
            Ok(if solves { "yes" } else { "no" }.to_owned())
        })
    }
}

fn prompt(id: String, family: String, words: String, depth: Option<u32>) -> Probe {
    let decoding = if depth.is_some() { Decoding::Greedy } else { Decoding::Sampled };
    let check = Some(Checker::Exact(vec!["yes".into()]));
    let ask = Ask::Prompt(kind::Prompt { check, decoding, ..kind::Prompt::new(&words) });
    let knob = depth.map(|depth| Knob::new("depth", f64::from(depth)));
    Probe { id, family, axis: "reasoning".into(), tags: Vec::new(), knob, boundary: None, ask }
}

/// Ladders, and ten questions that say nothing of how hard they are.
fn suite() -> Suite {
    let rung = |ladder: usize, depth: u32| {
        prompt(format!("l{ladder}/{depth}"), format!("l{ladder}"), format!("Ladder {ladder} at {depth}"), Some(depth))
    };
    let ladders = (0..LADDERS).flat_map(|ladder| DEPTHS.map(|depth| rung(ladder, depth)));
    let flat = (0..10).map(|i| prompt(format!("flat-{i}"), format!("flat-{i}"), format!("Question {i} at 1"), None));
    Suite { name: "ladders".into(), probes: ladders.chain(flat).collect() }
}

fn models<'a>(teacher: &'a Solver, student: &'a Solver, control: Option<&'a Solver>) -> Models<'a> {
    Models { control: control.map(|control| control as &dyn Model), ..Models::pair(teacher, student) }
}

fn judged(run: &RunFolder) -> Statement {
    statement(run, &Policy::default()).unwrap()
}

#[test]
fn a_control_student_answers_what_is_graded() {
    let (teacher, student) = (Solver::new("teacher", 95, 5), Solver::new("student", 90, 20));
    let control = Solver::new("control", 80, 10);
    let folder = tempfile::tempdir().unwrap();
    let options = sampling(&folder.path().join("store"), 3, 2);
    let mut watch = Watch::default();
    let with = models(&teacher, &student, Some(&control));
    let run = collect(with, &suite(), &options, &folder.path().join("with"), &mut watch).unwrap();
    // A greedy answer of each of three, and three of both, two of them by the teacher again.
    let graded = LADDERS * DEPTHS.len();
    assert_eq!(watch.planned.unwrap().answers, (3 * graded + 10 * (3 + 2 + 3)) as u64);
    assert_eq!(run.manifest().control.as_ref().unwrap().name, "control");
    assert_eq!(run.manifest().facets["control"], run.manifest().facets["student"]);
    let rows = run.rows::<Samples>().unwrap();
    let of_control: Vec<_> = rows.iter().filter(|row| row.source == SampleSource::Control).collect();
    assert_eq!(of_control.len(), graded);
    assert!(of_control.iter().all(|row| row.probe.starts_with('l') && row.sample == 0));

    let found = judged(&run);
    assert_eq!(found.control.as_ref().unwrap().weights, "blake3:control");
    let axis = &found.geometry.as_ref().unwrap().axes[0];
    let logit = |source: SampleSource, depth: u32| {
        let of = |row: &&&_| -> bool {
            let row: &hydrometer_answers::SampleRow = row;
            row.source == source && row.probe.starts_with('l') && row.probe.ends_with(&format!("/{depth}"))
        };
        let all: Vec<_> = rows.iter().collect();
        let right = all.iter().filter(of).filter(|row| row.text == "yes").count() as f64;
        (right / (LADDERS as f64 - right)).ln()
    };
    assert_eq!(axis.rings[0].relative_fall_off, None);
    for (ring, depth) in axis.rings.iter().zip(DEPTHS).skip(1) {
        let fall = |source| logit(source, depth) - logit(source, 1);
        let expected = fall(SampleSource::Student) - fall(SampleSource::Control);
        let estimate = ring.relative_fall_off.as_ref().unwrap();
        assert!((estimate.value - expected).abs() < 1e-9, "{depth}: {estimate:?}, expected {expected}");
        let interval = estimate.interval.unwrap();
        assert!(interval.low < estimate.value && estimate.value < interval.high);
        assert_eq!((estimate.n_families, ring.control.as_ref().unwrap().n_items), (LADDERS as u64, LADDERS as u64));
    }
    assert!(axis.slope_against_control.as_ref().unwrap().value < 0.0);

    // Nothing else moves by it.
    let run = collect(
        models(&teacher, &student, None),
        &suite(),
        &options,
        &folder.path().join("without"),
        &mut Watch::default(),
    );
    let without = judged(&run.unwrap());
    assert_eq!((&without.metrics, without.control), (&found.metrics, None));
    assert!(without.geometry.unwrap().axes[0].rings.iter().all(|ring| ring.control.is_none()));
}

#[test]
fn an_interrupted_run_goes_on_with_its_control_student() {
    let (teacher, student) = (Solver::new("teacher", 95, 5), Solver::new("student", 90, 20));
    let (control, other) = (Solver::new("control", 80, 10), Solver::new("other", 80, 10));
    let folder = tempfile::tempdir().unwrap();
    let ask = |name: &str, store: &str, control: &Solver, watch: &mut Watch| {
        let options = sampling(&folder.path().join(store), 3, 2);
        collect(models(&teacher, &student, Some(control)), &suite(), &options, &folder.path().join(name), watch)
    };
    let whole = ask("whole", "a", &control, &mut Watch::default()).unwrap().rows::<Samples>().unwrap();
    for stop in [150, 250, 400] {
        let (name, store) = (format!("stopped-{stop}"), format!("store-{stop}"));
        let mut watch = Watch { stop_after_answers: Some(stop), ..Watch::default() };
        assert!(ask(&name, &store, &control, &mut watch).is_err());
        let run = ask(&name, &store, &control, &mut Watch::default()).unwrap();
        assert_eq!(run.rows::<Samples>().unwrap(), whole);
    }
    // Another control is another plan.
    let refused = ask("whole", "a", &other, &mut Watch::default()).unwrap_err().to_string();
    assert!(refused.contains("control"), "{refused}");
}

#[test]
fn a_control_student_chooses_where_choices_are_graded() {
    let [teacher, student, control] = [1, 2, 3].map(|world| Bigram::bytes(&format!("bigram-{world}"), world));
    let mut suite = support::suite(24);
    suite.probes.retain(|probe| matches!(probe.ask, Ask::Choice(_)));
    for (place, probe) in suite.probes.iter_mut().enumerate().take(18) {
        probe.knob = Some(Knob::new("depth", (place % 3 + 1) as f64));
        probe.axis = "reasoning".into();
    }
    let folder = tempfile::tempdir().unwrap();
    let models = Models { control: Some(&control), ..Models::pair(&teacher, &student) };
    let mut watch = Watch::default();
    let run = collect(models, &suite, &support::options(), &folder.path().join("run"), &mut watch).unwrap();
    let planned = run.manifest().planned;
    assert!(planned.control_tokens > 0 && planned.control_tokens < planned.student_tokens);
    assert_eq!(watch.tokens, planned.total());
    let graded: Vec<&str> =
        suite.probes.iter().filter(|probe| probe.knob.is_some()).map(|probe| probe.id.as_str()).collect();
    for row in run.rows::<Choices>().unwrap() {
        assert_eq!(row.control_logprob.is_some(), graded.contains(&row.probe.as_str()), "{}", row.probe);
    }
    let found = judged(&run);
    assert_eq!(found.cost.control_tokens, planned.control_tokens);
    let axis = &found.geometry.as_ref().unwrap().axes[0];
    assert_eq!(axis.rings.iter().map(|ring| ring.control.as_ref().unwrap().n_items).sum::<u64>(), 18);
    // The control in the student's place has the same curve.
    let folder = tempfile::tempdir().unwrap();
    let run = support::run(&teacher, &control, &suite, folder.path()).unwrap();
    let alone = judged(&run).geometry.unwrap();
    for (with, alone) in axis.rings.iter().zip(&alone.axes[0].rings) {
        assert_eq!(with.control.as_ref().unwrap().value, alone.student.value);
    }
}
