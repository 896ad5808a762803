//! Audits of free answers: planted students, resumption, and what is refused.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::path::Path;

use hydrometer_answers::store::{Access, Store};
use hydrometer_answers::{RunFolder, TeacherAsked};
use hydrometer_ask::{AskError, AskOptions, Closeness, Models};
use hydrometer_audit::statement::{GapBase, ReservationKind, Secondary};
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_metrics::{Estimate, Verdict, measure};
use hydrometer_models::{Defect, Model, Planted, Scripted, SentenceEncoder};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Checker, Normal, Probe, Suite};
use support::{Bigram, Watch, collect, options, sampling};

/// Answers of one letter, the same ones to every prompt.
pub(crate) fn script(shares: &str) -> Scripted {
    script_of_two(shares, shares)
}

/// Answers of one letter, to prompts that end in 0 and to those that end in 1.
fn script_of_two(zero: &str, one: &str) -> Scripted {
    let text = format!(
        "vocabulary = [\"<s>\", \"</s>\", \"0\", \"1\", \"2\", \"3\", \"a\", \"b\", \"c\", \"d\"]\n\
         bos = \"<s>\"\neos = \"</s>\"\n[default]\nprobabilities = {{ \"</s>\" = 1.0 }}\n\
         [[rule]]\nafter = \"0\"\nprobabilities = {{ {zero} }}\n\
         [[rule]]\nafter = \"1\"\nprobabilities = {{ {one} }}\n"
    );
    Scripted::parse(Path::new("model.toml"), &text).unwrap()
}

pub(crate) fn teacher() -> Scripted {
    script("a = 0.5, b = 0.3, c = 0.1, d = 0.1")
}

/// Prompts whose right answer is `a`.
pub(crate) fn suite(prompts: usize) -> Suite {
    let probe = |i: usize| {
        let (mut prompt, mut rest) = (String::new(), i);
        for _ in 0..5 {
            prompt.push(char::from(b'0' + (rest % 4) as u8));
            rest /= 4;
        }
        prompt.push(if i.is_multiple_of(2) { '0' } else { '1' });
        let ask = Ask::Prompt(kind::Prompt {
            prompt,
            system: None,
            turns: Vec::new(),
            answer: vec![Normal::Whitespace],
            check: Some(Checker::Exact(vec!["a".into()])),
            max_tokens: None,
            stop: Vec::new(),
            decoding: Default::default(),
        });
        Probe {
            id: format!("p{i}"),
            family: format!("f{i}"),
            axis: "letters".into(),
            tags: Vec::new(),
            knob: None,
            boundary: None,
            ask,
        }
    };
    Suite { name: "letters".into(), probes: (0..prompts).map(probe).collect() }
}

pub(crate) fn audit_with(student: &dyn Model, prompts: usize, change: impl Fn(&mut AskOptions)) -> Statement {
    audit_pair(&teacher(), student, &suite(prompts), change)
}

fn audit_pair(teacher: &dyn Model, student: &dyn Model, suite: &Suite, change: impl Fn(&mut AskOptions)) -> Statement {
    let folder = tempfile::tempdir().unwrap();
    let mut options = sampling(&folder.path().join("store"), 8, 8);
    change(&mut options);
    let run = folder.path().join("run");
    let run = collect(Models::pair(teacher, student), suite, &options, &run, &mut Watch::default()).unwrap();
    statement(&run, &Policy::default()).unwrap()
}

fn audit(student: &dyn Model) -> Statement {
    audit_with(student, 150, |_| ())
}

pub(crate) fn value(statement: &Statement, id: &str) -> f64 {
    let metric = statement.metrics.iter().find(|m| m.id == id).unwrap();
    metric.estimate.as_ref().unwrap_or_else(|| panic!("{id}: {:?}", metric.missing)).value
}

fn missing(statement: &Statement, id: &str) -> String {
    statement.metrics.iter().find(|m| m.id == id).unwrap().missing.clone().unwrap()
}

pub(crate) fn verdict(statement: &Statement, id: &str) -> Verdict {
    statement.gates.iter().find(|g| g.metric == id).unwrap().verdict
}

fn covers(statement: &Statement, id: &str, truth: f64) {
    let metric = statement.metrics.iter().find(|m| m.id == id).unwrap();
    let interval = metric.estimate.as_ref().unwrap().interval.as_ref().unwrap();
    // Wider than the interval by half: seven numbers are looked at, each may miss its 95 %.
    let slack = 0.5 * (interval.high - interval.low);
    assert!(interval.low - slack <= truth && truth <= interval.high + slack, "{id}: {truth} {interval:?}");
}

#[test]
fn the_teacher_against_itself_is_what_it_is() {
    let found = audit(&teacher());
    let same = 0.5f64.powi(2) + 0.3f64.powi(2) + 2.0 * 0.1f64.powi(2);
    covers(&found, "answer_agreement", same);
    covers(&found, "agreement_ceiling", same);
    covers(&found, "agreement_ratio", 1.0);
    covers(&found, "diversity_kept", 1.0);
    covers(&found, "distribution_match", 1.0);
    covers(&found, "answer_accuracy_teacher", 0.5);
    covers(&found, "answer_lost", 0.25);
    covers(&found, "excess_flips", 0.0);
    assert!(found.gates.iter().all(|gate| gate.verdict != Verdict::Fail), "{:?}", found.gates);
    let answers = found.answers.unwrap();
    assert!(answers.match_p_value.unwrap() > 0.01 && answers.degenerate.is_empty());
    assert_eq!((answers.prompts, answers.checked), (150, 150));
    // The student's draws are its own: with the very teacher's draws agreement would stand above its ceiling.
    assert!(found.answer_cases.iter().any(|case| case.classes[0].teacher != case.classes[0].student));
}

#[test]
fn a_greedy_student_agrees_above_the_ceiling_and_does_not_pass() {
    let found = audit(&Planted::new(Defect::Greedy(0.999_999), Box::new(teacher())));
    covers(&found, "answer_agreement", 0.5);
    assert!(value(&found, "agreement_ratio") > 1.2);
    assert!(value(&found, "diversity_kept") < 0.5);
    assert!(value(&found, "distribution_match") < 0.9);
    // Above its ceiling agreement is collapse.
    for id in ["agreement_ratio", "diversity_kept", "variety_kept"] {
        assert_eq!(verdict(&found, id), Verdict::Fail, "{id}");
    }
    assert_eq!(value(&found, "variety_kept"), 0.0);
    assert_eq!(found.verdict, Verdict::Fail);
    let ids: Vec<_> = found.findings.iter().map(|finding| finding.id.as_str()).collect();
    for id in ["degenerate", "diversity", "mode_only"] {
        assert!(ids.contains(&id), "{id} is not among {ids:?}");
    }
    assert!(found.answers.unwrap().match_p_value.unwrap() <= 0.001);
}

#[test]
fn a_sharpened_student_loses_diversity_and_keeps_the_favourite() {
    let found = audit(&Planted::new(Defect::Temperature(0.5), Box::new(teacher())));
    let sharp = [0.25, 0.09, 0.01, 0.01].map(|p: f64| p / 0.36);
    let (own, cross) = (sharp.map(|q| q * q), [0.5 * sharp[0], 0.3 * sharp[1], 0.1 * sharp[2], 0.1 * sharp[3]]);
    covers(&found, "answer_agreement", cross.iter().sum());
    covers(&found, "diversity_kept", 0.36 / own.iter().sum::<f64>());
    covers(&found, "answer_accuracy_student", sharp[0]);
    assert_eq!(verdict(&found, "diversity_kept"), Verdict::Fail);
}

#[test]
fn a_copier_of_one_answer_is_named() {
    let found = audit(&script("d = 1.0"));
    assert_eq!(found.findings[0].id, "degenerate");
    assert!(
        found.findings[0].title.contains("one and the same") || found.findings[0].detail.contains("one and the same")
    );
    assert_eq!(verdict(&found, "agreement_ratio"), Verdict::Fail);
    let lost = found.findings.iter().find(|finding| finding.id == "answers_lost").unwrap();
    assert!(lost.title.contains("prompts lost, 0 gained"), "{}", lost.title);
    assert_eq!(lost.evidence[0].student, "\"d\" in 100 %");
}

#[test]
fn silent_and_long_answers_break_nothing() {
    let found = audit(&script("\"</s>\" = 1.0"));
    assert_eq!(found.findings[0].id, "degenerate");
    assert_eq!(value(&found, "answer_accuracy_student"), 0.0);
    assert_eq!(value(&found, "answer_agreement"), 0.0);
    let endless = script("0 = 1.0");
    let found = audit(&endless);
    let answers = found.answers.as_ref().unwrap();
    assert_eq!((answers.teacher_cut, answers.student_cut), (0.0, 1.0));
    assert!(found.findings.iter().any(|finding| finding.id == "cut_answers"));
    assert_eq!((answers.beyond_first_word, answers.own_length), (150, 0));

    // Where the first word is all that counts a cut takes nothing away, and nothing is said to be cut.
    let mut words = suite(40);
    for probe in &mut words.probes {
        let Ask::Prompt(asked) = &mut probe.ask else { panic!() };
        (asked.answer, asked.max_tokens) = (vec![Normal::Word], Some(4));
    }
    let found = audit_pair(&teacher(), &endless, &words, |_| ());
    assert_eq!(value(&found, "endless_answers"), 1.0);
    let said = missing(&found, "cut_answers");
    assert!(said.contains("no prompt has an answer of both models of which more than the first word counts"), "{said}");
    let answers = found.answers.unwrap();
    assert_eq!((answers.beyond_first_word, answers.own_length), (0, 40));
}

#[test]
fn rare_answers_need_twenty_samples() {
    let few = audit(&teacher());
    assert!(missing(&few, "rare_answers_kept").contains("20"), "{}", missing(&few, "rare_answers_kept"));
    let change = |options: &mut AskOptions| {
        let settings = &mut options.sampling.as_mut().unwrap().settings;
        (settings.per_probe, settings.reruns) = (24, 24);
    };
    let kept = |student: &str| value(&audit_with(&script(student), 60, change), "rare_answers_kept");
    // Luck makes even a rare now and then: in 3 of 12 answers or fewer, with a chance of 7 %.
    let favourite = kept("a = 1.0");
    assert!(favourite < 0.25, "{favourite}");
    // c and d are always rare and lost; b, in 3 of 12 answers or fewer, is rare half of the time and kept.
    let half = kept("a = 0.6, b = 0.4");
    assert!((0.4..0.7).contains(&half), "{half}");
    let all = kept("a = 0.5, b = 0.3, c = 0.1, d = 0.1");
    assert!((0.85..1.15).contains(&all), "{all}");
}

#[test]
fn answers_at_other_settings_are_shown_as_served_and_judged_by_no_gate() {
    let change = |options: &mut AskOptions| {
        options.sampling.as_mut().unwrap().settings.parameters.temperature = 0.0;
    };
    let found = audit_with(&teacher(), 120, change);
    // At temperature 0 neither model varies: agreement with itself is 1, and diversity has nothing to keep.
    assert_eq!(value(&found, "answer_agreement"), 1.0);
    let reservation = |id: &str| found.metrics.iter().find(|m| m.id == id).unwrap().reservation.clone();
    let served = reservation("answer_agreement").unwrap();
    assert_eq!(served.kind, ReservationKind::AsServed);
    assert!(served.reason.contains("temperature 0"), "{}", served.reason);
    assert!(found.notes.iter().any(|note| note.contains("as they were served")), "{:?}", found.notes);
    for id in ["agreement_ratio", "diversity_kept", "variety_kept"] {
        assert!(found.gates.iter().all(|gate| gate.metric != id), "{id}");
    }
    // What needs no distribution is judged.
    assert_eq!(reservation("answer_net_loss"), None);
    assert_eq!(verdict(&found, "answer_net_loss"), Verdict::Pass);
    assert_eq!(value(&found, "answer_accuracy_teacher"), 1.0);
    assert_eq!(found.answers.unwrap().match_p_value, None);
}

#[test]
fn nothing_is_asked_twice_and_an_interruption_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = sampling(&folder.path().join("store"), 6, 3);
    let (teacher, student) = (teacher(), script("a = 0.6, b = 0.4"));
    let suite = suite(90);
    let whole = folder.path().join("whole");
    let run = collect(Models::pair(&teacher, &student), &suite, &options, &whole, &mut Watch::default()).unwrap();
    let expected = statement(&run, &Policy::default()).unwrap();

    // Interrupted after every so many answers, with a store of its own.
    let options = sampling(&folder.path().join("other"), 6, 3);
    let path = folder.path().join("pieces");
    let mut stops = 0;
    let mut sampled = 0;
    let run = loop {
        let mut watch = Watch { stop_after_answers: Some(97), ..Watch::default() };
        // What the store holds counts at once; only new answers may stop the run.
        watch.stop_after_answers = Some(97 + stops * 97);
        match collect(Models::pair(&teacher, &student), &suite, &options, &path, &mut watch) {
            Ok(run) => break run,
            Err(AskError::Interrupted(_)) => (stops, sampled) = (stops + 1, sampled + watch.sampled),
            Err(error) => panic!("{error}"),
        }
        assert!(stops < 100);
    };
    assert!(stops >= 3, "{stops}");
    assert_eq!(statement(&run, &Policy::default()).unwrap(), expected);

    // Another student of the same teacher: the teacher is not asked again.
    let mut watch = Watch::default();
    let other = script("b = 1.0");
    collect(Models::pair(&teacher, &other), &suite, &options, &folder.path().join("second"), &mut watch).unwrap();
    let held = Store::open(&folder.path().join("other"), Access::Read).unwrap().len();
    assert_eq!(held, 90 * (6 + 3) + 2 * 90 * 6);
    // Six answers of two tokens and the prompt of at most eight, for each of 90 prompts.
    assert!(watch.sampled <= 90 * (6 * 2 + 8), "{}", watch.sampled);
    // And a third time nothing at all.
    let mut watch = Watch::default();
    collect(Models::pair(&teacher, &other), &suite, &options, &folder.path().join("third"), &mut watch).unwrap();
    assert_eq!(watch.sampled, 0);
}

#[test]
fn complete_answers_are_kept_when_a_model_fails() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let mut options = sampling(&store, 5, 0);
    options.sampling.as_mut().unwrap().limits.width = 5;
    let (teacher, student) = (Bigram::bytes("t", 1).that_fails_after(6), Bigram::bytes("s", 2));
    let mut watch = Watch::default();
    let models = Models::pair(&teacher, &student);
    let failed = collect(models, &suite(9), &options, &folder.path().join("run"), &mut watch).unwrap_err();
    assert_eq!(failed.to_string(), "teacher: out of breath");
    // Answers are written eight at a time: some are left over when the failure comes.
    assert!(watch.answers > 0 && watch.answers % 8 != 0, "{}", watch.answers);
    assert_eq!(Store::open(&store, Access::Read).unwrap().len() as u64, watch.answers);
}

#[test]
fn a_few_families_without_a_difference_prove_little() {
    let sure = script("a = 1.0");
    let found = audit_pair(&sure, &sure, &suite(5), |_| ());
    for id in ["excess_flips", "answer_lost"] {
        let estimate = found.metrics.iter().find(|m| m.id == id).unwrap().estimate.clone().unwrap();
        assert!(estimate.value == 0.0 && estimate.interval.unwrap().high > 0.5, "{id}: {estimate:?}");
    }
}

#[test]
fn prompts_that_only_the_student_answers_narrow_the_intervals() {
    // Sure of every other prompt, at a loss on the others: where the student agrees with itself it agrees with its teacher.
    let model = || script_of_two("a = 1.0", "a = 0.25, b = 0.25, c = 0.25, d = 0.25");
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let audit = |name: &str, teacher_asked| {
        let options = AskOptions { teacher_asked, ..sampling(&store, 8, 8) };
        let path = folder.path().join(name);
        let run =
            collect(Models::pair(&model(), &model()), &suite(200), &options, &path, &mut Watch::default()).unwrap();
        statement(&run, &Policy::default()).unwrap()
    };
    let found = audit("helped", Some(TeacherAsked::Families(40)));
    // 40 prompts to the teacher, all 200 to the student.
    assert_eq!(Store::open(&store, Access::Read).unwrap().len(), 40 * 16 + 200 * 8);
    assert_eq!((found.answers.as_ref().unwrap().prompts, found.suite.prompts), (40, 40));
    let whole = audit("whole", None);
    for id in ["answer_agreement", "agreement_ceiling", "answer_accuracy_teacher"] {
        let of = |statement: &Statement| {
            let metric = statement.metrics.iter().find(|metric| metric.id == id).unwrap();
            metric.estimate.clone().unwrap()
        };
        let (helped, whole) = (of(&found), of(&whole));
        let alone = helped.student_alone.unwrap();
        assert_eq!((helped.n_families, alone.families, whole.student_alone), (40, 160, None));
        assert!(alone.worth > 60.0, "{id}: {alone:?}");
        let width = |estimate: &Estimate| estimate.interval.map(|i| i.high - i.low).unwrap();
        assert!(width(&helped) < 2.0 * width(&whole), "{id}: {helped:?} {whole:?}");
        assert!((helped.value - whole.value).abs() < width(&helped), "{id}: {helped:?} {whole:?}");
    }
    assert!(
        found.notes.iter().any(|note| note.contains("160 families") && note.contains("PPI++")),
        "{:?}",
        found.notes
    );
    let refused = |asked, until_decided| {
        let options = AskOptions { teacher_asked: Some(asked), until_decided, ..sampling(&store, 2, 2) };
        let path = folder.path().join("refused");
        let refused = collect(Models::pair(&model(), &model()), &suite(3), &options, &path, &mut Watch::default());
        refused.unwrap_err().to_string()
    };
    assert!(refused(TeacherAsked::Families(1), None).contains("at least 2 families"));
    assert!(refused(TeacherAsked::UntilDecided, None).contains("expected gates that are watched"));
    let until = support::until(&Policy::default(), None);
    assert!(refused(TeacherAsked::Families(9), Some(until)).contains("expected none"));
}

#[test]
fn prompts_are_left_out_without_sampling_and_bad_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = |options: &AskOptions| {
        collect(
            Models::pair(&teacher(), &teacher()),
            &suite(3),
            options,
            &folder.path().join("run"),
            &mut Watch::default(),
        )
        .unwrap_err()
        .to_string()
    };
    assert!(run(&options()).contains("asks nothing else"));
    let store = folder.path().join("store");
    assert!(run(&sampling(&store, 0, 2)).contains("samples is 0"));
    let mut hot = sampling(&store, 2, 2);
    hot.sampling.as_mut().unwrap().settings.parameters.top_p = 0.0;
    assert!(run(&hot).contains("top_p is 0"));
    let mut long = sampling(&store, 2, 2);
    long.sampling.as_mut().unwrap().settings.parameters.max_tokens = 1 << 20;
    let nothing_fits = run(&long);
    assert!(nothing_fits.contains("for its answer"), "{nothing_fits}");
}

#[test]
fn the_gap_is_measured_from_the_student_before_distillation() {
    let base = script("d = 1.0");
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let audit = |name: &str, student: &dyn Model, base: Option<&dyn Model>| {
        let teacher = teacher();
        let models = Models { base, ..Models::pair(&teacher, student) };
        let path = folder.path().join(name);
        let run = collect(models, &suite(150), &sampling(&store, 8, 8), &path, &mut Watch::default()).unwrap();
        statement(&run, &Policy::default()).unwrap()
    };
    // A third of the way from `d` alone to the teacher.
    let third = script("a = 0.166667, b = 0.1, c = 0.033333, d = 0.7");
    let found = audit("third", &third, Some(&base));
    covers(&found, "gap_closed", 1.0 / 3.0);
    assert_eq!(found.answers.as_ref().unwrap().gap_base, Some(GapBase::Model));
    assert_eq!(found.base.as_ref().map(|base| base.logit_width()), Some(10));
    covers(&audit("none", &base, Some(&base)), "gap_closed", 0.0);
    // Nothing else moves by it, but for what it could do itself.
    let without = audit("without", &third, None);
    let others = |statement: &Statement| {
        let of_base = ["gap_closed", "forgotten"];
        statement.metrics.iter().filter(|metric| !of_base.contains(&&*metric.id)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(others(&without), others(&found));
    assert_eq!(Store::open(&store, Access::Read).unwrap().len(), 150 * (16 + 8 + 8 + 8));
}

#[test]
fn the_gap_is_measured_from_answers_to_other_prompts() {
    let teacher = script_of_two("a = 0.7, b = 0.3", "c = 0.7, d = 0.3");
    let gap = |student: &dyn Model| audit_pair(&teacher, student, &suite(150), |_| ());
    // Half a teacher, half a stranger.
    let found = gap(&script("a = 0.35, b = 0.15, c = 0.35, d = 0.15"));
    covers(&found, "gap_closed", 0.5);
    let floor = found.metrics.iter().find(|m| m.id == "gap_closed").unwrap().estimate.as_ref().unwrap().floor.unwrap();
    assert!((0.8..=1.0).contains(&floor), "{floor}");
    assert_eq!(found.answers.unwrap().gap_base, Some(GapBase::AnotherPrompt));
    let found = gap(&script_of_two("c = 0.7, d = 0.3", "a = 0.7, b = 0.3"));
    covers(&found, "gap_closed", 0.0);
    let whole = gap(&teacher);
    let interval =
        whole.metrics.iter().find(|m| m.id == "gap_closed").unwrap().estimate.as_ref().unwrap().interval.as_ref();
    assert_eq!(interval.unwrap().high, 1.0);
    // A teacher that says the same to every prompt leaves nothing to close; one family knows no stranger.
    assert!(missing(&audit(&script("d = 1.0")), "gap_closed").contains("no gap to close"));
    let mut alone = suite(20);
    alone.probes.iter_mut().for_each(|probe| probe.family = "one".into());
    let found = audit_pair(&teacher, &teacher, &alone, |_| ());
    assert!(missing(&found, "gap_closed").contains("nothing to start from"), "{}", missing(&found, "gap_closed"));
    assert_eq!(found.answers.unwrap().gap_base, None);
}

/// The two of four letters that an encoder puts closest, another one, and the cosine between this distance and the next.
fn closest(encoder: &SentenceEncoder) -> ([char; 3], f64) {
    let letters = ['a', 'b', 'c', 'd'];
    let vectors = encoder.encode(&letters.map(String::from).each_ref().map(String::as_str)).unwrap();
    let cosine = |x: usize, y: usize| vectors[x].iter().zip(&vectors[y]).map(|(x, y)| f64::from(x * y)).sum::<f64>();
    let pairs = (0..4).flat_map(|x| (x + 1..4).map(move |y| (x, y)));
    let mut pairs: Vec<_> = pairs.map(|(x, y)| (cosine(x, y), x, y)).collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (best, x, y) = pairs[0];
    let other = (0..4).find(|other| ![x, y].contains(other)).unwrap();
    ([x, y, other].map(|place| letters[place]), 0.5 * (best + pairs[1].0))
}

#[test]
fn free_answers_mean_the_same_when_an_encoder_says_so() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/reference/tiny-bert");
    let encoder = SentenceEncoder::open(&folder).unwrap();
    let ([x, y, z], least_cosine) = closest(&encoder);
    let teacher = script(&format!("{x} = 0.5, {z} = 0.5"));
    let student = script(&format!("{y} = 0.5, {z} = 0.5"));
    let mut free = suite(60);
    for probe in &mut free.probes {
        let Ask::Prompt(kind::Prompt { check, .. }) = &mut probe.ask else { unreachable!() };
        *check = None;
    }
    let kept = tempfile::tempdir().unwrap();
    let store = kept.path().join("store");
    let audit = |name: &str, meaning: Option<Closeness<'_>>| {
        let models = Models { meaning, ..Models::pair(&teacher, &student) };
        collect(models, &free, &sampling(&store, 4, 4), &kept.path().join(name), &mut Watch::default())
    };
    let issued = |run: &RunFolder| statement(run, &Policy::default()).unwrap();
    let spelling = issued(&audit("spelling", None).unwrap());
    covers(&spelling, "answer_agreement", 0.25);
    let close = Closeness { encoder: &encoder, least_cosine };
    let run = audit("meaning", Some(close)).unwrap();
    let found = issued(&run);
    drop(run);
    covers(&found, "answer_agreement", 0.5);
    let answers = found.answers.as_ref().unwrap();
    assert_eq!((answers.free, answers.meaning.as_ref()), (60, Some(&close.settings())));
    // The folder alone says it again, and does not mix with another rule.
    assert_eq!(issued(&RunFolder::open(&kept.path().join("meaning")).unwrap()), found);
    let other = Closeness { least_cosine: 1.0, ..close };
    let mixed = audit("meaning", Some(other)).unwrap_err().to_string();
    assert!(mixed.contains("least_cosine"), "{mixed}");
    let strict = issued(&audit("strict", Some(other)).unwrap());
    covers(&strict, "answer_agreement", 0.25);
    for least_cosine in [0.0, -0.5, 1.1, f64::NAN] {
        let refused = audit("refused", Some(Closeness { least_cosine, ..close })).unwrap_err().to_string();
        assert!(refused.contains("above 0 and at most 1"), "{refused}");
    }
}

fn secondary(statement: &Statement, id: &str) -> Secondary {
    let measures = &statement.answers.as_ref().unwrap().secondary;
    measures.iter().find(|measure| measure.id == id).unwrap().clone()
}

#[test]
fn secondary_measures_stand_beside_the_second_run() {
    let fair = audit(&teacher());
    let collapsed = audit(&script("a = 1.0"));
    // Answers of one letter have no pair of words.
    let pairs = secondary(&fair, "distinct_2");
    assert!(pairs.student.is_none() && pairs.missing.is_some() && pairs.prompts == 0, "{pairs:?}");
    for id in measure::SECONDARY.iter().map(|measure| measure.id).filter(|id| *id != "distinct_2") {
        // By chance alone teacher and second run differ, and so does an equal student.
        let measure = secondary(&fair, id);
        let (student, rerun) = (measure.student.unwrap(), measure.rerun.unwrap());
        assert!((student - rerun).abs() < 0.12 * rerun, "{id}: {student} {rerun}");
        assert!(Policy::parse(&format!("[[gate]]\nmetric = \"{id}\"\nat_least = 0.5")).is_err());
    }
    assert_eq!(secondary(&collapsed, "vendi").student, Some(1.0));
    assert!((secondary(&collapsed, "self_bleu").student.unwrap() - 1.0).abs() < 1e-12);
    assert_eq!(secondary(&collapsed, "distinct_1").student, Some(0.125));
    assert!((secondary(&collapsed, "effective_rank").student.unwrap() - 1.0).abs() < 1e-6);
    let mauve = secondary(&collapsed, "mauve");
    assert!(mauve.student.unwrap() < 0.5 && mauve.rerun.unwrap() > 0.9 && mauve.teacher.is_none(), "{mauve:?}");
    // The teacher's favourite is always precise, and covers the half of its answers that are the favourite.
    assert_eq!(secondary(&collapsed, "knn_precision").student, Some(1.0));
    let coverage = secondary(&collapsed, "knn_coverage").student.unwrap();
    assert!((0.4..0.6).contains(&coverage), "{coverage}");
}

#[test]
fn secondary_measures_take_equal_numbers_and_say_what_they_lack() {
    let with = |per_probe: u32, reruns: u32| {
        audit_with(&teacher(), 30, |options: &mut AskOptions| {
            let settings = &mut options.sampling.as_mut().unwrap().settings;
            (settings.per_probe, settings.reruns) = (per_probe, reruns);
        })
    };
    let few = with(8, 3);
    assert_eq!((secondary(&few, "vendi").answers, secondary(&few, "mauve").answers), (90, 90));
    let single = with(1, 0);
    let vendi = secondary(&single, "vendi");
    assert_eq!((vendi.student, vendi.teacher, vendi.answers), (None, None, 0));
    assert!(vendi.missing.unwrap().contains("two answers"));
    let mauve = secondary(&single, "mauve");
    assert!(mauve.student.is_some() && mauve.rerun.is_none() && mauve.answers == 30);
}
