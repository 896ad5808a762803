//! Every format of the sample statement: snapshots, widths, and that hostile text stays text.
#![allow(clippy::unwrap_used, missing_docs)]

use crate::sample;

use hydrometer_answers::{EncoderIdentity, MeaningSettings};
use hydrometer_audit::Statement;
use hydrometer_audit::statement::{GapBase, HowKnown, NumberRegime};
use hydrometer_metrics::Verdict;
use hydrometer_report::side_by_side::{Reading, SideBySide};
use hydrometer_report::{Color, Measured, TerminalOptions, side_by_side_markdown, side_by_side_terminal};
use unicode_width::UnicodeWidthStr;

fn options(width: usize) -> TerminalOptions<'static> {
    static FILES: std::sync::LazyLock<[(&str, String); 2]> = std::sync::LazyLock::new(|| {
        [
            ("report", "runs/a/report.html".to_owned()),
            ("statement", format!("runs/{}/statement.json", "long".repeat(40))),
        ]
    });
    let measured = Measured { seconds: 83.4, peak_memory_bytes: Some(4_509_715_661), paid: None };
    TerminalOptions { width, color: Color::Never, files: &*FILES, measured: Some(measured) }
}

#[test]
fn snapshots() {
    let statement = sample::statement();
    insta::assert_snapshot!("terminal", hydrometer_report::terminal(&statement, &options(100)));
    insta::assert_snapshot!("terminal_empty", hydrometer_report::terminal(&sample::empty(), &options(80)));
    insta::assert_snapshot!("markdown", hydrometer_report::markdown(&statement));
    insta::assert_snapshot!("junit", hydrometer_report::junit(&statement));
    insta::assert_snapshot!("csv", hydrometer_report::csv(&statement));
    insta::assert_snapshot!("compat", hydrometer_report::compat(statement.compat.as_ref().unwrap()));
}

#[test]
fn a_number_says_its_regime_where_it_is_not_that_of_the_statement() {
    let mut statement = sample::statement();
    let regime = |id: &str, known| Some(NumberRegime { id: id.into(), known, from: "somewhere".into() });
    let mut of = |id: &str, found: Option<NumberRegime>| {
        statement.metrics.iter_mut().find(|metric| metric.id == id).unwrap().regime.clone_from(&found);
        statement.headline.iter_mut().filter(|row| row.id == id).for_each(|row| row.regime.clone_from(&found));
        statement.gates.iter_mut().filter(|gate| gate.metric == id).for_each(|gate| gate.regime.clone_from(&found));
    };
    of("tail_kept", regime("R1", HowKnown::Estimated));
    of("choice_lost", regime("R2", HowKnown::Widened));
    of("brier_student", regime("R2", HowKnown::Exact));
    // As the statement says, and as everything is that is read off answers: nothing to be said of.
    of("kl_divergence", regime("R0", HowKnown::Exact));
    of("answer_agreement", regime("R4", HowKnown::Answered));
    let page = hydrometer_report::html(&statement, None);
    for words in ["R1, estimated", "R2, widened", "R2<"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("R4") && !page.contains("R0,"), "no more than that");
    let terminal = hydrometer_report::terminal(&statement, &options(100));
    assert!(terminal.contains("Tail kept (R1, estimated)"), "{terminal}");
    assert!(hydrometer_report::markdown(&statement).contains("(R1, estimated)"));
    let csv = hydrometer_report::csv(&statement);
    let rows = |start: &str| csv.lines().filter(|line| line.starts_with(start)).collect::<Vec<_>>();
    assert!(rows("kind,").iter().all(|line| line.ends_with(",regime,known")));
    for (start, end) in [
        ("metric,kl_divergence,", ",R0,exact"),
        ("metric,answer_agreement,", ",R4,answered"),
        ("headline,tail_kept,", ",R1,estimated"),
        ("gate,tail_kept,", ",R1,estimated"),
        ("metric,choice_lost,", ",R2,widened"),
    ] {
        assert!(rows(start).iter().all(|line| line.ends_with(end)) && !rows(start).is_empty(), "{:?}", rows(start));
    }
}

/// The sample with wide, long and hostile names everywhere.
fn wide() -> hydrometer_audit::Statement {
    let mut statement = sample::statement();
    let name = "蒸留器の比重計".repeat(12);
    statement.verdict_line = format!("{name} 👩‍🔬 {}", "x".repeat(300));
    statement.teacher.name.clone_from(&name);
    statement.student.name = format!("{name}\u{1b}[2J");
    statement.suite.name.clone_from(&name);
    statement.gates[0].metric = "指標".repeat(40);
    statement.headline[0].missing = Some(name.clone());
    statement.findings[0].title = name;
    for metric in &mut statement.metrics {
        if let Some(estimate) = &mut metric.estimate {
            estimate.value *= 1e12;
        }
    }
    for gate in &mut statement.gates {
        if let Some(estimate) = &mut gate.estimate {
            estimate.value *= -1e14;
        }
    }
    statement
}

#[test]
fn no_terminal_line_is_wider_than_asked() {
    for width in [72, 80, 89, 90, 100, 300] {
        for statement in [sample::statement(), sample::empty(), sample::full(), wide()] {
            let text = hydrometer_report::terminal(&statement, &options(width));
            let comparison = side_by_side_terminal(&SideBySide::of(&statement, &wide()), &options(width));
            for line in text.lines().chain(comparison.lines()) {
                assert!(line.width() <= width.min(100), "{} columns of {width}: {line}", line.width());
            }
        }
    }
}

#[test]
fn names_of_metrics_are_never_cut() {
    let statement = sample::statement();
    for width in [72, 90, 100] {
        let text = hydrometer_report::terminal(&statement, &options(width));
        let comparison = side_by_side_terminal(&SideBySide::of(&statement, &statement), &options(width));
        for name in ["Choice agreement of the favourite", "Answer agreement against its ceiling"] {
            assert!(text.contains(name) && comparison.contains(name), "{name} at {width}:\n{text}{comparison}");
        }
    }
}

#[test]
fn a_terminal_gets_no_escape_from_a_model() {
    let text = hydrometer_report::terminal(&wide(), &options(100));
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    let colored = TerminalOptions { color: Color::Always, ..options(100) };
    let colored = hydrometer_report::terminal(&wide(), &colored);
    assert!(colored.contains("\u{1b}[1;31mFAIL\u{1b}[0m"));
    assert!(!colored.contains("\u{1b}[2J"));
}

#[test]
fn the_words_carry_the_verdicts() {
    let text = hydrometer_report::terminal(&sample::statement(), &options(100));
    assert!(text.starts_with("FAIL"));
    for words in ["PASS", "NOT ENOUGH EVIDENCE", "not measured", "1,340 more families", "next:"] {
        assert!(text.contains(words), "{words}");
    }
}

/// Every format for people, as plain text.
fn shown(statement: &hydrometer_audit::Statement) -> [String; 3] {
    let html = hydrometer_report::html(statement, None);
    [hydrometer_report::terminal(statement, &options(100)), hydrometer_report::markdown(statement), html]
}

#[test]
fn gates_that_could_not_be_measured_are_not_gates_that_nobody_asked_for() {
    let check = |statement: &hydrometer_audit::Statement, said: &str, not_said: &str| {
        for text in shown(statement) {
            let text = text.replace("&#39;", "'");
            assert!(text.contains(said) && !text.contains(not_said), "{said}: {text}");
        }
    };
    let (unasked, unmeasured) = ("There are none in the policy", "None of the policy's gates could be measured");
    let mut statement = sample::empty();
    check(&statement, unasked, unmeasured);
    statement.left_out.push("tail_kept".into());
    check(&statement, unmeasured, unasked);
}

#[test]
fn given_answers_are_of_no_vocabulary() {
    let mut statement = sample::empty();
    assert!(shown(&statement)[0].contains("different vocabularies"));
    statement.teacher.format = "answers".into();
    statement.student.format = "answers".into();
    for text in shown(&statement) {
        assert!(!text.contains("different vocabularies") && !text.contains("token metrics are refused"), "{text}");
    }
}

#[test]
fn what_is_not_known_of_a_model_is_said_with_the_reason() {
    let mut statement = sample::statement();
    let remote = &mut statement.student;
    (remote.architecture, remote.parameters, remote.vocab_size, remote.tokenizer) = (None, None, None, None);
    (remote.engine.precision, remote.engine.kernel) = (None, None);
    remote.unknown = Some("the endpoint does not say".into());
    let json = serde_json::to_value(&statement.student).unwrap();
    assert!(json["parameters"].is_null() && json["engine"]["precision"].is_null(), "{json}");
    assert_eq!(serde_json::from_value::<hydrometer_answers::ModelIdentity>(json).unwrap(), statement.student);
    let [terminal, _, html] = shown(&statement);
    assert!(html.contains("unknown: the endpoint does not say"));
    assert!(terminal.contains(" (Q8_0)") && !terminal.contains("no parameters"), "{terminal}");
}

#[test]
fn one_of_something_is_singular() {
    let mut statement = sample::statement();
    let suite = &mut statement.suite;
    (suite.probes, suite.families, suite.positions, suite.choices, suite.prompts) = (1, 1, 1, 1, 1);
    statement.gates[0].more_families = Some(1);
    statement.cost.teacher_tokens = 1;
    statement.teacher.parameters = Some(0);
    if let Some(answers) = &mut statement.answers {
        (answers.prompts, answers.checked) = (1, 1);
        if let Some(settings) = &mut answers.settings {
            settings.per_probe = 1;
            settings.parameters.max_tokens = 1;
        }
    }
    let [terminal, markdown, html] = shown(&statement);
    for text in [&terminal, &markdown, &html, &hydrometer_report::junit(&statement)] {
        for many in ["families", "positions", "choices", "prompts", "tokens", "probes", "answers", "more families"] {
            let bad = |(at, _): (usize, &str)| !text[..at].ends_with(|c: char| c.is_ascii_digit() || c == ',');
            assert!(!text.match_indices(&format!("1 {many}")).any(bad), "1 {many}: {text}");
        }
    }
    assert!(terminal.contains("1 family, 1 position, 1 choice, 1 prompt\n"), "{terminal}");
    assert!(html.contains("1 probe in 1 family"));
    assert!(terminal.contains("no parameters") && !terminal.contains("none parameters"));
}

#[test]
fn markdown_neutralises_what_models_say() {
    let text = hydrometer_report::markdown(&sample::statement());
    for hostile in ["<script", "@octocat", " #12", "https:", "`pipe`", "\u{202e}", "\0"] {
        assert!(!text.contains(hostile), "{hostile:?}");
    }
    let pipes = |line: &str| line.matches('|').count();
    for table in text.split("\n\n").filter(|block| block.trim_start().starts_with('|')) {
        let counts: Vec<usize> = table.lines().filter(|l| l.trim_start().starts_with('|')).map(pipes).collect();
        assert!(counts.windows(2).all(|w| w[0] == w[1]), "{table}");
    }
}

#[test]
fn junit_counts_the_three_answers() {
    let text = hydrometer_report::junit(&sample::statement());
    assert!(text.contains("tests=\"8\" skipped=\"1\" errors=\"0\" failures=\"4\""), "{text}");
}

#[test]
fn a_pass_that_is_withheld_is_green_nowhere() {
    let mut statement = sample::statement();
    statement.gates.retain(|gate| gate.verdict == Verdict::Pass);
    assert!(!statement.gates.is_empty());
    (statement.verdict, statement.verdict_line) = (Verdict::NotEnoughEvidence, "30 of 160 prompts do not fit".into());
    let text = hydrometer_report::junit(&statement);
    let tests = statement.gates.len() + 1;
    assert!(text.contains(&format!("tests=\"{tests}\" skipped=\"1\" errors=\"0\" failures=\"0\"")), "{text}");
    assert!(text.contains("<skipped message=\"NOT ENOUGH EVIDENCE: 30 of 160 prompts do not fit\""), "{text}");
    let table = hydrometer_report::csv(&statement);
    let row = table.lines().nth(1).unwrap();
    assert!(row.starts_with("verdict,") && row.contains("NOT ENOUGH EVIDENCE"), "{row}");
    assert!(row.contains("30 of 160 prompts do not fit"), "{row}");
}

#[test]
fn csv_rows_have_one_length_and_no_formula() {
    let mut statement = sample::statement();
    statement.gates[0].explanation = "=1+1".into();
    statement.slices[0].name = "@SUM(A1)".into();
    let text = hydrometer_report::csv(&statement);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().len();
    let mut rows = 0;
    for record in reader.records() {
        let record = record.unwrap();
        assert_eq!(record.len(), columns);
        for field in &record {
            let number = field.parse::<f64>().is_ok();
            assert!(number || !field.starts_with(['=', '+', '-', '@', '\t', '\r']), "{field}");
        }
        rows += 1;
    }
    assert!(rows > 50);
    assert!(text.contains("'=1+1") && text.contains("'@SUM(A1)"));
}

#[test]
fn json_is_the_statement() {
    let statement = sample::statement();
    let text = hydrometer_report::json(&statement);
    let read: hydrometer_audit::Statement = serde_json::from_str(&text).unwrap();
    assert!(read == statement, "a number changed on its way through text");
    assert!(hydrometer_report::json(&read) == text);
}

#[test]
fn a_comparison_says_what_is_better_and_what_cannot_be_said() {
    let a = sample::statement();
    let mut b = sample::statement();
    b.verdict = Verdict::Pass;
    for (id, value) in [("kl_divergence", 0.2), ("tail_kept", 0.3), ("entropy_ratio", 0.92)] {
        let metric = b.metrics.iter_mut().find(|m| m.id == id).unwrap();
        metric.estimate = Some(sample::estimate(value, 0.02, None));
    }
    let comparison = SideBySide::of(&a, &b);
    let reading = |c: &SideBySide, id: &str| c.rows.iter().find(|r| r.metric == id).unwrap().reading;
    assert!(comparison.obstacles.is_empty());
    assert_eq!(reading(&comparison, "kl_divergence"), Reading::BBetter);
    assert_eq!(reading(&comparison, "tail_kept"), Reading::ABetter);
    assert_eq!(reading(&comparison, "entropy_ratio"), Reading::Overlap);
    insta::assert_snapshot!("compare", side_by_side_terminal(&comparison, &options(100)));

    if let Some(answers) = &mut b.answers {
        answers.gap_base = Some(GapBase::Model);
    }
    let comparison = SideBySide::of(&a, &b);
    assert_eq!(reading(&comparison, "gap_closed"), Reading::NotComparable);
    assert_eq!(reading(&comparison, "kl_divergence"), Reading::BBetter);

    b.suite.hash = "blake3:other".into();
    let comparison = SideBySide::of(&a, &b);
    assert_eq!(comparison.obstacles.len(), 1);
    assert_eq!(reading(&comparison, "kl_divergence"), Reading::NotComparable);
    assert!(side_by_side_markdown(&comparison).contains("Not comparable"));

    b.suite.hash = a.suite.hash.clone();
    let drawn = &mut b.answers.as_mut().unwrap().settings.as_mut().unwrap().parameters;
    drawn.seed += 1;
    assert!(SideBySide::of(&a, &b).obstacles.is_empty(), "another seed asks the same question");
    b.answers.as_mut().unwrap().settings.as_mut().unwrap().parameters.temperature = 0.7;
    assert_eq!(SideBySide::of(&a, &b).obstacles.len(), 1);
}

#[test]
fn runs_with_other_rules_for_the_same_meaning_are_not_compared() {
    let encoder = |name: &str, weights: &str| EncoderIdentity {
        name: name.into(),
        architecture: "bert".into(),
        width: 384,
        max_tokens: 256,
        pooling: "mean".into(),
        weights: weights.into(),
        config: "blake3:c".into(),
        tokenizer: "blake3:t".into(),
    };
    let run = |free: u64, meaning: Option<(&str, &str, f64)>| {
        let mut statement = sample::statement();
        let answers = statement.answers.as_mut().unwrap();
        answers.free = free;
        answers.meaning = meaning
            .map(|(name, weights, least_cosine)| MeaningSettings { encoder: encoder(name, weights), least_cosine });
        statement
    };
    let obstacles = |a: &Statement, b: &Statement| SideBySide::of(a, b).obstacles.len();
    assert_eq!(obstacles(&run(16, None), &run(48, None)), 0, "a run that stopped earlier asked less");
    let ours = run(16, Some(("here", "blake3:w", 0.85)));
    assert_eq!(obstacles(&ours, &run(48, Some(("there", "blake3:w", 0.85)))), 0, "a name is for people");
    for other in [None, Some(("here", "blake3:v", 0.85)), Some(("here", "blake3:w", 0.9))] {
        assert_eq!(obstacles(&ours, &run(16, other)), 1, "{other:?}");
    }
}
