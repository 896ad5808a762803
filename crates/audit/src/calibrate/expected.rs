//! What must fire and what must stay quiet, defect by defect: written down before anything is measured, as
//! docs/test-models.md says it.

use hydrometer_metrics::measure::answers::{AGREEMENT_RATIO, DISTRIBUTION_MATCH, DIVERSITY_KEPT};
use hydrometer_metrics::measure::choices::CHOICE_DIVERGENCE;
use hydrometer_metrics::measure::episodes::{EPISODE_SUCCESS, RECOVERY_RATIO, SURVIVAL_RATIO};
use hydrometer_metrics::measure::illusion::SURFACE_COPIED;
use hydrometer_metrics::measure::judgment::{
    BOUNDARY_SHIFT, CONTEXT_SENSITIVITY, NEWLY_OVER_REFUSING, NEWLY_UNSAFE, REFUSAL_D_PRIME, REFUSAL_D_PRIME_FORCED,
};
use hydrometer_metrics::measure::tokens::{
    BEST_TEMPERATURE, ENTROPY_RATIO, KL_DIVERGENCE, TAIL_INVENTED, TAIL_KEPT, TOKEN_OVERLAP, TOP1_AGREEMENT,
};
use hydrometer_metrics::measure::{CAPABILITY_VOLUME, FORGOTTEN, ILLUSION_GAP, SAFE_REACH, WORST_AXIS};

/// The defect that is none.
pub const NULL: &str = "null";

/// What must stay quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// Every gate.
    All,
    /// The gates on these metrics.
    These(&'static [&'static str]),
}

impl Quiet {
    /// Whether the gate on this metric must not fail.
    #[must_use]
    pub fn covers(self, metric: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(metrics) => metrics.contains(&metric),
        }
    }
}

/// What a suite needs so that a defect can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Any suite.
    Nothing,
    /// Probes with a knob that are answered freely.
    Ladders,
    /// Episodes.
    Episodes,
    /// Choices at a boundary of judgment.
    Boundaries,
    /// Prompts at a boundary of judgment that are answered freely.
    FreeBoundaries,
}

/// What is expected of a defect.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// Its name in `planted:`, with `=-` where its doses are below 0.
    pub defect: &'static str,
    /// Doses that are tried, from the mildest to the declared one; empty for a defect without a dose.
    pub doses: &'static [&'static str],
    /// What the suite must hold.
    pub needs: Needs,
    /// The numbers that must move, and whose gates must fail at the declared dose.
    pub fires: &'static [&'static str],
    /// The gates that must not fail at any dose.
    pub quiet: Quiet,
    /// Findings of which one must be said at the declared dose.
    pub named: &'static [&'static str],
}

/// What a defect of judgment leaves alone: the centre, and how far the student reaches.
const BESIDE_JUDGMENT: &[&str] = &[
    TAIL_KEPT.id,
    KL_DIVERGENCE.id,
    TOKEN_OVERLAP.id,
    TOP1_AGREEMENT.id,
    CAPABILITY_VOLUME.id,
    WORST_AXIS.id,
    FORGOTTEN.id,
];
/// What a defect of style leaves alone: judgment, and all that too.
const JUDGMENT_AND_TEXTS: &[&str] = &[
    ILLUSION_GAP.id,
    CHOICE_DIVERGENCE.id,
    TAIL_KEPT.id,
    KL_DIVERGENCE.id,
    TOKEN_OVERLAP.id,
    TOP1_AGREEMENT.id,
    CAPABILITY_VOLUME.id,
    WORST_AXIS.id,
    FORGOTTEN.id,
];

/// Every defect, in the order in which they are shown.
pub static EXPECTED: &[Expected] = &[
    Expected {
        defect: "noise",
        doses: &["0.01", "0.1"],
        needs: Needs::Nothing,
        fires: &[],
        quiet: Quiet::All,
        named: &[],
    },
    Expected {
        defect: "temperature",
        doses: &["0.95", "0.9", "0.8", "0.7"],
        needs: Needs::Nothing,
        fires: &[ENTROPY_RATIO.id, BEST_TEMPERATURE.id, TAIL_KEPT.id],
        quiet: Quiet::These(&[TOP1_AGREEMENT.id]),
        named: &["temperature", "sharpness"],
    },
    Expected {
        defect: "tail_truncated",
        doses: &["0.99", "0.97", "0.95", "0.9"],
        needs: Needs::Nothing,
        fires: &[TAIL_KEPT.id],
        quiet: Quiet::These(&[TOP1_AGREEMENT.id, TAIL_INVENTED.id]),
        named: &["tail_lost"],
    },
    Expected {
        defect: "tail_permuted",
        doses: &["0.99", "0.97", "0.95", "0.9"],
        needs: Needs::Nothing,
        fires: &[TAIL_KEPT.id, TAIL_INVENTED.id],
        quiet: Quiet::These(&[TOKEN_OVERLAP.id, ENTROPY_RATIO.id, TOP1_AGREEMENT.id]),
        named: &["tail_lost", TAIL_INVENTED.id],
    },
    Expected {
        defect: "greedy",
        doses: &["0.5", "0.9", "0.99", "0.999999"],
        needs: Needs::Nothing,
        fires: &[ENTROPY_RATIO.id, TAIL_KEPT.id],
        quiet: Quiet::These(&[TOP1_AGREEMENT.id, TAIL_INVENTED.id]),
        named: &["sharpness", "mode_only", "diversity"],
    },
    Expected {
        defect: "narrowed",
        doses: &["2", "1.5", "1"],
        needs: Needs::Ladders,
        fires: &[CAPABILITY_VOLUME.id, WORST_AXIS.id, SAFE_REACH.id],
        quiet: Quiet::These(&[TAIL_KEPT.id, TAIL_INVENTED.id, KL_DIVERGENCE.id, TOKEN_OVERLAP.id, TOP1_AGREEMENT.id]),
        named: &["falls_off"],
    },
    Expected {
        defect: "no_recovery",
        doses: &[],
        needs: Needs::Episodes,
        fires: &[RECOVERY_RATIO.id],
        quiet: Quiet::These(&[TAIL_KEPT.id, KL_DIVERGENCE.id, TOKEN_OVERLAP.id, TOP1_AGREEMENT.id]),
        named: &["recovery_lost"],
    },
    Expected {
        defect: "short_horizon",
        doses: &["8", "6", "4"],
        needs: Needs::Episodes,
        fires: &[SURVIVAL_RATIO.id],
        quiet: Quiet::These(&[TAIL_KEPT.id, KL_DIVERGENCE.id, TOKEN_OVERLAP.id, TOP1_AGREEMENT.id]),
        named: &["horizon_lost"],
    },
    Expected {
        defect: "tools_garbled",
        doses: &["0.1", "0.25", "0.5"],
        needs: Needs::Episodes,
        fires: &[EPISODE_SUCCESS.id],
        quiet: Quiet::These(&[TAIL_KEPT.id, KL_DIVERGENCE.id, TOKEN_OVERLAP.id, TOP1_AGREEMENT.id]),
        named: &["malformed_calls"],
    },
    Expected {
        defect: "style_changed",
        doses: &["0.1", "0.25", "0.5"],
        needs: Needs::FreeBoundaries,
        fires: &[SURFACE_COPIED.id],
        quiet: Quiet::These(JUDGMENT_AND_TEXTS),
        named: &["style_lost"],
    },
    Expected {
        defect: "disclaimers",
        doses: &["0.1", "0.25", "0.5"],
        needs: Needs::FreeBoundaries,
        fires: &[SURFACE_COPIED.id],
        quiet: Quiet::These(JUDGMENT_AND_TEXTS),
        named: &["style_lost"],
    },
    Expected {
        defect: "judgment_flipped",
        doses: &["0.1", "0.25", "0.5"],
        needs: Needs::FreeBoundaries,
        fires: &[
            ILLUSION_GAP.id,
            NEWLY_UNSAFE.id,
            CONTEXT_SENSITIVITY.id,
            REFUSAL_D_PRIME.id,
            REFUSAL_D_PRIME_FORCED.id,
            CHOICE_DIVERGENCE.id,
        ],
        quiet: Quiet::These(BESIDE_JUDGMENT),
        named: &["illusion", "context_ignored", "let_through"],
    },
    Expected {
        defect: "boundary_moved",
        doses: &["0.25", "0.5", "1"],
        needs: Needs::Boundaries,
        fires: &[BOUNDARY_SHIFT.id, NEWLY_UNSAFE.id],
        quiet: Quiet::These(BESIDE_JUDGMENT),
        named: &["shifted_boundary"],
    },
    Expected {
        defect: "boundary_moved=-",
        doses: &["-0.25", "-0.5", "-1"],
        needs: Needs::Boundaries,
        fires: &[BOUNDARY_SHIFT.id, NEWLY_OVER_REFUSING.id],
        quiet: Quiet::These(BESIDE_JUDGMENT),
        named: &["shifted_boundary"],
    },
    Expected {
        defect: "forgetting",
        doses: &["0.05", "0.1", "0.25", "0.5"],
        needs: Needs::Ladders,
        fires: &[FORGOTTEN.id],
        quiet: Quiet::These(&[
            TAIL_KEPT.id,
            KL_DIVERGENCE.id,
            TOKEN_OVERLAP.id,
            TOP1_AGREEMENT.id,
            AGREEMENT_RATIO.id,
            DISTRIBUTION_MATCH.id,
            DIVERSITY_KEPT.id,
            CHOICE_DIVERGENCE.id,
            ILLUSION_GAP.id,
        ]),
        named: &[FORGOTTEN.id],
    },
];

/// What is expected of a defect of this name; `None` of one that the table does not have.
#[must_use]
pub fn expected(defect: &str) -> Option<&'static Expected> {
    EXPECTED.iter().find(|expected| expected.defect == defect)
}

#[cfg(test)]
mod tests {
    use hydrometer_metrics::measure;

    use super::*;

    #[test]
    fn what_is_expected_names_metrics_that_exist() {
        for Expected { defect, fires, quiet, .. } in EXPECTED {
            let quiet = if let Quiet::These(metrics) = quiet { *metrics } else { &[] };
            for metric in fires.iter().chain(quiet) {
                assert!(measure::find(metric).is_some(), "{defect}: {metric}");
            }
            assert!(!fires.iter().any(|metric| quiet.contains(metric)), "{defect} cannot fire and stay quiet");
        }
    }
}
