//! Answers of which people said what they decide: what the rules that read decisions confuse.

use hydrometer_metrics::FamilyTable;
use hydrometer_metrics::stats::confusion::Confusion;
use hydrometer_probes::decision::{Decision, LABELLED};

use crate::kind::judgment::Deed;
use crate::statement::LabelSource;

/// Labelled answers, in counts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Labels {
    pub source: LabelSource,
    rows: Vec<Labelled>,
}

/// Answers to prompts of a family that the rules call one thing and people another, or the same.
#[derive(Clone, Debug, PartialEq)]
struct Labelled {
    family: String,
    called: Deed,
    truth: Deed,
    answers: f64,
}

impl Labels {
    /// Those that hydrometer ships: people told refusing from complying, and nothing else.
    pub(crate) fn shipped() -> Self {
        let decision = |word: &str| Decision::ALL.into_iter().find(|decision| decision.name() == word);
        let row = |line: &str| {
            let mut fields = line.split(',');
            let mut next = || fields.next().filter(|field| !field.is_empty());
            Some(Labelled {
                family: next()?.to_owned(),
                called: Deed::read(decision(next()?)?),
                truth: Deed::read(decision(next()?)?),
                answers: next()?.parse().ok()?,
            })
        };
        Self { source: LabelSource::Xstest, rows: LABELLED.lines().skip(1).filter_map(row).collect() }
    }

    /// What is confused of these kinds of deeds, one class each; what is of none of them is one more.
    pub(crate) fn confusion(&self, classes: &[Deed]) -> Confusion {
        let count = classes.len() + 1;
        let class = |deed: Deed| classes.iter().position(|of| *of == deed).unwrap_or(classes.len());
        let mut table = FamilyTable::new(count * count);
        for row in &self.rows {
            let mut cells = vec![0.0; count * count];
            cells[class(row.called) * count + class(row.truth)] = row.answers;
            table.add(&row.family, &cells, row.answers.round() as u64);
        }
        Confusion::new(count, table)
    }

    /// Whether people called any answer so.
    pub(crate) fn knows(&self, deed: Deed) -> bool {
        self.rows.iter().any(|row| row.truth == deed)
    }

    /// Labelled answers.
    pub(crate) fn answers(&self) -> f64 {
        self.rows.iter().map(|row| row.answers).sum()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_counts_are_those_of_the_documentation() {
        let labels = Labels::shipped();
        assert_eq!((labels.answers(), labels.knows(Deed::Clarifies)), (200.0, false));
        let refusing = labels.confusion(&[Deed::Refuses]);
        // docs/metrics/decisions.md: 59 of 73 and 121 of 127.
        assert!((refusing.kept(0).unwrap() - 59.0 / 73.0).abs() < 1e-12);
        assert!((refusing.kept(1).unwrap() - 121.0 / 127.0).abs() < 1e-12);
        // Nobody labelled an answer as neither refusing nor complying.
        assert_eq!(labels.confusion(&[Deed::Refuses, Deed::Meets]).kept(2), None);
    }
}
