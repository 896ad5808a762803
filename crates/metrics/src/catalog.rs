//! What each metric is: the one source of help, tooltips and documentation.

mod answers;
mod choices;
mod headline;
mod secondary;
mod tokens;

/// Which way a metric should move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Larger values are better.
    Higher,
    /// Smaller values are better.
    Lower,
    /// The closer to 1 the better, on either side.
    One,
    /// The closer to 0 the better, on either side.
    Zero,
    /// It describes; neither way is better.
    Neither,
}

impl Direction {
    /// For people, as a fragment.
    pub fn words(self) -> &'static str {
        match self {
            Self::Higher => "higher is better",
            Self::Lower => "lower is better",
            Self::One => "1 is best",
            Self::Zero => "0 is best",
            Self::Neither => "descriptive",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricInfo {
    /// Stable identifier, used in statements and policies.
    pub id: &'static str,
    /// Page of the documentation that covers it: `docs/metrics/<page>.md`.
    pub page: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// Unit; empty for a pure number.
    pub unit: &'static str,
    /// Range, as mathematicians write it.
    pub range: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// What it measures, a sentence or two.
    pub what: &'static str,
    /// When it misleads, a sentence or two.
    pub misleads: &'static str,
    /// The formula.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

impl MetricInfo {
    /// The smallest and the largest value that its range allows; infinite where it has no end.
    pub fn bounds(&self) -> (f64, f64) {
        let inside = self.range.trim_matches(['[', '(', ']', ')']);
        let end = |text: &str| match text.trim().trim_end_matches([']', ')']) {
            "∞" => f64::INFINITY,
            "−∞" => f64::NEG_INFINITY,
            "ln 2" => std::f64::consts::LN_2,
            number => number.replace('−', "-").parse().unwrap_or(f64::NAN),
        };
        let mut ends = inside.split(',').map(end);
        (ends.next().unwrap_or(f64::NAN), ends.next().unwrap_or(f64::NAN))
    }
}

const COUNT: usize = headline::TEXTS.len() + tokens::TEXTS.len() + choices::TEXTS.len() + answers::TEXTS.len();

/// Every metric, in the order in which they are shown: the seven headline numbers, then those on tokens, on choices and
/// on sampled answers.
pub static METRICS: &[MetricInfo] = &ALL;

const ALL: [MetricInfo; COUNT] = {
    let mut all = [headline::TEXTS[0]; COUNT];
    let groups: [&[MetricInfo]; 4] = [&headline::TEXTS, &tokens::TEXTS, &choices::TEXTS, &answers::TEXTS];
    let (mut group, mut place) = (0, 0);
    // Iterators cannot run at compile time.
    while group < groups.len() {
        let mut k = 0;
        while k < groups[group].len() {
            all[place] = groups[group][k];
            place += 1;
            k += 1;
        }
        group += 1;
    }
    all
};

/// The metric with this identifier.
pub fn find(id: &str) -> Option<&'static MetricInfo> {
    METRICS.iter().find(|metric| metric.id == id)
}

/// Secondary measures of sampled answers, in the order in which they are shown: no metrics, so that no policy can gate
/// them.
pub static SECONDARY: &[MetricInfo] = &secondary::TEXTS;
