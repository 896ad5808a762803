//! Exit codes: part of the interface, described in docs/exit-codes.md and kept by a test.

use std::process::ExitCode;

use hydrometer_metrics::Verdict;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The job is done; where a gate was asked, it passed.
    Done,
    /// A gate failed.
    GateFailed,
    /// Wrong usage or bad input; nothing was asked of a model.
    BadInput,
    /// A gate is undecided.
    NotEnoughEvidence,
    /// A model failed while it answered, or the disk is full; what was collected is kept.
    ModelFailed,
    /// A bug in hydrometer (`EX_SOFTWARE` of sysexits.h).
    Bug,
    /// Stopped by a signal; what was collected is kept.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::GateFailed => 1,
            Self::BadInput => 2,
            Self::NotEnoughEvidence => 3,
            Self::ModelFailed => 4,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Done,
            Verdict::Fail => Self::GateFailed,
            Verdict::NotEnoughEvidence => Self::NotEnoughEvidence,
        }
    }
}
