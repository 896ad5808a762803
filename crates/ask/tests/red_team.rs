//! Students that lost something, each in its own way: none of them passes the default policy. And a teacher against itself,
//! two hundred times: it hardly ever fails.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::fmt::Write;
use std::path::Path;

use hydrometer_answers::cache::TeacherCache;
use hydrometer_answers::logged::{BadLines, Columns, Reading, Wanted, pair, read};
use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{SamplingParameters, WindowOrder};
use hydrometer_ask::{AskOptions, ImportOptions, Models, Windowing, collect_cached, fill_cache, import};
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_metrics::Verdict;
use hydrometer_metrics::sparse::Truncation;
use hydrometer_models::{Defect, Model, Planted, Scripted};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, AskedAs, Checker, Normal, Probe, Suite};
use support::{Bigram, Watch, collect, options, sampling, suite, until};

fn audit(teacher: &dyn Model, student: &dyn Model, suite: &Suite, change: impl Fn(&mut AskOptions)) -> Statement {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options();
    change(&mut options);
    if let Some(sampling) = &mut options.sampling {
        sampling.store = folder.path().join("store");
    }
    let run = folder.path().join("run");
    let run = collect(Models::pair(teacher, student), suite, &options, &run, &mut Watch::default()).unwrap();
    statement(&run, &Policy::default()).unwrap()
}

fn caught(who: &str, found: &Statement) {
    assert_ne!(found.verdict, Verdict::Pass, "{who} passes: {}", found.verdict_line);
}

fn probe(kind: &str, i: usize, ask: Ask) -> Probe {
    Probe {
        id: format!("{kind}{i}"),
        family: format!("{kind}{i}"),
        axis: kind.into(),
        tags: Vec::new(),
        knob: None,
        boundary: None,
        ask,
    }
}

/// A model of letters: what it answers to prompts that end in 0 and in 1, and what follows a letter.
fn letters(zero: &str, one: &str, then: &str) -> Scripted {
    let text = format!(
        "vocabulary = [\"<s>\", \"</s>\", \"0\", \"1\", \"2\", \"3\", \"a\", \"b\", \"c\", \"d\"]\n\
         bos = \"<s>\"\neos = \"</s>\"\n[default]\nprobabilities = {{ {then} }}\n\
         [[rule]]\nafter = \"0\"\nprobabilities = {{ {zero} }}\n\
         [[rule]]\nafter = \"1\"\nprobabilities = {{ {one} }}\n"
    );
    Scripted::parse(Path::new("model.toml"), &text).unwrap()
}

const END: &str = "\"</s>\" = 1.0";

/// Prompts whose right answer is `a`.
fn prompts(count: usize) -> Suite {
    let ask = |i: usize| {
        let digits = (0..5).map(|place| char::from(b'0' + (i >> (2 * place)) as u8 % 4));
        let prompt: String = digits.chain([if i.is_multiple_of(2) { '0' } else { '1' }]).collect();
        Ask::Prompt(kind::Prompt {
            prompt,
            system: None,
            turns: Vec::new(),
            answer: vec![Normal::Whitespace],
            check: Some(Checker::Exact(vec!["a".into()])),
            max_tokens: None,
            stop: Vec::new(),
            decoding: Default::default(),
        })
    };
    Suite { name: "letters".into(), probes: (0..count).map(|i| probe("p", i, ask(i))).collect() }
}

/// Eight answers of each model and eight of the teacher again, by this seed.
fn sampled(seed: u64) -> impl Fn(&mut AskOptions) {
    move |options| {
        options.sampling = sampling(Path::new("store"), 8, 8).sampling;
        options.sampling.as_mut().unwrap().settings.parameters.seed = seed;
    }
}

#[test]
fn nobody_who_lost_answers_passes() {
    let (varied, sure) = ("a = 0.5, b = 0.3, c = 0.1, d = 0.1", "a = 0.95, b = 0.05");
    let alike = |shares: &'static str| (shares, shares, END);
    let of_varied = [
        ("the favourite only", alike("a = 1.0")),
        ("the second only", alike("b = 1.0")),
        ("a rare one only", alike("c = 1.0")),
        ("another rare one only", alike("d = 1.0")),
        ("the first two", alike("a = 0.6, b = 0.4")),
        ("sharpened", alike("a = 0.69, b = 0.25, c = 0.03, d = 0.03")),
        ("nearly greedy", alike("a = 0.9, b = 0.1")),
        ("uniform", alike("a = 0.25, b = 0.25, c = 0.25, d = 0.25")),
        ("shares exchanged", alike("a = 0.1, b = 0.5, c = 0.3, d = 0.1")),
        ("silent", alike("\"</s>\" = 1.0")),
        ("half silent", alike("a = 0.25, b = 0.15, c = 0.05, d = 0.05, \"</s>\" = 0.5")),
        ("a fifth silent", alike("a = 0.4, b = 0.24, c = 0.08, d = 0.08, \"</s>\" = 0.2")),
        ("silent on half of the prompts", (varied, "\"</s>\" = 1.0", END)),
        ("a rare one on half of the prompts", (varied, "d = 1.0", END)),
        ("greedy on half of the prompts", (varied, "a = 1.0", END)),
        ("never ends", (varied, varied, "a = 1.0")),
        ("seldom ends", (varied, varied, "\"</s>\" = 0.5, a = 0.5")),
    ];
    let of_sure = [
        ("often wrong", alike("a = 0.6, b = 0.4")),
        ("wrong more often", alike("a = 0.8, b = 0.2")),
        ("turned round", alike("a = 0.05, b = 0.95")),
        ("wrong on half of the prompts", ("a = 0.95, b = 0.05", "b = 0.95, a = 0.05", END)),
        ("always wrong", alike("c = 1.0")),
        ("a third silent", alike("a = 0.63, b = 0.04, \"</s>\" = 0.33")),
    ];
    for (teacher, students) in [(varied, &of_varied[..]), (sure, &of_sure[..])] {
        let teacher = letters(teacher, teacher, END);
        for (who, (zero, one, then)) in students {
            caught(who, &audit(&teacher, &letters(zero, one, then), &prompts(120), sampled(5)));
        }
    }
}

const CHOICES: usize = 90;

fn options_of(i: usize) -> [String; 2] {
    [format!("x{i}"), format!("y{i}")]
}

/// A model that gives the right one of two options this probability.
fn decides(right: impl Fn(usize) -> f64) -> Scripted {
    decides_within("", right)
}

/// The same with a context of its own.
fn decides_within(context: &str, right: impl Fn(usize) -> f64) -> Scripted {
    let mut text = format!(
        "vocabulary = \"bytes\"\n{context}\
         template = \"{{% for m in messages %}}{{{{ m.content }}}}{{% endfor %}}>\"\n\
         [default]\nprobabilities = {{ z = 0.5 }}\n"
    );
    for i in 0..CHOICES {
        let options = options_of(i);
        for order in [[0, 1], [1, 0]] {
            let shown = format!("A. {}\nB. {}\n\nAnswer with the letter only.>", options[order[0]], options[order[1]]);
            let a = if order[0] == i % 2 { right(i) } else { 1.0 - right(i) };
            let after = toml_string(&shown);
            write!(text, "[[rule]]\nafter = {after}\nprobabilities = {{ A = {a:.6}, B = {:.6} }}\n", 1.0 - a).unwrap();
        }
    }
    Scripted::parse(Path::new("model.toml"), &text).unwrap()
}

fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\n', "\\n"))
}

fn choices() -> Suite {
    let ask = |i: usize| {
        let (prompt, truth, asked_as) = (format!("Q{i}?"), Some((i % 2) as u32), AskedAs::Question);
        Ask::Choice(kind::Choice { prompt, options: options_of(i).into(), truth, asked_as })
    };
    Suite { name: "choices".into(), probes: (0..CHOICES).map(|i| probe("c", i, ask(i))).collect() }
}

#[test]
fn nobody_who_lost_choices_passes() {
    /// How probable the student makes the right option of a choice.
    type Right = fn(usize) -> f64;
    let of: [(&str, f64, Right); 9] = [
        ("every decision by a little", 0.70, |_| 0.49),
        ("every decision", 0.70, |_| 0.30),
        ("guesses", 0.70, |_| 0.50),
        ("a third of the decisions", 0.70, |i| if i % 3 == 0 { 0.45 } else { 0.70 }),
        ("a fifth of the decisions", 0.90, |i| if i % 5 == 0 { 0.30 } else { 0.90 }),
        ("turned round", 0.95, |_| 0.05),
        ("sure of nothing", 0.95, |_| 0.55),
        ("sure of the wrong", 0.60, |i| if i % 2 == 0 { 0.02 } else { 0.60 }),
        ("surer than its teacher", 0.60, |_| 0.99),
    ];
    for (who, teacher, student) in of {
        let found = audit(&decides(|_| teacher), &decides(student), &choices(), |_| ());
        caught(who, &found);
        // Who lost everything is not merely undecided: gates say which loss it is.
        if ["every decision by a little", "every decision", "guesses", "turned round"].contains(&who) {
            let failed = |id: &str| found.gates.iter().any(|gate| gate.metric == id && gate.verdict == Verdict::Fail);
            assert!(failed("choice_divergence_ratio"), "{who}: {}", found.verdict_line);
            assert!(who == "guesses" || failed("choice_net_loss"), "{who}: {}", found.verdict_line);
        }
    }
    let same = audit(&decides(|_| 0.8), &decides(|_| 0.8), &choices(), |_| ());
    assert_eq!(same.verdict, Verdict::Pass, "{}", same.verdict_line);
}

const TEXTS: [&str; 8] = [
    "temperature=0.5(t)",
    "temperature=0.7(t)",
    "temperature=2(t)",
    "tail_truncated=0.9(t)",
    "tail_truncated=0.8(t)",
    "tail_permuted=0.9(t)",
    "greedy=0.999999(t)",
    "noise=3(t)",
];

fn planted(spec: &str) -> Planted {
    Planted::new(Defect::parse_spec(spec).unwrap().0, Box::new(Bigram::bytes("t", 1)))
}

#[test]
fn nobody_who_lost_the_distribution_passes() {
    let teacher = Bigram::bytes("t", 1);
    for spec in TEXTS {
        caught(spec, &audit(&teacher, &planted(spec), &suite(80), |_| ()));
    }
    caught("another world", &audit(&teacher, &Bigram::bytes("s", 2), &suite(80), |_| ()));
}

/// A run of answers that somebody logged: for each question three of the teacher, three of the student, and whether they
/// are right.
fn given<C: Into<Option<bool>>>(answers: impl Fn(usize, usize) -> [(String, C); 2]) -> Statement {
    const QUESTIONS: usize = 120;
    let folder = tempfile::tempdir().unwrap();
    let files = ["big", "small"].map(|name| folder.path().join(format!("{name}.jsonl")));
    for (model, file) in files.iter().enumerate() {
        let line = |(question, nth): (usize, usize)| {
            let [first, second] = answers(question, nth);
            let (answer, correct) = if model == 0 { first } else { second };
            let prompt = format!("What is {question}?");
            let line = match correct.into() {
                Some(correct) => {
                    serde_json::json!({ "prompt": prompt, "nth": nth + 1, "answer": answer, "correct": correct })
                }
                None => serde_json::json!({ "prompt": prompt, "nth": nth + 1, "answer": answer }),
            };
            format!("{line}\n")
        };
        let lines: String =
            (0..QUESTIONS).flat_map(|question| (0..3).map(move |nth| (question, nth))).map(line).collect();
        std::fs::write(file, lines).unwrap();
    }
    let columns =
        Columns { models: ["big", "small"].map(str::to_owned), epoch: Some("nth".into()), ..Columns::default() };
    let reading = Reading { format: None, columns, bad_lines: BadLines::Refuse };
    let wanted = Wanted::of("big", "small");
    let paired = pair(&read(&files, &reading).unwrap(), &wanted).unwrap();
    let options = ImportOptions {
        teacher: "big".into(),
        student: "small".into(),
        drawn: Some(SamplingParameters {
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            max_tokens: 16,
            stop: Vec::new(),
            seed: 1,
        }),
        seed: 1,
        arguments: Vec::new(),
    };
    let run = import(&paired, &options, None, &folder.path().join("run")).unwrap().run;
    statement(&run, &Policy::default()).unwrap()
}

/// One of `words` by a die of its own for every question and answer.
fn drawn(words: &[&str], question: usize, nth: usize, model: usize) -> String {
    let place = blake3::hash(format!("{question} {nth} {model}").as_bytes()).as_bytes()[0] as usize % words.len();
    words[place].to_owned()
}

#[test]
fn nobody_passes_by_given_answers() {
    type Answers = fn(usize, usize) -> (String, bool);
    let teacher =
        |question: usize, nth: usize| (drawn(&["yes", "yes", "well"], question, nth, 0), !question.is_multiple_of(10));
    let students: [(&str, Answers); 8] = [
        ("mostly wrong", |q, n| (drawn(&["yes", "yes", "well"], q, n, 1), q % 10 > 6)),
        ("wrong in a fifth", |q, n| (drawn(&["yes", "yes", "well"], q, n, 1), q % 10 > 2)),
        ("silent", |_, _| (String::new(), false)),
        ("silent in a third", |q, n| match q % 3 {
            0 => (String::new(), false),
            _ => (drawn(&["yes", "yes", "well"], q, n, 1), !q.is_multiple_of(10)),
        }),
        ("one answer", |q, _| ("yes".into(), !q.is_multiple_of(10))),
        ("another language", |q, n| (drawn(&["ja", "ja", "nun"], q, n, 1), !q.is_multiple_of(10))),
        ("noise", |q, n| (format!("word {q} {n}"), !q.is_multiple_of(10))),
        ("right where the teacher is wrong", |q, n| (drawn(&["yes", "yes", "well"], q, n, 1), q.is_multiple_of(10))),
    ];
    for (who, student) in students {
        let found = given(|question, nth| [teacher(question, nth), student(question, nth)]);
        caught(who, &found);
    }
    let same = given(|q, n| [teacher(q, n), (drawn(&["yes", "yes", "well"], q, n, 1), !q.is_multiple_of(10))]);
    assert_ne!(same.verdict, Verdict::Fail, "{}", same.verdict_line);
    // The teacher never says the same twice, and nobody knows what is right: how it is said is no evidence.
    let open = given(|q, n| [format!("thought {q} {n}"), format!("word {n} {q}")].map(|text| (text, None)));
    caught("something else in the same manner", &open);
    assert!(open.verdict_line.contains("what is answered"), "{}", open.verdict_line);
}

/// A model of letters that answers `a`, but `b` to prompts with these endings.
fn blind_to(endings: [&str; 2]) -> Scripted {
    let rule = |after: &str, says: &str| format!("[[rule]]\nafter = \"{after}\"\nprobabilities = {{ {says} = 1.0 }}\n");
    let text = format!(
        "vocabulary = [\"</s>\", \"0\", \"1\", \"2\", \"3\", \"a\", \"b\"]\neos = \"</s>\"\n\
         [default]\nprobabilities = {{ {END} }}\n{}{}{}{}",
        rule("0", "a"),
        rule("1", "a"),
        rule(endings[0], "b"),
        rule(endings[1], "b")
    );
    Scripted::parse(Path::new("model.toml"), &text).unwrap()
}

#[test]
fn losses_are_not_outweighed_by_as_many_gains() {
    // So many that the difference of both is known to be small.
    let suite = prompts(1000);
    let served = |options: &mut AskOptions| {
        options.sampling = sampling(Path::new("store"), 1, 1).sampling;
        options.sampling.as_mut().unwrap().settings.parameters.temperature = 0.0;
    };
    let [even, odd] = [["20", "30"], ["21", "31"]];
    let found = audit(&blind_to(even), &blind_to(odd), &suite, served);
    let verdicts = found.gates.iter().map(|gate| gate.verdict);
    assert!(
        verdicts.clone().count() > 0 && verdicts.clone().all(|verdict| verdict == Verdict::Pass),
        "{:?}",
        found.gates
    );
    caught("who is right where its teacher is wrong, and wrong where it is right", &found);
    let expected = "24 % of answers are lost and 24 % gained: they balance";
    assert!(found.verdict_line.contains(expected), "{}", found.verdict_line);
    assert!(found.findings.iter().any(|finding| finding.id == "answers_lost"), "{:?}", found.findings);
    let same = audit(&blind_to(even), &blind_to(even), &suite, served);
    assert_eq!(same.verdict, Verdict::Pass, "{}", same.verdict_line);
}

#[test]
fn nobody_who_cannot_read_the_long_half_passes() {
    let long = |i: usize| {
        Ask::Choice(kind::Choice {
            prompt: format!("Q{i}? {}", if i.is_multiple_of(4) { "word ".repeat(100) } else { String::new() }),
            options: options_of(i).into(),
            truth: Some((i % 2) as u32),
            asked_as: AskedAs::Question,
        })
    };
    let suite = Suite { name: "long".into(), probes: (0..CHOICES).map(|i| probe("c", i, long(i))).collect() };
    let [teacher, student] = ["", "context_length = 256\n"].map(|context| decides_within(context, |_| 0.8));
    let found = audit(&teacher, &student, &suite, |_| ());
    caught("a student that a quarter of the choices do not fit into", &found);
    assert!(found.verdict_line.contains("do not fit into the student's context"), "{}", found.verdict_line);
    // What does not fit into the teacher's is no loss of the student's.
    let found = audit(&student, &teacher, &suite, |_| ());
    assert_eq!(found.verdict, Verdict::Pass, "{}", found.verdict_line);
}

#[test]
fn an_axis_whose_answers_are_lost_is_named() {
    let mut suite = prompts(400);
    // One axis, three in a hundred of the suite, is all that ends in 1.
    suite.probes.retain(|probe| probe.id.trim_start_matches('p').parse::<usize>().is_ok_and(|i| i % 2 == 0 || i < 30));
    for probe in &mut suite.probes {
        let Ask::Prompt(prompt) = &probe.ask else { unreachable!() };
        probe.axis = if prompt.prompt.ends_with('1') { "rare" } else { "common" }.into();
    }
    let teacher = letters("a = 0.95, b = 0.05", "a = 0.95, b = 0.05", END);
    let student = letters("a = 0.95, b = 0.05", "b = 0.95, a = 0.05", END);
    let found = audit(&teacher, &student, &suite, sampled(3));
    let slice =
        |metric: &str| found.slices.iter().find(|slice| slice.name == "axis:rare" && slice.metric == metric).unwrap();
    assert!(slice("answer_net_loss").differs && slice("answer_net_loss").estimate.value > 0.8);
    assert!(slice("distribution_match").differs && !slice("missing_excess").differs);
    let weak = found.findings.iter().find(|finding| finding.id == "weak_slice").unwrap();
    assert!(weak.title.contains("axis:rare (answer_net_loss"), "{}", weak.title);
    // By itself it is beyond what the gate allows the whole, whatever the whole is.
    assert_ne!(weak.severity, hydrometer_audit::statement::Severity::Informative);
    let same = audit(&teacher, &teacher, &suite, sampled(3));
    assert!(same.slices.iter().all(|slice| !slice.differs), "{:?}", same.slices);
}

#[test]
fn nobody_passes_by_the_teachers_cache() {
    let teacher = Bigram::bytes("t", 1);
    let mut suite = suite(80);
    suite.probes.retain(|probe| matches!(probe.ask, Ask::Text(_)));
    let folder = tempfile::tempdir().unwrap();
    let truncation = Truncation { mass: 0.9, k_min: 10, k_max: 24, draws: 6 };
    let codec = Codec::of_logits(teacher.identity().logit_width(), truncation);
    let mut cache = TeacherCache::create_or_open(folder.path(), teacher.identity(), codec).unwrap();
    fill_cache(
        &teacher,
        &suite,
        Windowing { n_ctx: 128, max_windows: None, order: WindowOrder::Spread },
        512,
        &mut cache,
        &mut Watch::default(),
    )
    .unwrap();
    let mut judge = |student: &dyn Model| {
        let run = tempfile::tempdir().unwrap();
        let run = collect_cached(&mut cache, student, &suite, &options(), run.path(), &mut Watch::default()).unwrap();
        statement(&run, &Policy::default()).unwrap()
    };
    for spec in TEXTS {
        caught(spec, &judge(&planted(spec)));
    }
    let same = judge(&teacher);
    assert_eq!(same.verdict, Verdict::Pass, "{}", same.verdict_line);
}

#[test]
fn stopping_early_lets_nobody_pass() {
    for spec in TEXTS {
        let decide = |options: &mut AskOptions| options.until_decided = Some(until(&Policy::default(), None));
        caught(spec, &audit(&Bigram::bytes("t", 1), &planted(spec), &suite(80), decide));
    }
}

#[test]
fn a_teacher_against_itself_hardly_ever_fails() {
    let teacher = letters("a = 0.5, b = 0.3, c = 0.1, d = 0.1", "a = 0.8, b = 0.2", END);
    let suite = prompts(60);
    let failed = (0..200).filter(|&seed| audit(&teacher, &teacher, &suite, sampled(seed)).verdict == Verdict::Fail);
    let failed = failed.count();
    assert!(failed <= 10, "{failed} of 200");
}
