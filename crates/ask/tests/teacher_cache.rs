//! Audits from a teacher cache against audits with the teacher: equal within what they say of themselves.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::collections::BTreeMap;
use std::path::Path;

use hydrometer_answers::cache::TeacherCache;
use hydrometer_answers::part::Sparse;
use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{CostEntry, PartKind, RunFolder, WindowOrder};
use hydrometer_ask::{AskError, CacheReport, Observer, PlanSummary, Windowing, collect_cached, fill_cache};
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_metrics::sparse::Truncation;
use hydrometer_metrics::{Estimate, Verdict};
use hydrometer_models::{Defect, Model, Planted, Specials, Tokenizer};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Suite};
use support::{Bigram, Watch, audit, options, suite};

const KEPT: Truncation = Truncation { mass: 0.9, k_min: 10, k_max: 24, draws: 6 };
const CUT: Windowing = Windowing { n_ctx: 128, max_windows: None, order: WindowOrder::Spread };

fn cache(path: &Path, teacher: &Bigram, truncation: Truncation) -> TeacherCache {
    let codec = Codec::of_logits(teacher.identity().logit_width(), truncation);
    TeacherCache::create_or_open(path, teacher.identity(), codec).unwrap()
}

fn fill(cache: &mut TeacherCache, teacher: &Bigram, suite: &Suite) -> CacheReport {
    fill_cache(teacher, suite, CUT, 512, cache, &mut Watch::default()).unwrap()
}

fn from_cache(cache: &mut TeacherCache, student: &dyn Model, suite: &Suite) -> Result<Statement, AskError> {
    let folder = tempfile::tempdir().unwrap();
    let run = collect_cached(cache, student, suite, &options(), folder.path(), &mut Watch::default())?;
    drop(run);
    Ok(statement(&RunFolder::open(folder.path()).unwrap(), &Policy::default()).unwrap())
}

fn cached(teacher: &Bigram, student: &dyn Model, suite: &Suite) -> Statement {
    let folder = tempfile::tempdir().unwrap();
    let mut cache = cache(folder.path(), teacher, KEPT);
    fill(&mut cache, teacher, suite);
    from_cache(&mut cache, student, suite).unwrap()
}

/// The suite's texts, one of them long enough for several windows.
fn texts(families: usize) -> Suite {
    let mut suite = suite(families);
    suite.probes.retain(|probe| matches!(probe.ask, Ask::Text(_)));
    let Ask::Text(kind::Text { text, .. }) = &mut suite.probes[0].ask else { unreachable!() };
    *text = text.repeat(8);
    suite
}

/// A student that is near its teacher, with a best temperature of its own.
fn noisy() -> Planted {
    let (defect, _) = Defect::parse_spec("noise=0.7(t)").unwrap();
    Planted::new(defect, Box::new(Bigram::bytes("t", 1)))
}

fn estimates(statement: &Statement) -> BTreeMap<&str, &Estimate> {
    statement.metrics.iter().filter_map(|m| Some((m.id.as_str(), m.estimate.as_ref()?))).collect()
}

/// What draws from the tail estimate; the rest is known.
const ESTIMATED: &[&str] = &[
    "kl_divergence",
    "jensen_shannon",
    "token_overlap",
    "best_temperature",
    "temperature_share",
    "tail_kept",
    "tail_invented",
    "fork_kl_divergence",
    "fork_tail_kept",
    "fork_token_overlap",
];
const KNOWN: &[&str] =
    &["top1_agreement", "kendall_tau", "entropy_ratio", "fork_top1_agreement", "bits_per_byte_student"];
/// 0 here: this student floors nothing.
const FLOORED: &str = "floored_mass";

#[test]
fn a_cache_tells_what_the_teacher_tells_within_its_intervals() {
    let (teacher, student, suite) = (Bigram::bytes("t", 1), noisy(), texts(60));
    let (exact, found) = (audit(&teacher, &student, &suite), cached(&teacher, &student, &suite));
    assert_eq!((found.regime.id.as_str(), exact.regime.id.as_str()), ("R1", "R0"));
    assert_eq!((found.suite.positions, found.suite.families), (exact.suite.positions, exact.suite.families));
    let (r0, r1) = (estimates(&exact), estimates(&found));
    let ids: Vec<&str> = r1.keys().copied().collect();
    let mut expected: Vec<&str> = [ESTIMATED, KNOWN, &[FLOORED]].concat();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    let mut covered = 0;
    for id in ESTIMATED {
        let (truth, estimate) = (r0[id].value, r1[id]);
        let interval = estimate.interval.as_ref().unwrap();
        covered += usize::from(interval.low <= truth && truth <= interval.high);
        // These families are all alike: the interval is hardly more than the chance of the draws, at 95 %.
        assert!((estimate.value - truth).abs() <= interval.high - interval.low, "{id}: {truth} {estimate:?}");
        assert_eq!((estimate.n_families, estimate.n_items), (r0[id].n_families, r0[id].n_items), "{id}");
        assert_eq!(estimate.floor, None);
    }
    assert!(covered + 2 >= ESTIMATED.len(), "{covered}");
    for id in KNOWN {
        assert!((r0[id].value - r1[id].value).abs() < 3e-4, "{id}: {} {}", r0[id].value, r1[id].value);
    }
}

#[test]
fn the_favourite_of_each_model_is_kept_as_its_own() {
    let (teacher, student, suite) = (Bigram::bytes("t", 1), Bigram::bytes("s", 2), texts(12));
    let (kept, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut cache = cache(kept.path(), &teacher, KEPT);
    fill(&mut cache, &teacher, &suite);
    drop(collect_cached(&mut cache, &student, &suite, &options(), folder.path(), &mut Watch::default()).unwrap());
    let rows = RunFolder::open(folder.path()).unwrap().rows::<Sparse>().unwrap();
    let byte = |token: u32| String::from_utf8_lossy(&[token as u8]).into_owned();
    for row in &rows {
        let tokens = [row.stats.target, row.stats.teacher_top1, row.stats.student_top1].map(byte);
        assert_eq!([&row.token_text, &row.teacher_top1_text, &row.student_top1_text], tokens.each_ref(), "{row:?}");
    }
    assert!(rows.iter().filter(|row| row.stats.teacher_top1 != row.stats.student_top1).count() > 100);
}

#[test]
fn over_draws_a_cache_errs_to_neither_side() {
    const SEEDS: usize = 24;
    let (student, suite) = (noisy(), texts(12));
    let exact = audit(&Bigram::bytes("t", 1), &student, &suite);
    let exact = estimates(&exact);
    let mut differences: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for seed in 0..SEEDS {
        // Draws are a function of the teacher's identity.
        let teacher = Bigram::bytes("t", 1).engine(&seed.to_string());
        let found = cached(&teacher, &student, &suite);
        let found = estimates(&found);
        for id in ESTIMATED {
            differences.entry(id).or_default().push(found[id].value - exact[id].value);
        }
    }
    for (id, differences) in differences {
        let mean = differences.iter().sum::<f64>() / SEEDS as f64;
        let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
        let error = (squares / (SEEDS * (SEEDS - 1)) as f64).sqrt();
        assert!(error > 0.0, "{id} does not depend on the draws");
        // Beside chance, log-probabilities are kept in steps of 1/256.
        assert!(mean.abs() <= 4.0 * error + 5e-4 * (1.0 + exact[id].value), "{id}: {mean} ± {error}");
    }
}

#[test]
fn what_a_cache_cannot_say_is_missing_with_the_reason() {
    let (teacher, suite) = (Bigram::bytes("t", 1), texts(30));
    let found = cached(&teacher, &Bigram::bytes("s", 2), &suite);
    let missing = |id: &str| found.metrics.iter().find(|m| m.id == id).unwrap().missing.clone().unwrap();
    for id in ["reverse_kl", "perplexity_ratio", "bits_per_byte_teacher"] {
        assert!(missing(id).contains("tokens that its cache does not keep"), "{id}: {}", missing(id));
    }
    assert!(missing("choice_top1_agreement").contains("asks no choices"));
    assert!(found.compat.is_none() && found.quantiles.is_empty());
    let bands: Vec<_> = found.bands.iter().map(|band| band.name.as_str()).collect();
    assert_eq!(bands, ["top-1", "rest of 0.9 nucleus", "beyond 0.9"]);
    let mass: f64 = found.bands.iter().map(|band| band.mass).sum();
    assert!((mass - 1.0).abs() < 1e-3 && found.bands.iter().all(|band| band.kept.is_some()), "{:?}", found.bands);
    assert!(found.notes.iter().any(|note| note.contains("The teacher did not run")), "{:?}", found.notes);
    assert_eq!((found.cost.teacher_tokens, found.cost.floor_tokens), (0, 0));
    assert!(found.cost.student_tokens > 0);
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Statement>(&json).unwrap(), found);

    let folder = tempfile::tempdir().unwrap();
    let mut few = cache(folder.path(), &teacher, Truncation { k_min: 8, ..KEPT });
    fill(&mut few, &teacher, &suite);
    let found = from_cache(&mut few, &Bigram::bytes("s", 2), &suite).unwrap();
    let tau = found.metrics.iter().find(|m| m.id == "kendall_tau").unwrap();
    assert!(tau.missing.as_ref().unwrap().contains("k_min 10"));
}

#[test]
fn planted_defects_fire_from_a_cache_too() {
    let check = |spec: &str, fires: &[&str], quiet: &[&str]| {
        let (defect, _) = Defect::parse_spec(spec).unwrap();
        let student = Planted::new(defect, Box::new(Bigram::bytes("t", 1)));
        // So many that a gate on a number without a worst value may pass.
        let found = cached(&Bigram::bytes("t", 1), &student, &texts(66));
        let verdict = |metric: &str| found.gates.iter().find(|g| g.metric == metric).unwrap().verdict;
        for metric in fires {
            assert_eq!(verdict(metric), Verdict::Fail, "{spec} must fire {metric}");
        }
        for metric in quiet {
            assert_eq!(verdict(metric), Verdict::Pass, "{spec} must leave {metric} quiet");
        }
    };
    let all = ["tail_kept", "tail_invented", "kl_divergence", "token_overlap", "entropy_ratio", "top1_agreement"];
    check("null(t)", &[], &all);
    check("noise=0.05(t)", &[], &all);
    check("temperature=0.6(t)", &["entropy_ratio", "best_temperature", "tail_kept"], &["top1_agreement"]);
    check("tail_truncated=0.9(t)", &["tail_kept"], &["top1_agreement"]);
    check("tail_permuted=0.9(t)", &["tail_kept", "tail_invented"], &["entropy_ratio", "top1_agreement"]);
}

/// Stops once so many tokens are done.
struct Stop {
    after: u64,
    tokens: u64,
}

impl Observer for Stop {
    fn planned(&mut self, _: &PlanSummary) {}
    fn progress(&mut self, tokens: u64) {
        self.tokens += tokens;
    }
    fn sampled(&mut self, _: u64, _: u64) {}
    fn answered(&mut self, _: u64) {}
    fn spared(&mut self, _: u64) {}
    fn finished(&mut self, _: PartKind, _: u32) -> Option<CostEntry> {
        None
    }
    fn interrupted(&self) -> bool {
        self.tokens >= self.after
    }
}

#[test]
fn nothing_is_scored_twice_and_an_interruption_loses_one_block_at_most() {
    let (teacher, suite) = (Bigram::bytes("t", 1), texts(30));
    let whole = tempfile::tempdir().unwrap();
    let expected = fill(&mut cache(whole.path(), &teacher, KEPT), &teacher, &suite);
    // Some texts say the same.
    assert_eq!(expected.held + expected.scored, expected.windows);
    assert!(expected.scored >= 10, "{expected:?}");
    let folder = tempfile::tempdir().unwrap();
    let (mut tokens, mut stops) = (0, 0);
    loop {
        let mut stop = Stop { after: 1, tokens: 0 };
        let filled = fill_cache(&teacher, &suite, CUT, 512, &mut cache(folder.path(), &teacher, KEPT), &mut stop);
        tokens += stop.tokens;
        match filled {
            Err(AskError::Interrupted(_)) => stops += 1,
            done => break assert_eq!(done.unwrap().windows, expected.windows),
        }
    }
    assert!(stops >= 3, "{stops} interruptions");
    assert_eq!(tokens, expected.tokens);
    let mut again = cache(folder.path(), &teacher, KEPT);
    let filled = fill(&mut again, &teacher, &suite);
    assert_eq!((filled.scored, filled.tokens, filled.held), (0, 0, expected.windows));
    // Blocks differ, distributions do not.
    let mut first = cache(whole.path(), &teacher, KEPT);
    assert!(first.keys().eq(again.keys()));
    for key in again.keys().copied().collect::<Vec<_>>() {
        assert_eq!(first.get(&key, &(0..0)).unwrap(), again.get(&key, &(0..0)).unwrap());
    }
}

#[test]
fn an_interrupted_audit_continues_to_the_same_bytes() {
    let (teacher, student, suite) = (Bigram::bytes("t", 1), Bigram::bytes("s", 2), texts(30));
    let folder = tempfile::tempdir().unwrap();
    let mut cache = cache(folder.path(), &teacher, KEPT);
    fill(&mut cache, &teacher, &suite);
    let expected = from_cache(&mut cache, &student, &suite).unwrap();
    let run = tempfile::tempdir().unwrap();
    let mut stops = 0;
    let finished = loop {
        let mut stop = Stop { after: 1, tokens: 0 };
        match collect_cached(&mut cache, &student, &suite, &options(), run.path(), &mut stop) {
            Err(AskError::Interrupted(_)) => stops += 1,
            done => break done.unwrap(),
        }
        assert!(RunFolder::open(run.path()).is_err());
    };
    assert!(stops >= 4, "{stops} interruptions");
    assert_eq!(statement(&finished, &Policy::default()).unwrap(), expected);
}

#[test]
fn a_text_that_stands_twice_with_other_contexts_is_covered_once() {
    let teacher = Bigram::bytes("t", 1);
    let mut suite = texts(3);
    let mut again = suite.probes[1].clone();
    again.id = "again".into();
    let Ask::Text(kind::Text { text, context, .. }) = &mut again.ask else { unreachable!() };
    let (before, after) = text.split_at(20);
    (*context, *text) = (Some(before.to_owned()), after.to_owned());
    // The one with the context comes first, so that the block must hold more than it asks for.
    suite.probes.insert(0, again);
    let folder = tempfile::tempdir().unwrap();
    let mut cache = cache(folder.path(), &teacher, KEPT);
    let filled = fill(&mut cache, &teacher, &suite);
    assert_eq!(filled.held, 1);
    from_cache(&mut cache, &Bigram::bytes("s", 2), &suite).unwrap();
}

#[test]
fn a_cache_that_cannot_serve_says_why() {
    let (teacher, texts) = (Bigram::bytes("t", 1), texts(12));
    let folder = tempfile::tempdir().unwrap();
    let mut part = texts.clone();
    part.probes.truncate(10);
    let mut cache = cache(folder.path(), &teacher, KEPT);
    fill(&mut cache, &teacher, &part);
    let mut check = |student: &dyn Model, suite: &Suite, expected: &str| {
        let text = from_cache(&mut cache, student, suite).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    let student = Bigram::bytes("s", 2);
    check(&student, &texts, "2 of 16 windows");
    check(&student, &texts, "the first is window 0 of `text-10`");
    let mut pieces: Vec<String> = (b' '..=b'~').map(|b| char::from(b).to_string()).collect();
    pieces.push("\n".into());
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let Ok(other) = Tokenizer::from_pieces(&pieces, Specials::default()) else { unreachable!() };
    check(&Bigram::new("s", 1, other), &part, "its tokenizer is");
    let mut choices = suite(4);
    choices.probes.retain(|probe| matches!(probe.ask, Ask::Choice(_)));
    check(&student, &choices, "only texts can be kept in a cache");
    // Choices beside texts are left out.
    let mut both = part.clone();
    both.probes.extend(choices.probes);
    let found = from_cache(&mut cache, &student, &both).unwrap();
    assert_eq!((found.suite.choices, found.suite.probes), (0, 10));
}
