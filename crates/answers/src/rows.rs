//! The rows of the parts. Column names, units and meaning: `docs/run-folder.md`.

use std::fmt;

use hydrometer_metrics::PositionStats;

use crate::FinishReason;
use crate::part::{ColumnName, Columns, PartRow, Row};

/// One scored position of a text probe.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionRow {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// Window of the probe's text, from 0.
    pub window: u32,
    /// Position in the window: the row is the distribution of the token after it.
    pub position: u32,
    /// Text of the target token; bytes that are no UTF-8 are replaced.
    pub token_text: String,
    /// Text of the teacher's most probable token.
    pub teacher_top1_text: String,
    /// Text of the student's most probable token.
    pub student_top1_text: String,
    /// The position counts for the llama.cpp-compatible block.
    pub compat: bool,
    /// What was measured there.
    pub stats: PositionStats,
}

/// One scored position whose teacher came from a cache. On disk it has the columns that a cache can fill; in memory the
/// others are `NaN`, as [`SparseComparer`](hydrometer_metrics::sparse::SparseComparer) leaves them.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRow(pub PositionRow);

/// One option of a choice probe in one rotation.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoiceRow {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// Rotation of the option order, from 0.
    pub rotation: u32,
    /// Index into the probe's options.
    pub option: u32,
    /// Teacher's log-probability of the option after the prompt, nats.
    pub teacher_logprob: f64,
    /// Student's log-probability of the option after the prompt, nats.
    pub student_logprob: f64,
}

/// Which of the two models a likelihood belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScoredModel {
    /// The teacher.
    Teacher,
    /// The student.
    Student,
}

impl ScoredModel {
    /// `teacher` or `student`.
    pub fn name(self) -> &'static str {
        match self {
            ScoredModel::Teacher => "teacher",
            ScoredModel::Student => "student",
        }
    }
}

impl fmt::Display for ScoredModel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Log-likelihood of one window of a text probe under one model's own tokenizer.
#[derive(Clone, Debug, PartialEq)]
pub struct LikelihoodRow {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// Window of the probe's text, from 0.
    pub window: u32,
    /// [`ScoredModel::name`]: `teacher` or `student`.
    pub model: String,
    /// Scored tokens.
    pub tokens: u64,
    /// Bytes of text that the scored tokens cover.
    pub bytes: u64,
    /// Sum of ln p over the scored tokens, nats.
    pub logprob: f64,
}

/// Who gave a sampled answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SampleSource {
    /// The teacher.
    Teacher,
    /// The teacher again, with draws of its own: the ceiling of every agreement.
    Rerun,
    /// The student.
    Student,
    /// The student before distillation.
    Base,
}

impl SampleSource {
    /// All sources, in the order of the format.
    pub const ALL: [SampleSource; 4] =
        [SampleSource::Teacher, SampleSource::Rerun, SampleSource::Student, SampleSource::Base];

    /// `teacher`, `rerun`, `student` or `base`.
    pub fn name(self) -> &'static str {
        match self {
            SampleSource::Teacher => "teacher",
            SampleSource::Rerun => "rerun",
            SampleSource::Student => "student",
            SampleSource::Base => "base",
        }
    }
}

impl fmt::Display for SampleSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// One sampled answer to a prompt probe.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRow {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// [`SampleSource::name`]: `teacher`, `rerun`, `student` or `base`.
    pub source: String,
    /// Sample of that source, from 0.
    pub sample: u32,
    /// The answer.
    pub text: String,
    /// Tokens sampled, the end token included where one came.
    pub tokens: u32,
    /// Sum of ln p over the sampled tokens at temperature 1, nats.
    pub logprob: f64,
    /// [`FinishReason::name`]: `stop` or `length`.
    pub finish: String,
}

/// What a sentence encoder makes of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorRow {
    /// Probe id.
    pub probe: String,
    /// Place among the probe's different normal forms, from 0.
    pub place: u32,
    /// Normal form of the answer.
    pub text: String,
    /// Its vector, of Euclidean length 1.
    pub vector: Vec<f32>,
}

pub(crate) fn plain(name: &'static str) -> ColumnName {
    ColumnName(name, None)
}

fn nan_in(named: &[(&str, f64)]) -> Option<String> {
    named.iter().find(|(_, value)| value.is_nan()).map(|(name, _)| format!("{name} is NaN"))
}

impl Row for PositionRow {
    fn blank() -> Self {
        PositionRow {
            probe: String::new(),
            family: String::new(),
            window: 0,
            position: 0,
            token_text: String::new(),
            teacher_top1_text: String::new(),
            student_top1_text: String::new(),
            compat: false,
            stats: blank_stats(),
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(plain("probe"), &mut self.probe);
        columns.text(plain("family"), &mut self.family);
        columns.u32(plain("window"), &mut self.window);
        columns.u32(plain("position"), &mut self.position);
        columns.text(plain("token_text"), &mut self.token_text);
        columns.text(plain("teacher_top1_text"), &mut self.teacher_top1_text);
        columns.text(plain("student_top1_text"), &mut self.student_top1_text);
        columns.bool(plain("compat"), &mut self.compat);
        stats_columns(&mut self.stats, columns);
    }
}

impl PartRow for PositionRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [u64::from(self.window), u64::from(self.position)]
    }

    fn fault(&self) -> Option<String> {
        let mut check = NanCheck(None);
        stats_columns(&mut self.stats.clone(), &mut check);
        check.0.map(|name| format!("{name} is NaN"))
    }
}

impl Row for SparseRow {
    fn blank() -> Self {
        let mut row = PositionRow::blank();
        let s = &mut row.stats;
        for unknown in [&mut s.reverse_kl, &mut s.compat_nll_base, &mut s.compat_nll, &mut s.compat_kl] {
            *unknown = f32::NAN;
        }
        for bands in [&mut s.band_mass, &mut s.band_overlap, &mut s.band_invented] {
            bands[3] = f32::NAN;
        }
        SparseRow(row)
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        let row = &mut self.0;
        columns.text(plain("probe"), &mut row.probe);
        columns.text(plain("family"), &mut row.family);
        columns.u32(plain("window"), &mut row.window);
        columns.u32(plain("position"), &mut row.position);
        columns.text(plain("token_text"), &mut row.token_text);
        columns.text(plain("teacher_top1_text"), &mut row.teacher_top1_text);
        columns.text(plain("student_top1_text"), &mut row.student_top1_text);
        sparse_columns(&mut row.stats, columns);
    }
}

impl PartRow for SparseRow {
    fn probe(&self) -> &str {
        self.0.probe()
    }

    fn key(&self) -> [u64; 2] {
        self.0.key()
    }

    fn fault(&self) -> Option<String> {
        let mut check = NanCheck(None);
        sparse_columns(&mut self.0.stats.clone(), &mut check);
        check.0.map(|name| format!("{name} is NaN"))
    }
}

/// The statistics that a cached teacher gives. Three bands: it does not say where the last two part.
fn sparse_columns(stats: &mut PositionStats, columns: &mut dyn Columns) {
    columns.u32(plain("target"), &mut stats.target);
    columns.optional_f32(plain("teacher_logprob"), &mut stats.teacher_logprob);
    columns.f32(plain("student_logprob"), &mut stats.student_logprob);
    columns.f32(plain("kl"), &mut stats.kl);
    columns.f32(plain("jsd"), &mut stats.jsd);
    columns.f32(plain("overlap"), &mut stats.overlap);
    columns.f32(plain("teacher_entropy"), &mut stats.teacher_entropy);
    columns.f32(plain("student_entropy"), &mut stats.student_entropy);
    columns.f32(plain("floored_mass"), &mut stats.floored_mass);
    columns.u32(plain("teacher_top1"), &mut stats.teacher_top1);
    columns.u32(plain("student_top1"), &mut stats.student_top1);
    columns.f32(plain("teacher_top1_prob"), &mut stats.teacher_top1_prob);
    columns.f32(plain("student_top1_prob"), &mut stats.student_top1_prob);
    columns.optional_f32(plain("kendall_tau"), &mut stats.kendall_tau);
    array("band_mass", &mut stats.band_mass[..3], columns);
    array("band_overlap", &mut stats.band_overlap[..3], columns);
    array("band_invented", &mut stats.band_invented[..3], columns);
    array("kl_at", &mut stats.kl_at, columns);
    array("kl_slope_at", &mut stats.kl_slope_at, columns);
}

fn blank_stats() -> PositionStats {
    PositionStats {
        target: 0,
        teacher_logprob: 0.0,
        student_logprob: 0.0,
        kl: 0.0,
        reverse_kl: 0.0,
        jsd: 0.0,
        overlap: 0.0,
        teacher_entropy: 0.0,
        student_entropy: 0.0,
        floored_mass: 0.0,
        teacher_top1: 0,
        student_top1: 0,
        teacher_top1_prob: 0.0,
        student_top1_prob: 0.0,
        kendall_tau: 0.0,
        band_mass: [0.0; 4],
        band_overlap: [0.0; 4],
        band_invented: [0.0; 4],
        kl_at: [0.0; 9],
        kl_slope_at: [0.0; 9],
        compat_nll_base: 0.0,
        compat_nll: 0.0,
        compat_kl: 0.0,
        compat_same_top: false,
    }
}

fn stats_columns(stats: &mut PositionStats, columns: &mut dyn Columns) {
    columns.u32(plain("target"), &mut stats.target);
    columns.f32(plain("teacher_logprob"), &mut stats.teacher_logprob);
    columns.f32(plain("student_logprob"), &mut stats.student_logprob);
    columns.f32(plain("kl"), &mut stats.kl);
    columns.f32(plain("reverse_kl"), &mut stats.reverse_kl);
    columns.f32(plain("jsd"), &mut stats.jsd);
    columns.f32(plain("overlap"), &mut stats.overlap);
    columns.f32(plain("teacher_entropy"), &mut stats.teacher_entropy);
    columns.f32(plain("student_entropy"), &mut stats.student_entropy);
    columns.f32(plain("floored_mass"), &mut stats.floored_mass);
    columns.u32(plain("teacher_top1"), &mut stats.teacher_top1);
    columns.u32(plain("student_top1"), &mut stats.student_top1);
    columns.f32(plain("teacher_top1_prob"), &mut stats.teacher_top1_prob);
    columns.f32(plain("student_top1_prob"), &mut stats.student_top1_prob);
    columns.optional_f32(plain("kendall_tau"), &mut stats.kendall_tau);
    array("band_mass", &mut stats.band_mass, columns);
    array("band_overlap", &mut stats.band_overlap, columns);
    array("band_invented", &mut stats.band_invented, columns);
    array("kl_at", &mut stats.kl_at, columns);
    array("kl_slope_at", &mut stats.kl_slope_at, columns);
    columns.f32(plain("compat_nll_base"), &mut stats.compat_nll_base);
    columns.f32(plain("compat_nll"), &mut stats.compat_nll);
    columns.f32(plain("compat_kl"), &mut stats.compat_kl);
    columns.bool(plain("compat_same_top"), &mut stats.compat_same_top);
}

fn array(name: &'static str, values: &mut [f32], columns: &mut dyn Columns) {
    for (index, value) in values.iter_mut().enumerate() {
        columns.f32(ColumnName(name, Some(index)), value);
    }
}

/// Remembers the first column that holds NaN where NaN has no meaning.
struct NanCheck(Option<ColumnName>);

impl Columns for NanCheck {
    fn text(&mut self, _: ColumnName, _: &mut String) {}
    fn u32(&mut self, _: ColumnName, _: &mut u32) {}
    fn u64(&mut self, _: ColumnName, _: &mut u64) {}
    fn f32(&mut self, name: ColumnName, value: &mut f32) {
        if value.is_nan() && self.0.is_none() {
            self.0 = Some(name);
        }
    }
    fn optional_f32(&mut self, _: ColumnName, _: &mut f32) {}
    fn f64(&mut self, _: ColumnName, _: &mut f64) {}
    fn bool(&mut self, _: ColumnName, _: &mut bool) {}
    fn u32_list(&mut self, _: ColumnName, _: &mut Vec<u32>) {}
    fn f32_list(&mut self, _: ColumnName, _: &mut Vec<f32>) {}
}

impl Row for ChoiceRow {
    fn blank() -> Self {
        ChoiceRow {
            probe: String::new(),
            family: String::new(),
            rotation: 0,
            option: 0,
            teacher_logprob: 0.0,
            student_logprob: 0.0,
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(plain("probe"), &mut self.probe);
        columns.text(plain("family"), &mut self.family);
        columns.u32(plain("rotation"), &mut self.rotation);
        columns.u32(plain("option"), &mut self.option);
        columns.f64(plain("teacher_logprob"), &mut self.teacher_logprob);
        columns.f64(plain("student_logprob"), &mut self.student_logprob);
    }
}

impl PartRow for ChoiceRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [u64::from(self.rotation), u64::from(self.option)]
    }

    fn fault(&self) -> Option<String> {
        nan_in(&[("teacher_logprob", self.teacher_logprob), ("student_logprob", self.student_logprob)])
    }
}

impl Row for LikelihoodRow {
    fn blank() -> Self {
        LikelihoodRow {
            probe: String::new(),
            family: String::new(),
            window: 0,
            model: String::new(),
            tokens: 0,
            bytes: 0,
            logprob: 0.0,
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(plain("probe"), &mut self.probe);
        columns.text(plain("family"), &mut self.family);
        columns.u32(plain("window"), &mut self.window);
        columns.text(plain("model"), &mut self.model);
        columns.u64(plain("tokens"), &mut self.tokens);
        columns.u64(plain("bytes"), &mut self.bytes);
        columns.f64(plain("logprob"), &mut self.logprob);
    }
}

impl PartRow for LikelihoodRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [u64::from(self.model == ScoredModel::Student.name()), u64::from(self.window)]
    }

    fn fault(&self) -> Option<String> {
        if ![ScoredModel::Teacher, ScoredModel::Student].iter().any(|model| model.name() == self.model) {
            return Some(format!("model is {:?}, expected \"teacher\" or \"student\"", self.model));
        }
        nan_in(&[("logprob", self.logprob)])
    }
}

impl Row for SampleRow {
    fn blank() -> Self {
        SampleRow {
            probe: String::new(),
            family: String::new(),
            source: String::new(),
            sample: 0,
            text: String::new(),
            tokens: 0,
            logprob: 0.0,
            finish: String::new(),
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(plain("probe"), &mut self.probe);
        columns.text(plain("family"), &mut self.family);
        columns.text(plain("source"), &mut self.source);
        columns.u32(plain("sample"), &mut self.sample);
        columns.text(plain("text"), &mut self.text);
        columns.u32(plain("tokens"), &mut self.tokens);
        columns.f64(plain("logprob"), &mut self.logprob);
        columns.text(plain("finish"), &mut self.finish);
    }
}

impl PartRow for SampleRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        let source = SampleSource::ALL.iter().position(|source| source.name() == self.source);
        [source.map_or(u64::MAX, |place| place as u64), u64::from(self.sample)]
    }

    fn fault(&self) -> Option<String> {
        if !SampleSource::ALL.iter().any(|source| source.name() == self.source) {
            return Some(format!(
                "source is {:?}, expected \"teacher\", \"rerun\", \"student\" or \"base\"",
                self.source
            ));
        }
        if FinishReason::from_name(&self.finish).is_none() {
            return Some(format!("finish is {:?}, expected \"stop\" or \"length\"", self.finish));
        }
        nan_in(&[("logprob", self.logprob)])
    }
}

impl Row for VectorRow {
    fn blank() -> Self {
        VectorRow { probe: String::new(), place: 0, text: String::new(), vector: Vec::new() }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(plain("probe"), &mut self.probe);
        columns.u32(plain("place"), &mut self.place);
        columns.text(plain("text"), &mut self.text);
        columns.f32_list(plain("vector"), &mut self.vector);
    }
}

impl PartRow for VectorRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [u64::from(self.place), 0]
    }

    fn fault(&self) -> Option<String> {
        let length: f64 = self.vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        // Not `>`: NaN is refused too.
        let whole = (length - 1.0).abs() < 1e-3;
        (!whole).then(|| format!("vector has length {length}, expected 1"))
    }
}
