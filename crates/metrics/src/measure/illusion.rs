//! Style against judgment: how much of the way to the teacher a student went in how it writes, and in what it decides.
//!
//! Both are gaps closed ([`super::answers::GAP_CLOSED`]) with kernels of their own: style features
//! given the decision ([`crate::style::Scale::rbf`], [`crate::kernel::Given`]) and equal decisions. Their difference is the illusion gap. It is no function with one
//! smooth interval, so it is read off both gaps, by [`illusion_gap`], and not off sums.

use super::Table;
use super::answers::{closed, closing, gap_ratio, left_of_the_way};
use super::definition::{Definition, Direction, Floor, Group, IntervalRule, LeftOut, Measure, Need, Range, Text};
use super::formula::{Column, Formula, Row, Undefined};
use super::sums::Sums;
use crate::stats::difference::Difference;
use crate::stats::estimate::Estimate;
use crate::stats::families::FamilyTable;
use crate::stats::limits::Limits;

/// Sums of squared distances (D2 of [`crate::kernel`]) by style and by decision.
pub mod copied {
    use super::super::formula::columns;

    columns! {
        /// Prompts with two answers of each model, and two to start from.
        WRITTEN,
        /// D2 of teacher and student by style.
        STYLE_LEFT,
        /// D2 of the teacher and where the student started, by style.
        STYLE_WHOLE,
        /// Prompts at a boundary of judgment.
        AT_BOUNDARY,
        /// Those of them with two answers of each model whose decision is known, and two to start from.
        DECIDED,
        /// D2 of teacher and student by decision.
        DECISION_LEFT,
        /// D2 of the teacher and where the student started, by decision.
        DECISION_WHOLE,
    }
}

/// How far apart the answers to a prompt are by one kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distances {
    /// D2 of teacher and student: what is left of the way.
    pub left: f64,
    /// D2 of the teacher and where the student started: the whole way.
    pub whole: f64,
}

/// A prompt that is answered freely, by how its answers are written and what they decide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Copied {
    /// By style; `None` without two answers of each.
    pub style: Option<Distances>,
    /// Whether the prompt stands at a boundary of judgment.
    pub at_boundary: bool,
    /// By decision; `None` without two answers of each whose decision is known.
    pub decision: Option<Distances>,
}

impl Sums {
    /// Adds a prompt that is answered freely.
    pub fn copied(&mut self, family: &str, prompt: &Copied) {
        let mut row: Row<{ copied::WIDTH }> = Row::new();
        let mut set = |distances: Option<Distances>, [count, left, whole]: [Column; 3]| {
            if let Some(distances) = distances {
                row[count] = 1.0;
                row[left] = distances.left;
                row[whole] = distances.whole;
            }
        };
        set(prompt.style, [copied::WRITTEN, copied::STYLE_LEFT, copied::STYLE_WHOLE]);
        set(prompt.decision, [copied::DECIDED, copied::DECISION_LEFT, copied::DECISION_WHOLE]);
        row[copied::AT_BOUNDARY] = f64::from(u8::from(prompt.at_boundary));
        self.add(Table::Copied, family, &row, 1);
    }
}

/// The same numbers with another reason where there is nothing to divide.
fn or<T>(found: Result<T, Undefined>, reason: Undefined) -> Result<T, Undefined> {
    found.map_err(|undefined| if undefined == Undefined::NoBase { reason } else { undefined })
}

const fn of_gap(
    reads: &'static [Column],
    of: fn(&[f64]) -> Result<f64, Undefined>,
    interval: fn(&FamilyTable, f64) -> Result<Limits, Undefined>,
) -> Measure {
    Measure {
        table: Table::Copied,
        formula: Formula::Function { reads, of },
        interval: IntervalRule::Own(interval),
        floor: Floor::Rerun,
        needs: &[Need::Draws, Need::TwoAnswers],
        left_out: LeftOut::Nothing,
        bounds: None,
        stake: None,
    }
}

/// Surface copied.
pub static SURFACE_COPIED: Definition = Definition {
    id: "surface_copied",
    text: Text {
        page: "illusion_gap",
        name: "Surface copied",
        unit: "",
        what: "How much of the way from its starting point to the teacher's way of writing the student went, given what it decides: length, headings, lists, hedges, apologies, sentence lengths, the shape of its characters. No word of content enters, and nothing that comes with the decision.",
        misleads: "Phrase lists are English. Where the student decides what the teacher seldom does, nobody knows how the teacher would write it. Without a student from before distillation the way starts at the teacher's own style on another prompt, which is near: often there is no gap to close.",
        formula: "1 − √(max(0, Σ D2_TS) / Σ D2_TB), k = exp(−(d_shapes + d_grams)/4) less what is usual for T's answers of the same decision, on style features less T's means for the decision, z-scored on T and B",
        source: "hydrometer; D2 from Gretton et al., A Kernel Two-Sample Test (2012)",
    },
    direction: Direction::Higher,
    range: Range::TO_ONE,
    group: Group::Illusion,
    measure: Some(of_gap(
        &[copied::WRITTEN, copied::STYLE_LEFT, copied::STYLE_WHOLE],
        |sums| or(gap_ratio(sums), Undefined::NothingWritten).map(closed),
        |table, level| or(closing(table, level), Undefined::NothingWritten),
    )),
};

/// Judgment copied.
pub static JUDGMENT_COPIED: Definition = Definition {
    id: "judgment_copied",
    text: Text {
        page: "illusion_gap",
        name: "Judgment copied",
        unit: "",
        what: "How much of the way from its starting point to the teacher's decisions the student went, at boundaries of judgment: whether it complies, helps in part, refuses, asks back, takes no side or does not know.",
        misleads: "Decisions are read from words, with the errors that docs/metrics/decisions.md measures; they are read in English only, and answers that cannot be read are left out and counted.",
        formula: "1 − √(max(0, Σ D2_TS) / Σ D2_TB), k = 1 where two answers decide the same, else 0",
        source: "hydrometer; D2 from Gretton et al., A Kernel Two-Sample Test (2012)",
    },
    direction: Direction::Higher,
    range: Range::TO_ONE,
    group: Group::Illusion,
    measure: Some(Measure {
        left_out: LeftOut::Uncounted {
            known: copied::DECIDED,
            all: copied::AT_BOUNDARY,
            reason: "fewer than two answers of a model whose decision can be read",
        },
        ..of_gap(
            &[copied::DECIDED, copied::DECISION_LEFT, copied::DECISION_WHOLE],
            |sums| or(gap_ratio(sums), Undefined::NothingDecided).map(closed),
            |table, level| or(closing(table, level), Undefined::NothingDecided),
        )
    }),
};

/// Illusion gap.
pub static ILLUSION_GAP: Definition = Definition {
    id: "illusion_gap",
    text: Text {
        page: "illusion_gap",
        name: "Illusion gap",
        unit: "",
        what: "How much better the student copies the teacher's style than its judgment: gap closed on surface features minus gap closed on decisions.",
        misleads: "Without the student's starting point as a reference both parts are relative to an arbitrary stranger, and their difference is hard to read. From answers alone its interval is wide: a small gap needs many families.",
        formula: "g_surface − g_judgment, g = 1 − √(max(0, Σ D2_TS) / Σ D2_TB)",
        source: "Gudibande et al., arXiv:2305.15717; interval: Zou and Donner, Statistics in Medicine 27 (2008), with the family jackknife's correlation",
    },
    direction: Direction::Lower,
    range: Range::ANY,
    group: Group::Illusion,
    measure: None,
};

/// A smaller gap is none: both ways are roots, of which rounding leaves the square root of its own size.
const ROUNDING: f64 = 1e-7;

/// In the order in which they are listed.
pub static DEFINITIONS: &[&Definition] = &[&SURFACE_COPIED, &JUDGMENT_COPIED, &ILLUSION_GAP];

/// A gap closed where the ratio of squared distances may be below 0: beyond 1 then, so that chance on both sides of "no way
/// left" is seen.
fn signed(ratio: f64) -> f64 {
    1.0 - ratio.signum() * ratio.abs().sqrt()
}

/// The illusion gap over the prompts that both gaps are known of, with its limits.
///
/// # Errors
/// Why one of both gaps does not exist.
pub fn illusion_gap(sums: &Sums, level: f64) -> Result<(Estimate, Difference), Undefined> {
    let all = sums.table(Table::Copied);
    let table = all.filter(|family| all.get(family).is_some_and(|sums| sums[copied::DECIDED.0] > 0.0));
    let [surface, judgment] = [&SURFACE_COPIED, &JUDGMENT_COPIED].map(|definition| {
        let measure = definition.measure()?;
        let narrow = measure.formula.project(&table);
        let value = measure.formula.of(&narrow.totals())?;
        Ok((value, left_of_the_way(&narrow, level)?.mapped(signed), narrow))
    });
    // What is missing of judgment is more particular than what is missing of both.
    let (copied_judgment, judgment, decided) = judgment?;
    let (copied_surface, surface, written) = surface?;
    let gap = copied_surface - copied_judgment;
    let value = if gap.abs() < ROUNDING { 0.0 } else { gap };
    let limits = Difference::new(value, [surface, judgment], (&written, &decided), |sums| gap_ratio(sums).ok());
    Ok((limits.estimate(level, table.totals()[copied::DECIDED.0].round() as u64), limits))
}
