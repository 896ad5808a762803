//! The one number type shown to people, and the verdict that a gate gives it.

/// How an interval was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum IntervalMethod {
    /// Delete-one-family jackknife with Student's t on G − 1 degrees of freedom.
    JackknifeT,
    /// On each side the wider of the jackknife-t interval and the studentised bootstrap over families: statements of
    /// earlier versions.
    BootstrapT,
    /// Family jackknife with Student's t and with Hall's transformed t, its quantiles by a seeded bootstrap over
    /// families, and what families like none of those seen could change.
    HallBootstrap,
    /// The same with Student's quantiles: many families need no bootstrap.
    HallT,
    /// Korn and Graubard's exact interval of a share of events in families.
    KornGraubard,
    /// Clopper–Pearson exact interval for a proportion.
    ClopperPearson,
    /// The difference of two numbers, from the bounds of both and how they vary together (Zou and Donner 2008).
    VarianceRecovery,
    /// Edges of rings: how far they hold one after the other from the inside, and where the innermost fails.
    FixedSequence,
}

/// A two-sided confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Coverage aimed at, in (0, 1); 0.95 unless a policy says otherwise.
    pub level: f64,
    /// How it was computed.
    pub method: IntervalMethod,
}

/// Items left out of an estimate, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Exclusion {
    /// Why, as a lower-case fragment.
    pub reason: String,
    /// How many items.
    pub items: u64,
}

/// Families that only the student was asked about, and how much they told.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct StudentAlone {
    /// How many there are.
    pub families: u64,
    /// Number of asked families that would give the same interval without them.
    pub worth: f64,
}

/// A measured number with everything a reader needs to trust it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Estimate {
    /// The value, in the metric's unit. Always finite.
    pub value: f64,
    /// The interval; `None` when fewer than two families allow none.
    pub interval: Option<Interval>,
    /// Number of probe families that carry the number, the statistical unit: those with a denominator of 0 do not.
    pub n_families: u64,
    /// Families of equal weight that would carry it as well, (Σ d)² / Σ d² of the families' denominators d; absent in
    /// statements of earlier versions.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub effective_families: Option<f64>,
    /// Share of all families that may be broken although none of those seen is, with a chance of 5 %: 1 − 0.05^(1/G).
    /// Absent in statements of earlier versions.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub unseen: Option<f64>,
    /// Number of items (positions, options or probes) behind the value.
    pub n_items: u64,
    /// Items left out, by reason.
    pub excluded: Vec<Exclusion>,
    /// The same number for the teacher against itself; `None` when not measured.
    pub floor: Option<f64>,
    /// Help from families that only the student was asked about (PPI++); absent where there was none.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub student_alone: Option<StudentAlone>,
}

/// The three-valued answer of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Verdict {
    /// The interval clears the margin.
    Pass,
    /// The interval misses the margin.
    Fail,
    /// The interval straddles the margin, or there is none.
    NotEnoughEvidence,
}
