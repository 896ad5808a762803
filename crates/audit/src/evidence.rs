//! What a run folder holds, read once and summed once; every number of the statement is asked of it by name.

use std::collections::BTreeMap;

use hydrometer_answers::part::{Choices, Floor, Likelihoods, Positions, Samples, Sparse, Vectors};
use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{
    ChoiceRow, LikelihoodRow, Manifest, Part, PositionRow, RunFolder, SampleRow, SampleSettings, ScoredModel,
    SparseRow, Stopped, VectorRow,
};
use hydrometer_metrics::power::{self, family_sd};
use hydrometer_metrics::{Estimate, Exclusion, FamilyTable, catalog, interval};
use hydrometer_probes::{Ask, Probe};

use crate::answers::{self, Prompt};
use crate::choices::{self, Decision};
use crate::equivalence::Meanings;
use crate::ppi_signals::Alone;
use crate::scored::Scored;
use crate::tokens::{self, Definition};
use crate::{AuditError, GateRule, Policy};

/// The rows of a run, unsummed.
pub(crate) struct Rows {
    pub manifest: Manifest,
    pub probes: Vec<Probe>,
    pub positions: Vec<PositionRow>,
    /// Positions whose teacher came from a cache, instead of the others.
    pub sparse: Vec<SparseRow>,
    pub floor: Vec<PositionRow>,
    pub choices: Vec<ChoiceRow>,
    pub likelihoods: Vec<LikelihoodRow>,
    pub samples: Vec<SampleRow>,
    pub vectors: Vec<VectorRow>,
    /// Where the run stopped early.
    pub stopped: Option<Stopped>,
}

impl Rows {
    /// How the teacher's distributions were kept; `None` where the teacher ran.
    pub(crate) fn cache(&self) -> Option<&Codec> {
        self.manifest.settings.cache.as_ref()
    }

    /// Reads a finished run.
    pub(crate) fn read(run: &RunFolder) -> Result<Self, AuditError> {
        Ok(Self {
            manifest: run.manifest().clone(),
            probes: run.probes().to_vec(),
            positions: run.rows::<Positions>()?,
            sparse: run.rows::<Sparse>()?,
            floor: run.rows::<Floor>()?,
            choices: run.rows::<Choices>()?,
            likelihoods: run.rows::<Likelihoods>()?,
            samples: run.rows::<Samples>()?,
            vectors: run.rows::<Vectors>()?,
            stopped: run.stopped().cloned(),
        })
    }

    /// Number of scored positions.
    pub(crate) fn scored_positions(&self) -> usize {
        self.positions.len() + self.sparse.len()
    }

    /// The scored positions, whoever their teacher was.
    pub(crate) fn scored(&self) -> impl Iterator<Item = Scored<'_>> {
        self.positions.iter().map(Scored::from).chain(self.sparse.iter().map(Scored::from))
    }

    /// Sums per family of some of the scored positions.
    pub(crate) fn token_sums(&self, keep: impl Fn(&Scored<'_>) -> bool) -> FamilyTable {
        let mut table = tokens::table(self.positions.iter().filter(|row| keep(&Scored::from(*row))));
        tokens::add_sparse(&mut table, self.sparse.iter().filter(|row| keep(&Scored::from(*row))));
        table
    }
}

/// Why a number needs the teacher itself.
const NOT_KEPT: &str = "needs the teacher's probability of tokens that its cache does not keep: let the teacher run";

/// Chance with which the loss named beside a gate would have been found; what `plan` wishes by default.
pub(crate) const POWER: f64 = 0.9;
/// A spread below this is rounding, not evidence.
const ROUNDING: f64 = 1e-9;

/// Its name for either model.
const BITS_PER_BYTE: [&str; 2] = ["bits_per_byte_teacher", "bits_per_byte_student"];

/// Bits per byte: columns Σ ln p and Σ bytes of one model.
const BITS: Definition =
    Definition { id: "", reads: &[0, 1], of: |s| (s[1] > 0.0).then(|| -s[0] / s[1] / std::f64::consts::LN_2) };

/// The rows of a run, summed per family.
pub(crate) struct Evidence<'a> {
    pub rows: &'a Rows,
    pub probes: BTreeMap<&'a str, &'a Probe>,
    pub decisions: Vec<Decision<'a>>,
    pub tokens: FamilyTable,
    pub floor: FamilyTable,
    forks: FamilyTable,
    fork_floor: FamilyTable,
    pub choices: FamilyTable,
    pub prompts: Vec<Prompt<'a>>,
    answers: answers::Tables,
    bits: [FamilyTable; 2],
    pub level: f64,
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(rows: &'a Rows, policy: &Policy) -> Result<Self, AuditError> {
        let probes: BTreeMap<_, _> = rows.probes.iter().map(|p| (p.id.as_str(), p)).collect();
        let decisions = choices::decisions(&rows.choices, &probes);
        let fork_threshold = tokens::fork_threshold(rows.scored().map(|row| row.teacher_entropy).collect());
        let fork = |teacher_entropy: f32| fork_threshold.is_some_and(|threshold| teacher_entropy >= threshold);
        let bits = ScoredModel::ALL.map(|model| {
            let mut table = FamilyTable::new(2);
            for row in rows.likelihoods.iter().filter(|r| r.model == model) {
                table.add(&row.family, &[row.logprob, row.bytes as f64], row.tokens);
            }
            table
        });
        let settings = &rows.manifest.settings;
        let meanings = Meanings::new(&rows.vectors, settings.meaning.as_ref());
        let prompts = answers::prompts(&rows.samples, &rows.probes, &meanings)?;
        let alone = settings.teacher_asked.map(|_| Alone::new(&rows.samples, &rows.probes, &meanings)).transpose()?;
        Ok(Self {
            answers: answers::Tables::new(&prompts, not_draws(&rows.manifest), alone).with_gap(&prompts),
            prompts,
            tokens: rows.token_sums(|_| true),
            floor: tokens::table(rows.floor.iter()),
            forks: rows.token_sums(|row| fork(row.teacher_entropy)),
            fork_floor: tokens::table(rows.floor.iter().filter(|row| fork(row.stats.teacher_entropy))),
            choices: choices::table(decisions.iter()),
            rows,
            probes,
            decisions,
            bits,
            level: policy.level,
        })
    }

    /// Every metric that this crate can compute, in the order in which it is listed.
    pub(crate) fn ids() -> impl Iterator<Item = &'static str> {
        let tokens = tokens::DEFINITIONS.iter().map(|d| d.id);
        let forks = tokens::ON_FORKS.iter().map(|f| f.0);
        let bits = BITS_PER_BYTE.into_iter();
        let choices = choices::DEFINITIONS.iter().map(|d| d.id);
        tokens.chain(forks).chain(bits).chain(choices).chain(answers::METRICS.iter().map(|m| m.id))
    }

    /// The sums of free answers.
    pub(crate) fn answers(&self) -> &answers::Tables {
        &self.answers
    }

    /// The number called `id`, or why it cannot be computed.
    pub(crate) fn measure(&self, id: &str) -> Result<Estimate, String> {
        if let Some(definition) = tokens::definition(id) {
            if id == "kendall_tau" && self.rows.cache().is_some_and(|codec| codec.truncation.k_min < 10) {
                let missing =
                    "needs the teacher's ten most probable tokens, and the cache may keep fewer: collect with k_min 10";
                return Err(missing.to_owned());
            }
            let mut estimate = self.of(&self.tokens, definition).ok_or_else(|| self.no_tokens())?;
            estimate.floor = definition.value(&self.floor);
            if id == "kendall_tau" {
                let undefined = self.rows.scored().filter(|row| row.kendall_tau.is_none()).count();
                exclude(&mut estimate, "all ten teacher probabilities are tied", undefined);
            }
            return Ok(estimate);
        }
        if let Some((_, whole)) = tokens::ON_FORKS.iter().find(|f| f.0 == id) {
            let definition = tokens::definition(whole).ok_or("not a metric")?;
            let mut estimate = self.of(&self.forks, definition).ok_or_else(|| self.no_tokens())?;
            estimate.floor = definition.value(&self.fork_floor);
            return Ok(estimate);
        }
        if let Some(model) = BITS_PER_BYTE.iter().position(|b| *b == id) {
            return self.of(&self.bits[model], &BITS).ok_or_else(|| match self.rows.cache() {
                Some(_) if model == 0 => NOT_KEPT.to_owned(),
                _ => "no text was scored".to_owned(),
            });
        }
        if let Some(metric) = answers::METRICS.iter().find(|m| m.id == id) {
            let prompts = self.rows.probes.iter().any(|probe| matches!(probe.ask, Ask::Prompt(_)));
            if self.prompts.is_empty() && prompts && self.rows.manifest.settings.deciding.is_some() {
                return Err("the run asked no prompts: no watched gate needed them".to_owned());
            }
            let mut estimate = self.answers.measure(metric, self.level)?;
            if metric.is_share() {
                exact_near_the_ends(&mut estimate, self.level);
            } else if metric.id == "excess_flips" {
                never_without_width(&mut estimate, self.level);
            }
            if metric.reads_truth() {
                exclude(&mut estimate, "no checker says what is right", self.answers.unchecked as usize);
            }
            within_range(&mut estimate, id);
            return Ok(estimate);
        }
        match choices::DEFINITIONS.iter().find(|d| d.id == id) {
            Some(definition) => self.choice(definition),
            None => Err("this version does not measure it".to_owned()),
        }
    }

    /// Standard deviation per family of the number called `id`; `None` where it or its spread does not exist.
    pub(crate) fn family_sd(&self, id: &str) -> Option<f64> {
        let sd = |table: &FamilyTable, definition: &Definition| family_sd(&definition.project(table), definition.of);
        if let Some(definition) = tokens::definition(id) {
            return sd(&self.tokens, definition);
        }
        if let Some((_, whole)) = tokens::ON_FORKS.iter().find(|f| f.0 == id) {
            return sd(&self.forks, tokens::definition(whole)?);
        }
        if let Some(model) = BITS_PER_BYTE.iter().position(|b| *b == id) {
            return sd(&self.bits[model], &BITS);
        }
        if let Some(metric) = answers::METRICS.iter().find(|m| m.id == id) {
            return self.answers.family_sd(metric);
        }
        choices::DEFINITIONS.iter().find(|d| d.id == id).and_then(|definition| sd(&self.choices, definition))
    }

    /// Smallest loss beyond a bound that a gate on `found` sees with a chance of [`POWER`]; `None` without any spread,
    /// which does not say how much a student with a loss would vary. Between two bounds each may miss half as often.
    pub(crate) fn detectable(&self, rule: &GateRule, found: &Estimate) -> Option<f64> {
        let between =
            rule.at_least.is_some_and(|low| found.value > low) && rule.at_most.is_some_and(|high| found.value < high);
        let power = if between { (1.0 + POWER) / 2.0 } else { POWER };
        let seen = power::detectable(self.family_sd(&rule.metric)?, found.n_families, 1.0 - self.level, power)?;
        (seen > ROUNDING).then_some(seen)
    }

    fn choice(&self, definition: &Definition) -> Result<Estimate, String> {
        if self.decisions.is_empty() {
            return Err("the suite asks no choices".to_owned());
        }
        let mut estimate = self
            .of(&self.choices, definition)
            .ok_or("too few choices have a true answer, or their probabilities do not vary")?;
        if choices::SHARES.contains(&definition.id) {
            exact_near_the_ends(&mut estimate, self.level);
        }
        if definition.id == "choice_agreement" {
            estimate.floor = choices::agreement_ceiling(&self.choices);
        }
        let needs_truth = definition.id != "calibration_slope" && !definition.id.ends_with("agreement");
        if needs_truth && definition.id != "choice_divergence" {
            let without = self.decisions.iter().filter(|d| d.truth.is_none()).count();
            exclude(&mut estimate, "no true answer is known", without);
            estimate.n_items -= without as u64;
        }
        Ok(estimate)
    }

    /// Value and interval of a metric over the families of a table.
    pub(crate) fn of(&self, table: &FamilyTable, definition: &Definition) -> Option<Estimate> {
        let mut estimate = interval::estimate(&definition.project(table), self.level, definition.of)?;
        within_range(&mut estimate, definition.id);
        Some(estimate)
    }

    /// Value and interval of one column over another.
    pub(crate) fn share(&self, table: &FamilyTable, columns: &[usize; 2]) -> Option<Estimate> {
        interval::estimate(&tokens::project(table, columns), self.level, tokens::share)
    }

    fn no_tokens(&self) -> String {
        if self.rows.manifest.shared_vocab.is_none() {
            format!("token metrics need one vocabulary: {}", self.rows.manifest.pairing)
        } else if self.rows.scored_positions() == 0 {
            "the suite has no texts".to_owned()
        } else if self.rows.cache().is_some() {
            NOT_KEPT.to_owned()
        } else {
            "undefined on these texts: there is nothing to divide by".to_owned()
        }
    }
}

/// Why the answers of a run are no draws from the models' own distributions; `None` when they are.
fn not_draws(manifest: &Manifest) -> Option<String> {
    let Some(SampleSettings { parameters, .. }) = &manifest.settings.samples else {
        return (manifest.units.of(Samples::KIND) > 0).then(|| {
            "the answers were given and nobody said how they were drawn: only draws at temperature 1, top_p 1 say \
             something about the models' own distributions; say it where it is known"
                .to_owned()
        });
    };
    (!parameters.is_distribution()).then(|| {
        format!(
            "answers were drawn at temperature {}, top_p {}, top_k {}: they are no draws from the models' own \
             distributions (temperature 1, top_p 1, top_k 0)",
            parameters.temperature, parameters.top_p, parameters.top_k
        )
    })
}

fn exclude(estimate: &mut Estimate, reason: &str, items: usize) {
    if items > 0 {
        estimate.excluded.push(Exclusion { reason: reason.to_owned(), items: items as u64 });
    }
}

/// Families none of which differs say only how rare a difference is: the exact bound of no event, on both sides.
fn never_without_width(estimate: &mut Estimate, level: f64) {
    let families = estimate.n_families;
    if let Some(found) = estimate.interval.filter(|interval| interval.low == interval.high) {
        let exact = interval::clopper_pearson(0, families, level);
        estimate.interval = exact.map(|exact| hydrometer_metrics::Interval {
            low: found.low - exact.high,
            high: found.high + exact.high,
            ..exact
        });
        estimate.student_alone = None;
    }
}

/// Values that the metric cannot take are none that the interval has to hold.
fn within_range(estimate: &mut Estimate, id: &str) {
    if let (Some(interval), Some(metric)) = (&mut estimate.interval, catalog::find(id)) {
        let (least, most) = metric.bounds();
        // An estimate without bias may lie a little outside itself.
        interval.low = interval.low.max(least.min(estimate.value));
        interval.high = interval.high.min(most.max(estimate.value));
    }
}

/// A share of which fewer than five families (or all but five) are an event has no jackknife worth the name: its
/// interval is Clopper–Pearson's with the families as trials.
fn exact_near_the_ends(estimate: &mut Estimate, level: f64) {
    let families = estimate.n_families;
    let events = ((estimate.value * families as f64).round() as u64).min(families);
    let rare = families >= 2 && (events < 5 || families - events < 5);
    let exact = rare.then(|| interval::clopper_pearson(events, families, level)).flatten();
    if let Some(exact) = exact {
        let (low, high) = (exact.low.min(estimate.value), exact.high.max(estimate.value));
        estimate.interval = Some(hydrometer_metrics::Interval { low, high, ..exact });
        // The exact interval owes nothing to others.
        estimate.student_alone = None;
    }
}
