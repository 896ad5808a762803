//! Two runs compared family by family: two students of one teacher, or one student over time. What both runs were asked
//! cancels, so that far smaller differences show than two intervals side by side allow.

mod families;
mod obstacles;

use hydrometer_answers::RunFolder;
use hydrometer_metrics::measure::{self, Compared, Definition};
use hydrometer_metrics::stats::significance::benjamini_hochberg;
use hydrometer_metrics::{Interval, Verdict};
use serde::Serialize;

use crate::evidence::{Evidence, Rows};
use crate::geometry;
use crate::geometry::compare::InBoth;
use crate::issue::issue;
use crate::{AuditError, Policy, Statement};
use families::Pairs;
use obstacles::Obstacles;

/// Two runs, metric by metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The first run.
    pub a: Side,
    /// The second run.
    pub b: Side,
    /// Families that both were asked in the same words: all that is compared.
    pub shared_families: u64,
    /// Level of the intervals; 1 − it is the share of false differences among those that are named.
    pub level: f64,
    /// What a reader of these numbers must know, as sentences.
    pub cautions: Vec<String>,
    /// The metrics that at least one run measured.
    pub rows: Vec<Row>,
}

/// What a comparison says of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// The student's name.
    pub student: String,
    /// The run's identity.
    pub run: String,
    /// Its verdict, on all its families.
    pub verdict: Verdict,
    /// Its families that the other run was not asked: they are left out.
    pub left_out: u64,
}

/// One metric in both runs, over the families that both have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Identifier in the metric catalogue.
    pub metric: String,
    /// What was found; `None` where it cannot be compared.
    pub found: Option<Found>,
    /// Why it cannot be compared.
    pub missing: Option<String>,
}

/// A difference and what it says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// In the first run.
    pub a: f64,
    /// In the second run.
    pub b: f64,
    /// B − A.
    pub difference: f64,
    /// Of the difference: each family is deleted in both runs at once (docs/metrics/intervals.md).
    pub interval: Option<Interval>,
    /// Two-sided, of "the two do not differ".
    pub p_value: Option<f64>,
    /// The same among all metrics (Benjamini and Hochberg).
    pub adjusted_p_value: Option<f64>,
    /// Families that carry the number.
    pub families: u64,
    /// Families of which each has a value of its own in both runs.
    pub single_families: u64,
    /// Of these, those in which A is better; 0 where neither way is better.
    pub a_better: u64,
    /// Those in which B is better.
    pub b_better: u64,
    /// What the difference says.
    pub reading: Reading,
}

/// What a difference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// The second run is better by more than chance.
    BBetter,
    /// The first run is better by more than chance.
    ABetter,
    /// They differ by more than chance, and neither is nearer to what is best, or neither way is better.
    Differs,
    /// The difference may be chance.
    NoDifference,
    /// It is the same in every family.
    Same,
    /// A single family: chance cannot be told from anything.
    OneFamily,
    /// No family carries it: without any one of them it is the same, so that none tells what chance does.
    NoSpread,
    /// Nothing pairs the two: they stand side by side.
    NotTested,
}

impl Comparison {
    /// Compares two finished runs over the families that both were asked in the same words. The verdicts beside it are those
    /// of `policy` on all families of each.
    ///
    /// # Errors
    /// A folder is damaged, the teachers or the regimes differ so that no number means the same, or no family is shared.
    pub fn of(a: &RunFolder, b: &RunFolder, policy: &Policy) -> Result<Self, AuditError> {
        compare([Rows::read(a)?, Rows::read(b)?], policy)
    }

    /// Whether both runs were asked one family, so that no number has two to tell chance by.
    #[must_use]
    pub fn is_of_one_family(&self) -> bool {
        let mut found = self.rows.iter().filter_map(|row| row.found.as_ref()).peekable();
        self.shared_families == 1 && found.peek().is_some() && found.all(|found| found.families < 2)
    }

    /// Whether no number is compared: of each [`Row::missing`] says why.
    #[must_use]
    pub fn is_of_nothing(&self) -> bool {
        self.rows.iter().all(|row| row.found.is_none())
    }
}

/// Compares the rows of two runs.
fn compare(mut rows: [Rows; 2], policy: &Policy) -> Result<Comparison, AuditError> {
    let obstacles = Obstacles::between(&rows[0].manifest, &rows[1].manifest)?;
    let [a, b] = [issue(&rows[0], policy)?, issue(&rows[1], policy)?];
    let pairs = Pairs::of(&rows[0].probes, &rows[1].probes);
    rows[0].keep_as(&pairs.names_in_a);
    rows[1].keep_as(&pairs.names_in_b);
    obstacles::same_given_answers(&rows[0], &rows[1])?;
    let [in_a, in_b] = [Evidence::new(&rows[0], policy)?, Evidence::new(&rows[1], policy)?];
    let shared = in_a.families().intersection(&in_b.families()).count() as u64;
    if shared == 0 {
        return Err(AuditError::NothingShared { a: a.suite.families, b: b.suite.families });
    }
    let bases = [in_a.gap_base(), in_b.gap_base()];
    let compared = measure::measured().filter_map(|definition| {
        let measured =
            |statement: &Statement| statement.metrics.iter().any(|m| m.id == definition.id && m.estimate.is_some());
        (measured(&a) || measured(&b)).then(|| {
            let found = match obstacles.on(definition, bases) {
                Some(obstacle) => Err(obstacle),
                None => in_a.compare(&in_b, definition),
            };
            (definition, found)
        })
    });
    let compared = compared.map(|(definition, found)| (definition, found.map(InBoth::Paired)));
    let graded = geometry::compare::compare(&in_a, &in_b)?.into_iter().filter(|(definition, _)| {
        [&a, &b].iter().any(|run| run.metrics.iter().any(|m| m.id == definition.id && m.estimate.is_some()))
    });
    let obstacle = obstacles.on_graded(&in_a.rows.probes);
    let graded = graded.map(|(definition, found)| (definition, obstacle.clone().map_or(found, Err)));
    Ok(Comparison {
        a: side(&a, shared),
        b: side(&b, shared),
        shared_families: shared,
        level: policy.level,
        cautions: obstacles.cautions(),
        rows: read(compared.chain(graded).collect(), 1.0 - policy.level),
    })
}

fn side(statement: &Statement, shared: u64) -> Side {
    Side {
        student: statement.student.name.clone(),
        run: statement.run.clone(),
        verdict: statement.verdict,
        left_out: statement.suite.families.saturating_sub(shared),
    }
}

/// Reads what was found: those differences are named of which at most `alpha` are false.
fn read(compared: Vec<(&Definition, Result<InBoth, String>)>, alpha: f64) -> Vec<Row> {
    let p_value = |found: &Result<InBoth, String>| match found {
        Ok(InBoth::Paired(compared)) => compared.paired.p_value,
        _ => None,
    };
    let p_values: Vec<f64> = compared.iter().filter_map(|(_, found)| p_value(found)).collect();
    let mut adjusted = benjamini_hochberg(&p_values).into_iter();
    let row = |(definition, found): (&Definition, Result<InBoth, String>)| match found {
        Ok(InBoth::Beside { a, b, families }) => {
            let found = Found {
                a,
                b,
                difference: b - a,
                interval: None,
                p_value: None,
                adjusted_p_value: None,
                families,
                single_families: 0,
                a_better: 0,
                b_better: 0,
                reading: Reading::NotTested,
            };
            Row { metric: definition.id.to_owned(), found: Some(found), missing: None }
        }
        Ok(InBoth::Paired(compared)) => {
            let adjusted = compared.paired.p_value.and_then(|_| adjusted.next());
            let reading = reading(&compared, adjusted, alpha);
            let Compared { paired, a_better, b_better, .. } = compared;
            let found = Found {
                a: paired.a,
                b: paired.b,
                difference: paired.difference(),
                interval: paired.interval,
                p_value: paired.p_value,
                adjusted_p_value: adjusted,
                families: paired.families,
                single_families: paired.of_families.len() as u64,
                a_better,
                b_better,
                reading,
            };
            Row { metric: definition.id.to_owned(), found: Some(found), missing: None }
        }
        Err(missing) => Row { metric: definition.id.to_owned(), found: None, missing: Some(missing) },
    };
    compared.into_iter().map(row).collect()
}

fn reading(compared: &Compared, adjusted: Option<f64>, alpha: f64) -> Reading {
    let same = compared.paired.of_families.iter().all(|(a, b)| a == b) && compared.paired.a == compared.paired.b;
    match adjusted {
        None if compared.paired.families == 1 => Reading::OneFamily,
        _ if same => Reading::Same,
        None if compared.paired.families == 0 => Reading::NoSpread,
        Some(p) if p <= alpha => match compared.better {
            Some(measure::Side::A) => Reading::ABetter,
            Some(measure::Side::B) => Reading::BBetter,
            None => Reading::Differs,
        },
        _ => Reading::NoDifference,
    }
}

#[cfg(test)]
mod tests;
