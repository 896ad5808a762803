//! A folder made by somebody who can hash: every file is what the seal says, and something in it cannot be.
#![allow(clippy::unwrap_used, reason = "test code")]

use crate::support;

use std::fs;
use std::marker::PhantomData;
use std::path::Path;
use std::process::Command;

use hydrometer_answers::part::{
    Answered, AskedProbe, Bounded, Choices, Column, Columns, Floor, Likelihoods, Positions, Row, Samples, Scored,
    ShownStudents, Sparse, Vectors, Word,
};
use hydrometer_answers::{Manifest, Part, PartKind, PartRow, RunError, RunFolder, UnitCounts};
use hydrometer_probes::{Ask, Checker, Probe, Suite};
use support::*;

/// A part of the same name and columns that holds anything.
enum Forged<P> {
    #[allow(dead_code, reason = "only its type is used")]
    Of(PhantomData<P>),
}

/// A row without rules; `word` stands in a column of known words.
#[derive(Clone, Debug, PartialEq)]
struct Loose<R> {
    row: R,
    word: Option<(&'static str, &'static str)>,
}

impl<P: Part> Part for Forged<P> {
    const KIND: PartKind = P::KIND;
    const VERSION: u32 = P::VERSION;
    type Row = Loose<P::Row>;
}

impl<R: PartRow> Row for Loose<R> {
    fn blank() -> Self {
        Loose { row: R::blank(), word: None }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        self.row.columns(&mut Unruled { to: columns, word: self.word });
    }
}

impl<R: PartRow> PartRow for Loose<R> {
    fn probe(&self) -> &str {
        self.row.probe()
    }

    fn key(&self) -> [u64; 2] {
        self.row.key()
    }

    fn check(&self, _: &AskedProbe<'_>) -> Option<String> {
        None
    }
}

/// Takes the ranges from the columns.
struct Unruled<'a> {
    to: &'a mut dyn Columns,
    word: Option<(&'static str, &'static str)>,
}

fn unruled(column: Column) -> Column {
    column.within(f64::NEG_INFINITY, f64::INFINITY)
}

impl Columns for Unruled<'_> {
    fn text(&mut self, column: Column, value: &mut String) {
        self.to.text(column, value);
    }
    fn word(&mut self, column: Column, value: &mut dyn Word) {
        match self.word {
            Some((name, word)) if column.to_string() == name => self.to.text(column, &mut word.to_owned()),
            _ => self.to.word(column, value),
        }
    }
    fn u32(&mut self, column: Column, value: &mut u32) {
        self.to.u32(unruled(column), value);
    }
    fn u64(&mut self, column: Column, value: &mut u64) {
        self.to.u64(unruled(column), value);
    }
    fn f32(&mut self, column: Column, value: &mut f32) {
        self.to.f32(unruled(column), value);
    }
    fn optional_f32(&mut self, column: Column, value: &mut Option<f32>) {
        self.to.optional_f32(unruled(column), value);
    }
    fn f64(&mut self, column: Column, value: &mut f64) {
        self.to.f64(unruled(column), value);
    }
    fn bool(&mut self, column: Column, value: &mut bool) {
        self.to.bool(column, value);
    }
    fn u32_list(&mut self, column: Column, value: &mut Vec<u32>) {
        self.to.u32_list(unruled(column), value);
    }
    fn f32_list(&mut self, column: Column, value: &mut Vec<f32>) {
        self.to.f32_list(unruled(column), value);
    }
}

/// Makes the seal fit the files again.
fn reseal(folder: &Path) {
    let path = folder.join("finished.json");
    let mut finished: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for file in finished["files"].as_array_mut().unwrap() {
        let bytes = fs::read(folder.join(file["file"].as_str().unwrap())).unwrap();
        file["bytes"] = bytes.len().into();
        file["hash"] = format!("blake3:{}", blake3::hash(&bytes).to_hex()).into();
    }
    fs::write(&path, serde_json::to_vec_pretty(&finished).unwrap()).unwrap();
}

fn refused(folder: &Path, file: &str, expected: &str) {
    let result = RunFolder::open(folder);
    let Err(RunError::Damaged { problems, .. }) = &result else { panic!("{file}: {expected}: {result:?}") };
    let named = |p: &hydrometer_answers::Problem| p.file == file && p.what.contains(expected);
    assert!(problems.iter().any(named), "{file}: {expected}: {problems:?}");
}

/// A finished run of one suite and plan.
struct Honest {
    manifest: fn() -> Manifest,
    suite: fn() -> Suite,
    write: fn(&Path),
}

const PLAIN: Honest = Honest { manifest, suite, write: finished };
const PROMPTED: Honest = Honest { manifest: vectors_manifest, suite: suite_with_prompt, write: finished_vectors };
const SCORED: Honest = Honest { manifest: scored_manifest, suite: suite_with_prompt, write: finished_scored };
const SHOWN: Honest = Honest { manifest: shown_manifest, suite, write: finished_shown };
const BOUNDED: Honest = Honest { manifest: bounded_manifest, suite, write: finished_bounded };
const ANSWERED: Honest = Honest { manifest: answered_manifest, suite: suite_with_prompt, write: finished_answered };
const CACHED: Honest = Honest { manifest: sparse_manifest, suite, write: finished_sparse };

/// Puts a forged part in the place of an honest one and expects `open` to say what is wrong with it.
fn check<P: Part>(honest: &Honest, rows: Vec<P::Row>, expected: &str) {
    check_word::<P>(honest, rows, None, expected);
}

fn check_word<P: Part>(honest: &Honest, rows: Vec<P::Row>, word: Option<(&'static str, &'static str)>, expected: &str) {
    let home = tempfile::tempdir().unwrap();
    let (run, forge) = (home.path().join("run"), home.path().join("forge"));
    (honest.write)(&run);
    RunFolder::open(&run).unwrap();
    // The same plan gives the same run id.
    let workshop = RunFolder::create_or_resume(&forge, &(honest.manifest)(), &(honest.suite)().probes).unwrap();
    let rows: Vec<_> = rows.into_iter().map(|row| Loose { row, word }).collect();
    workshop.write::<Forged<P>>(0, &rows).unwrap();
    let file = P::KIND.file(0);
    fs::copy(forge.join(&file), run.join(&file)).unwrap();
    reseal(&run);
    refused(&run, &file, expected);
}

/// One changed row among the honest ones.
fn changed<R>(mut rows: Vec<R>, row: usize, change: impl FnOnce(&mut R)) -> Vec<R> {
    change(&mut rows[row]);
    rows
}

#[test]
fn an_honest_part_that_goes_through_the_forge_is_accepted() {
    let home = tempfile::tempdir().unwrap();
    finished(home.path());
    let before = fs::read(home.path().join("finished.json")).unwrap();
    reseal(home.path());
    assert_eq!(before, [&fs::read(home.path().join("finished.json")).unwrap()[..], b"\n"].concat());
    RunFolder::open(home.path()).unwrap();
}

#[test]
fn numbers_outside_their_range() {
    let stats = |change: fn(&mut hydrometer_metrics::PositionStats), expected: &str| {
        check::<Positions>(&PLAIN, changed(positions(0), 1, |row| change(&mut row.stats)), expected);
    };
    stats(|s| s.kl = -1.0, "row 1: kl is -1, expected -0.000001 to 28");
    stats(|s| s.kl = f32::INFINITY, "row 1: kl is inf, expected -0.000001 to 28");
    stats(|s| s.kl = 1e30, "row 1: kl is 1000000015047466200000000000000, expected -0.000001 to 28");
    stats(|s| s.reverse_kl = -0.5, "row 1: reverse_kl is -0.5");
    stats(|s| s.jsd = 0.75, "row 1: jsd is 0.75");
    stats(|s| s.overlap = 1.5, "row 1: overlap is 1.5, expected -0.0001 to 1.0001");
    stats(|s| s.teacher_entropy = -1.0, "row 1: teacher_entropy is -1");
    stats(|s| s.student_logprob = 0.5, "row 1: student_logprob is 0.5, expected at most 0.000001");
    stats(|s| s.kendall_tau = 2.0, "row 1: kendall_tau is 2");
    stats(|s| s.band_overlap[2] = 9.0, "row 1: band_overlap_2 is 9");
    stats(|s| s.kl_at[8] = f32::INFINITY, "row 1: kl_at_8 is inf");
    stats(|s| s.compat_kl = f32::NEG_INFINITY, "row 1: compat_kl is -inf");
    check::<Floor>(&PLAIN, changed(positions(0), 0, |row| row.stats.kl = -1.0), "row 0: kl is -1");
    check::<Choices>(&PLAIN, changed(choices(), 2, |row| row.teacher_logprob = 3.0), "row 2: teacher_logprob is 3");
    check::<Choices>(
        &PLAIN,
        changed(choices(), 2, |row| row.student_logprob = f64::INFINITY),
        "row 2: student_logprob is inf",
    );
    check::<Likelihoods>(&PLAIN, changed(likelihoods(), 1, |row| row.logprob = 1.0), "logprob of 7 tokens is 1");
    check::<Likelihoods>(&PLAIN, changed(likelihoods(), 1, |row| row.tokens = u64::MAX), "row 1: tokens is 1844674");
    check::<Samples>(&PROMPTED, changed(prompted(), 1, |row| row.logprob = 1.0), "logprob of 6 tokens is 1");
    check::<Sparse>(&CACHED, changed(sparse(), 0, |row| row.stats.kl = 1e9), "row 0: kl is 1000000000");
    check::<Sparse>(&CACHED, changed(sparse(), 0, |row| row.stats.teacher_logprob = Some(1.0)), "teacher_logprob is 1");
    check::<ShownStudents>(&SHOWN, changed(shown(), 0, |row| row.stats.unlisted = 2.0), "row 0: unlisted is 2");
    check::<ShownStudents>(&SHOWN, changed(shown(), 1, |row| row.stats.kl_at_least = -1.0), "row 1: kl_at_least is -1");
    check::<Bounded>(&BOUNDED, changed(bounded(), 0, |row| row.stats.kl.high = 99.0), "row 0: kl_high is 99");
    let crossed = changed(bounded(), 1, |row| row.stats.overlap.high = 0.5);
    check::<Bounded>(&BOUNDED, crossed, "row 1: overlap_low is 0.75, expected at most overlap_high, which is 0.5");
    let told = changed(answered(), 1, |row| row.stats.bounds.teacher_logprob = Some(0.5));
    check::<Answered>(&ANSWERED, told, "row 1: teacher_logprob is 0.5");
    let crossed = changed(answered(), 1, |row| row.stats.bounds.kl.high = 0.0);
    check::<Answered>(&ANSWERED, crossed, "row 1: kl_low is 0.25, expected at most kl_high, which is 0");
    let beyond = changed(answered(), 1, |row| row.position = 5);
    check::<Answered>(&ANSWERED, beyond, "row 1: position is 5, expected one of the 5 tokens of the answer");
    let numbered = changed(answered(), 1, |row| row.window = 1 << 15);
    check::<Answered>(&ANSWERED, numbered, "row 1: window is 32768, expected the number of an answer, below 32768");
    check::<Vectors>(&PROMPTED, changed(vectors(), 0, |row| row.vector[0] = 9.0), "row 0: vector has length 9");
}

#[test]
fn options_that_the_probe_does_not_have() {
    let option_7 = changed(choices(), 1, |row| row.option = 7);
    check::<Choices>(&PLAIN, option_7, "row 1: option is 7, expected 0 to 1");
    let rotation_2 = vec![choice(2, 0), choice(2, 1)];
    check::<Choices>(&PLAIN, rotation_2, "row 0: rotation is 2, expected 0 to 1");
    let lacking = vec![choice(0, 0), choice(0, 1), choice(1, 1)];
    let expected = "row 2: rotation 1 of probe \"choice-1\" has 1 options and lacks option 0, expected all 2";
    check::<Choices>(&PLAIN, lacking, expected);
}

#[test]
fn answers_that_nobody_scores() {
    let by = |source| changed(scored(), 0, |row| row.scorer = source);
    let expected = "row 0: scorer is \"teacher\", expected \"student\" or \"base\"";
    check::<Scored>(&SCORED, by(hydrometer_answers::SampleSource::Teacher), expected);
    let of_student = changed(scored(), 1, |row| row.source = hydrometer_answers::SampleSource::Student);
    check::<Scored>(&SCORED, of_student, "row 1: source is \"student\", expected \"teacher\" or \"rerun\"");
    let empty = changed(scored(), 1, |row| row.bytes = 0);
    check::<Scored>(&SCORED, empty, "row 1: an answer has 3 tokens and 0 bytes, expected 1 to 4294967296 of both");
}

#[test]
fn letters_that_nobody_drew() {
    let counted = changed(lettered(), 1, |row| row.teacher_said.letters = 1);
    check::<Choices>(&PLAIN, counted, "row 1: letters are counted where none are drawn, or more than 1048576");
    let mixed = changed(lettered(), 3, |row| row.student_said = hydrometer_answers::OptionSaid::default());
    check::<Choices>(&PLAIN, mixed, "row 3: letters are drawn for some options of the probe, expected for all or none");
    let told = "row 0: teacher_told is \"guessed\", expected \"exact\", \"at_most\" or \"drawn\"";
    check_word::<Choices>(&PLAIN, lettered(), Some(("teacher_told", "guessed")), told);
}

#[test]
fn rows_of_another_family_or_kind_of_probe() {
    let stranger = |family: &mut String| *family = "stranger".to_owned();
    let expected = "family of probe \"text-1\" is \"stranger\", expected \"family-of-text-1\"";
    check::<Positions>(&PLAIN, changed(positions(0), 2, |row| stranger(&mut row.family)), expected);
    check::<Likelihoods>(&PLAIN, changed(likelihoods(), 0, |row| stranger(&mut row.family)), expected);
    check::<Sparse>(&CACHED, changed(sparse(), 1, |row| stranger(&mut row.family)), expected);
    check::<Bounded>(&BOUNDED, changed(bounded(), 1, |row| stranger(&mut row.family)), expected);
    check::<ShownStudents>(&SHOWN, changed(shown(), 1, |row| stranger(&mut row.family)), expected);
    check::<Answered>(&ANSWERED, changed(answered(), 0, |row| stranger(&mut row.family)), "is \"stranger\"");
    let of_text = changed(answered(), 0, |row| (row.probe, row.family) = ("text-1".into(), "family-of-text-1".into()));
    check::<Answered>(&ANSWERED, of_text, "probe \"text-1\" is a text, expected a prompt");
    check::<Choices>(&PLAIN, changed(choices(), 0, |row| stranger(&mut row.family)), "is \"stranger\"");
    check::<Samples>(&PROMPTED, changed(prompted(), 0, |row| stranger(&mut row.family)), "is \"stranger\"");

    let moved = |probe: &mut String, to: &str| *probe = to.to_owned();
    let all_moved = |mut rows: Vec<hydrometer_answers::ChoiceRow>| {
        rows.iter_mut().for_each(|row| moved(&mut row.probe, "text-1"));
        rows
    };
    check::<Choices>(&PLAIN, all_moved(choices()), "row 0: probe \"text-1\" is a text, expected a choice");
    let positions = vec![hydrometer_answers::PositionRow { probe: "choice-1".to_owned(), ..position("text-1", 0, 1) }];
    check::<Positions>(&PLAIN, positions, "row 0: probe \"choice-1\" is a choice, expected a text");
    let mut rows = vectors();
    rows.iter_mut().for_each(|row| moved(&mut row.probe, "text-1"));
    check::<Vectors>(&PROMPTED, rows, "row 0: probe \"text-1\" is a text, expected a prompt");
    let mut rows = prompted();
    rows.iter_mut().for_each(|row| moved(&mut row.probe, "choice-1"));
    check::<Samples>(&PROMPTED, rows, "row 0: probe \"choice-1\" is a choice, expected a prompt");
}

#[test]
fn words_that_no_version_knows() {
    let word = |column, word| Some((column, word));
    let tired = "row 0: finish is \"tired\", expected \"stop\", \"length\", \"refusal\", \"content_filter\", \"tool_calls\" or \
                 \"context_exceeded\"";
    check_word::<Samples>(&PROMPTED, prompted(), word("finish", "tired"), tired);
    let tutor = "row 0: source is \"tutor\", expected \"teacher\", \"rerun\", \"student\", \"base\" or \"control\"";
    check_word::<Samples>(&PROMPTED, prompted(), word("source", "tutor"), tutor);
    let model = "row 0: model is \"tutor\", expected \"teacher\" or \"student\"";
    check_word::<Likelihoods>(&PLAIN, likelihoods(), word("model", "tutor"), model);
}

/// A run that was planned for a suite that nobody could ask.
fn check_suite(change: fn(&mut Vec<Probe>), expected: &str) {
    let home = tempfile::tempdir().unwrap();
    let mut forged = suite_with_prompt();
    change(&mut forged.probes);
    let units = UnitCounts::default().with(Choices::KIND, 1);
    let run = RunFolder::create_or_resume(home.path(), &planned(&forged, settings(), units), &suite().probes).unwrap();
    run.write::<Choices>(0, &choices()).unwrap();
    run.finish().unwrap();
    drop(run);
    let lines: String = forged.probes.iter().map(|probe| serde_json::to_string(probe).unwrap() + "\n").collect();
    fs::write(home.path().join("probes.jsonl"), lines).unwrap();
    reseal(home.path());
    refused(home.path(), "probes.jsonl", expected);
    let unchecked = RunFolder::open_unchecked(home.path());
    assert!(matches!(unchecked, Err(RunError::Damaged { .. })), "{expected}: {unchecked:?}");
}

#[test]
fn suites_that_cannot_be_asked() {
    let set_truth = |probes: &mut Vec<Probe>| {
        let Ask::Choice(choice) = &mut probes[2].ask else { panic!("the third probe is the choice") };
        choice.truth = Some(9);
    };
    check_suite(set_truth, "line 3: expected a `truth` of 0 to 1, found 9");
    let set_check = |probes: &mut Vec<Probe>| {
        let Ask::Prompt(prompt) = &mut probes[3].ask else { panic!("the fourth probe is the prompt") };
        prompt.check = Some(Checker::Regex("(".to_owned()));
    };
    check_suite(set_check, "line 4: expected a pattern in `regex`");
    check_suite(|probes| probes[1].id = "text-1".to_owned(), "line 2: expected an `id` used once");
    check_suite(Vec::clear, "expected at least one probe");
}

#[test]
fn a_suite_that_cannot_be_asked_begins_no_run() {
    let home = tempfile::tempdir().unwrap();
    let mut broken = suite();
    broken.probes[0].family = String::new();
    let plan = planned(&broken, settings(), UnitCounts::default().with(Positions::KIND, 1));
    let result = RunFolder::create_or_resume(&home.path().join("run"), &plan, &broken.probes);
    assert!(matches!(&result, Err(RunError::Suite(_))), "{result:?}");
    assert!(!home.path().join("run").exists());
}

#[test]
fn a_part_of_another_run() {
    let home = tempfile::tempdir().unwrap();
    let (run, other) = (home.path().join("run"), home.path().join("other"));
    finished(&run);
    let mut plan = manifest();
    plan.settings.seed = 8;
    let foreign = RunFolder::create_or_resume(&other, &plan.sealed(), &suite().probes).unwrap();
    fill(&foreign);
    let file = Positions::KIND.file(0);
    fs::copy(other.join(&file), run.join(&file)).unwrap();
    reseal(&run);
    refused(&run, &file, "belongs to another run");
}

#[test]
fn a_file_among_the_parts_that_is_none() {
    let home = tempfile::tempdir().unwrap();
    finished(home.path());
    fs::write(home.path().join("parts/.DS_Store"), "x").unwrap();
    RunFolder::open(home.path()).unwrap();
    fs::copy(home.path().join(Choices::KIND.file(0)), home.path().join(Choices::KIND.file(7))).unwrap();
    refused(home.path(), &Choices::KIND.file(7), "is no part of this run");
}

#[test]
fn a_number_of_rows_that_is_not_the_part_s() {
    let home = tempfile::tempdir().unwrap();
    finished(home.path());
    let path = home.path().join("finished.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"rows\": 4"));
    fs::write(&path, text.replace("\"rows\": 4", "\"rows\": 5")).unwrap();
    refused(home.path(), "parts/choices-00000.parquet", "has 4 rows, finished.json says 5");
}

/// A pipe that nobody writes to would hold a reader up for ever.
#[cfg(unix)]
#[test]
fn pipes_in_the_place_of_files() {
    let pipe = |folder: &Path, file: &str| {
        fs::remove_file(folder.join(file)).unwrap();
        assert!(Command::new("mkfifo").arg(folder.join(file)).status().unwrap().success());
    };
    for file in ["parts/positions-00000.parquet", "probes.jsonl", "cost.jsonl"] {
        let home = tempfile::tempdir().unwrap();
        finished(home.path());
        pipe(home.path(), file);
        refused(home.path(), file, "cannot be read: it is no regular file");
    }
    for file in ["manifest.json", "finished.json"] {
        let home = tempfile::tempdir().unwrap();
        finished(home.path());
        pipe(home.path(), file);
        let error = RunFolder::open(home.path()).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains("no regular file"), "{error}");
    }
    let home = tempfile::tempdir().unwrap();
    let run = begin(home.path());
    fill(&run);
    pipe(home.path(), "parts/choices-00000.parquet");
    let error = run.finish().unwrap_err().to_string();
    assert!(error.contains("parts/choices-00000.parquet: cannot be opened: it is no regular file"), "{error}");
}

#[test]
fn a_part_of_a_later_version_of_hydrometer_is_named() {
    let home = tempfile::tempdir().unwrap();
    finished(home.path());
    let path = home.path().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"likelihoods\": 1", "\"likelihoods\": 1,\n    \"rings\": 2")).unwrap();
    let error = RunFolder::open(home.path()).unwrap_err().to_string();
    assert!(error.contains("the run has parts \"rings\", which this version does not know"), "{error}");
}

/// What a few kilobytes of file claim to hold must not be taken for granted.
#[test]
fn parts_that_would_take_the_memory() {
    let change = |change: &dyn Fn(&mut Vec<u8>), expected: &str| {
        let home = tempfile::tempdir().unwrap();
        finished(home.path());
        let file = Choices::KIND.file(0);
        let path = home.path().join(&file);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        reseal(home.path());
        refused(home.path(), &file, expected);
    };
    let footer_length = |bytes: &[u8]| u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap());
    // A list of two thousand million row groups.
    let many_groups = |bytes: &mut Vec<u8>| {
        let footer = footer_length(bytes) as usize;
        bytes.truncate(bytes.len() - 8 - footer);
        let footer = [0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 7, 0, 0];
        bytes.extend_from_slice(&footer);
        bytes.extend_from_slice(&(footer.len() as u32).to_le_bytes());
        bytes.extend_from_slice(b"PAR1");
    };
    change(&many_groups, "a length in the footer is longer than it");
    let longer_footer = |bytes: &mut Vec<u8>| {
        let at = bytes.len() - 8;
        bytes[at..at + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    };
    change(&longer_footer, "has a footer of 2147483647 bytes");
    // The first page says what it unpacks to in its second field, behind the four bytes of the file's mark.
    let first_page = |bytes: &mut Vec<u8>| {
        assert_eq!((bytes[4], bytes[6]), (0x15, 0x15), "{:x?}", &bytes[..16]);
        let ends = 7 + bytes[7..].iter().position(|byte| byte & 0x80 == 0).unwrap();
        bytes[ends] |= 0x80;
        bytes.splice(ends + 1..ends + 1, [0xff, 0xff, 0x7f]);
    };
    change(&first_page, "is damaged");
}

/// One long text that a dictionary repeats, and one that packs well.
#[test]
fn texts_that_would_take_the_memory() {
    let repeated = |text: String, times: u32| {
        let row = prompted().remove(0);
        (0..times).map(|sample| hydrometer_answers::SampleRow { text: text.clone(), sample, ..row.clone() }).collect()
    };
    let rows: Vec<hydrometer_answers::SampleRow> = repeated("x".repeat(1 << 20), 300);
    let home = tempfile::tempdir().unwrap();
    let run = RunFolder::create_or_resume(home.path(), &vectors_manifest(), &suite_with_prompt().probes).unwrap();
    let error =
        run.write::<Forged<Samples>>(0, &rows.into_iter().map(|row| Loose { row, word: None }).collect::<Vec<_>>());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("column text holds 314572800 bytes of text, at most 268435456 are read"), "{error}");
}

/// Rows that were taken away with the number of the seal: every row that is left is honest.
fn check_taken_away<P: Part>(honest: &Honest, rows: Vec<P::Row>, expected: &str) {
    let home = tempfile::tempdir().unwrap();
    let (run, forge) = (home.path().join("run"), home.path().join("forge"));
    (honest.write)(&run);
    let workshop = RunFolder::create_or_resume(&forge, &(honest.manifest)(), &(honest.suite)().probes).unwrap();
    workshop.write::<P>(0, &rows).unwrap();
    let file = P::KIND.file(0);
    fs::copy(forge.join(&file), run.join(&file)).unwrap();
    let path = run.join("finished.json");
    let mut finished: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let sealed = finished["files"].as_array_mut().unwrap().iter_mut().find(|sealed| sealed["file"] == file.as_str());
    sealed.unwrap()["rows"] = rows.len().into();
    fs::write(&path, serde_json::to_vec_pretty(&finished).unwrap()).unwrap();
    reseal(&run);
    refused(&run, "probes.jsonl", expected);
}

#[test]
fn a_probe_without_all_its_rows_is_missed() {
    let one_order = choices().into_iter().filter(|row| row.rotation == 0).collect();
    let expected = "probe \"choice-1\", a choice, has 2 rows in the parts of this finished run, expected 4";
    check_taken_away::<Choices>(&PLAIN, one_order, expected);
    let expected = "probe \"choice-1\", a choice, has 0 rows";
    check_taken_away::<Choices>(&PLAIN, Vec::new(), expected);
}
