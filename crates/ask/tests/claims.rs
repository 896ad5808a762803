//! What was compared is what the statement says was compared: windows spread over documents, items that cannot be asked,
//! tokenizers that read texts differently, and words that differ between the models.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_answers::part::Positions;
use hydrometer_answers::{ExcludedItem, WindowOrder};
use hydrometer_ask::{AskError, AskOptions, Models, Plan};
use hydrometer_audit::statement::Pairing;
use hydrometer_models::{Specials, Tokenizer};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, AskedAs, Families, Probe, Suite};
use support::{Bigram, audit, options, run, sampling, suite};

fn probe(id: &str, ask: Ask) -> Probe {
    Probe {
        id: id.into(),
        family: format!("f-{id}"),
        axis: "prose".into(),
        tags: Vec::new(),
        knob: None,
        boundary: None,
        ask,
    }
}

fn text(id: &str, text: &str, context: Option<&str>) -> Probe {
    let context = context.map(str::to_owned);
    probe(id, Ask::Text(kind::Text { text: text.into(), context, families: Families::Probe }))
}

fn choice(id: &str, prompt: String) -> Probe {
    let options = vec!["yes".into(), "never".into()];
    probe(id, Ask::Choice(kind::Choice { prompt, options, truth: None, asked_as: AskedAs::Question }))
}

fn prompt(id: &str, prompt: String) -> Probe {
    let (system, turns, answer, check, max_tokens) = (None, Vec::new(), Vec::new(), None, None);
    probe(
        id,
        Ask::Prompt(kind::Prompt {
            prompt,
            system,
            turns,
            answer,
            check,
            max_tokens,
            stop: Vec::new(),
            decoding: Default::default(),
        }),
    )
}

/// One long text of so many documents, each several windows of 128 bytes long.
fn documents(count: usize) -> Suite {
    let document = |i: usize| format!(" = Title {i} = \n{}\n", format!("words of document {i}, ").repeat(30));
    let text = (0..count).map(document).collect();
    let ask = Ask::Text(kind::Text { text, context: None, families: Families::Heading });
    Suite { name: "documents".into(), probes: vec![probe("wiki", ask)] }
}

#[test]
fn a_few_windows_are_of_as_many_documents() {
    let teacher = Bigram::bytes("t", 1);
    let check = |documents_there: usize, windows: u32, order: WindowOrder, families: usize| {
        let options = AskOptions { max_windows: Some(windows), window_order: order, ..options() };
        let folder = tempfile::tempdir().unwrap();
        let suite = documents(documents_there);
        let models = Models::pair(&teacher, &teacher);
        let run = support::collect(models, &suite, &options, folder.path(), &mut support::Watch::default()).unwrap();
        let rows = run.rows::<Positions>().unwrap();
        let mut windows_found: Vec<_> = rows.iter().map(|row| row.window).collect();
        windows_found.dedup();
        let mut found: Vec<_> = rows.iter().map(|row| row.family.clone()).collect();
        found.sort();
        found.dedup();
        assert_eq!((windows_found.len(), found.len()), (windows as usize, families), "{order:?}: {found:?}");
        run.manifest().plan_hash.clone()
    };
    let spread = check(20, 8, WindowOrder::Spread, 8);
    let first = check(20, 8, WindowOrder::First, 2);
    assert_ne!(spread, first);
    check(3, 8, WindowOrder::Spread, 3);
}

#[test]
fn what_is_too_long_costs_itself_and_not_the_audit() {
    let teacher = Bigram::bytes("t", 1);
    let mut asked = suite(12);
    asked.probes.push(choice("long-choice", "word ".repeat(1000)));
    asked.probes.push(prompt("long-prompt", "word ".repeat(1000)));
    asked.probes.push(prompt("short-prompt", "word".into()));
    asked.probes.push(text("no-text", "a", None));
    asked.probes.push(text("long-context", "ab", Some(&"c".repeat(130))));
    let (folder, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = sampling(store.path(), 2, 1);
    let models = Models::pair(&teacher, &teacher);
    let run = support::collect(models, &asked, &options, folder.path(), &mut support::Watch::default()).unwrap();
    let statement = hydrometer_audit::statement(&run, &hydrometer_audit::Policy::default()).unwrap();
    let ids: Vec<_> = statement.excluded.iter().map(|item| item.probe.as_str()).collect();
    assert_eq!(ids, ["long-choice", "long-prompt", "no-text", "long-context"]);
    let reason = |place: usize| statement.excluded[place].reason.as_str();
    assert!(reason(0).contains("the teacher's context holds 4096"), "{}", reason(0));
    assert!(reason(1).contains("the teacher's context holds 4096"), "{}", reason(1));
    assert!(reason(2).contains("it has 1 token"), "{}", reason(2));
    assert!(reason(3).contains("the context takes 130"), "{}", reason(3));
    let note = statement.notes.iter().find(|note| note.contains("could not be asked")).unwrap();
    assert!(note.starts_with("4 of 29 items") && note.contains("long-choice"), "{note}");
    assert_eq!((statement.suite.choices, statement.suite.prompts), (12, 1));
}

#[test]
fn where_everything_is_excluded_the_first_reasons_are_the_error() {
    let teacher = Bigram::bytes("t", 1);
    let probes = vec![choice("c", "word ".repeat(1000)), text("x", "a", None)];
    let asked = Suite { name: "none".into(), probes };
    let Err(error) = Plan::new(Models::pair(&teacher, &teacher), &asked, &options()) else { panic!("it is planned") };
    assert!(matches!(error, AskError::AllExcluded { excluded: 2, .. }), "{error}");
    assert!(error.to_string().contains("`c`: with its longest option it takes"), "{error}");
}

/// Letters, digits, punctuation and some more pieces; the last one is the end of a text.
fn letters(more: &[&str], end: &str) -> Tokenizer {
    let letters: Vec<String> =
        [b'\n'].into_iter().chain(b' '..=b'~').map(|byte| char::from(byte).to_string()).collect();
    let mut pieces: Vec<&str> = letters.iter().map(String::as_str).collect();
    pieces.extend(more);
    pieces.push(end);
    let eos = Some(pieces.len() as u32 - 1);
    Tokenizer::from_pieces(&pieces, Specials { bos: None, eos }).unwrap()
}

#[test]
fn one_renamed_special_token_leaves_the_others_compared() {
    let teacher = Bigram::new("t", 1, letters(&[], "<end>"));
    let student = Bigram::new("s", 1, letters(&[], "<stop>"));
    let statement = audit(&teacher, &student, &suite(30));
    assert!(matches!(statement.pairing, Pairing::Padded { shared: 96 }), "{:?}", statement.pairing);
    assert!(statement.metrics.iter().any(|metric| metric.id == "kl_divergence" && metric.estimate.is_some()));
    let named = |part: &str| statement.notes.iter().any(|note| note.contains(part));
    assert!(
        named("but for 1 special token: token 96 is `<end>` in one and `<stop>` in the other"),
        "{:?}",
        statement.notes
    );
    assert!(named("Probability outside of the tokens that both models have"), "{:?}", statement.notes);
    assert!(statement.findings.iter().any(|finding| finding.id == "outside_the_vocabulary"));
}

#[test]
fn probability_outside_is_that_of_the_whole_distribution() {
    let (teacher, student) = (Bigram::new("t", 1, letters(&[], "<end>")), Bigram::new("s", 1, letters(&[], "<stop>")));
    let folder = tempfile::tempdir().unwrap();
    let rows = run(&teacher, &student, &suite(6), folder.path()).unwrap().rows::<Positions>().unwrap();
    for row in rows {
        let (Some(ours), Some(theirs)) = (row.outside.teacher, row.outside.student) else { panic!("{row:?}") };
        // The two say the same of every entry, the excluded one included.
        assert!(ours > 0.0 && ours < 1.0 && ours == theirs, "{ours} {theirs}");
    }
}

#[test]
fn texts_that_the_tokenizers_read_differently_are_not_compared() {
    // The same pieces, in the same places; only one of the two has the word as a piece that texts are cut into.
    let teacher = Bigram::new("t", 1, letters(&["<river>"], "<end>"));
    let student = Bigram::new("s", 1, letters(&[""], "<end>"));
    let mut asked = suite(12);
    asked.probes.push(text("tagged", "abc <river> def", None));
    let statement = audit(&teacher, &student, &asked);
    let item = ExcludedItem::new("tagged", "the tokenizers disagree on it from byte 4 on");
    let item = ExcludedItem { refused_by: Some("student".into()), ..item };
    assert_eq!(statement.excluded, [item]);
    let said = "tokenizers disagree on 1 of 13 texts, first at byte 4 of `tagged`";
    assert!(statement.notes.iter().any(|note| note.contains(said)), "{:?}", statement.notes);
    assert!(statement.suite.positions > 0);
}

#[test]
fn where_no_text_is_read_alike_token_metrics_are_refused() {
    let bos = |tokenizer: Specials| {
        let letters: Vec<String> =
            [b'\n'].into_iter().chain(b' '..=b'~').map(|byte| char::from(byte).to_string()).collect();
        let pieces: Vec<&str> = letters.iter().map(String::as_str).chain(["<s>"]).collect();
        Tokenizer::from_pieces(&pieces, tokenizer).unwrap()
    };
    let teacher = Bigram::new("t", 1, bos(Specials { bos: Some(96), eos: None }));
    let student = Bigram::new("s", 1, bos(Specials { bos: None, eos: Some(96) }));
    let statement = audit(&teacher, &student, &suite(12));
    let Pairing::Different { reason } = &statement.pairing else { panic!("{:?}", statement.pairing) };
    assert!(reason.ends_with("tokenizers disagree on 12 of 12 texts, first at byte 0 of `text-0`"), "{reason}");
    // What begins with BOS for one of them only is another question.
    let note = statement.notes.iter().find(|note| note.contains("read different texts")).unwrap();
    assert!(note.contains("on 12 prompts") && note.contains("at byte 0") && note.contains("<s>"), "{note}");
}

#[test]
fn windows_beyond_a_context_are_refused_before_anything_is_scored() {
    let teacher = Bigram::bytes("t", 1);
    let wide = AskOptions { n_ctx: 8192, block_tokens: 8192, ..options() };
    let long = Suite { name: "long".into(), probes: vec![text("x", &"a b ".repeat(2000), None)] };
    let Err(error) = Plan::new(Models::pair(&teacher, &teacher), &long, &wide) else { panic!("it is planned") };
    assert!(matches!(error, AskError::Context { longest: 8000, context: 4096, .. }), "{error}");
    // Texts that fit are scored whatever the window.
    assert!(Plan::new(Models::pair(&teacher, &teacher), &suite(4), &wide).is_ok());
}
