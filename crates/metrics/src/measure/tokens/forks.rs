//! Numbers of positions where the teacher hesitates most.

use super::super::definition::{Definition, Text};
use super::{KL_DIVERGENCE, TAIL_KEPT, TOKEN_OVERLAP, TOP1_AGREEMENT};

/// KL divergence at forks.
pub static FORK_KL_DIVERGENCE: Definition = KL_DIVERGENCE.at_forks(
    "fork_kl_divergence",
    Text {
        page: "kl_divergence",
        name: "KL divergence at forks",
        unit: "nats per token",
        what: "The KL divergence where the teacher hesitates most and the text could really go several ways. Taken on the 20 % of positions where the teacher's entropy is largest.",
        misleads: "Forks of a noisy text are its typos and names as well as its decisions.",
        formula: "kl_divergence over the positions with H(p) in the top fifth",
        source: "Kullback and Leibler, On Information and Sufficiency (1951); Wang et al., arXiv:2506.01939 (forking tokens)",
    },
);

/// Tail kept at forks.
pub static FORK_TAIL_KEPT: Definition = TAIL_KEPT.at_forks(
    "fork_tail_kept",
    Text {
        page: "tail_kept",
        name: "Tail kept at forks",
        unit: "",
        what: "Tail kept where the teacher hesitates most. Taken on the 20 % of positions where the teacher's entropy is largest.",
        misleads: "Most of the tail's mass lies at forks anyway, so this stays close to tail kept unless the student fails precisely there.",
        formula: "tail_kept over the positions with H(p) in the top fifth",
        source: "hydrometer",
    },
);

/// Token overlap at forks.
pub static FORK_TOKEN_OVERLAP: Definition = TOKEN_OVERLAP.at_forks(
    "fork_token_overlap",
    Text {
        page: "token_overlap",
        name: "Token overlap at forks",
        unit: "",
        what: "Token overlap where the teacher hesitates most. Taken on the 20 % of positions where the teacher's entropy is largest.",
        misleads: "Naturally lower than the overall value: compare it with the floor at forks, not with token overlap.",
        formula: "token_overlap over the positions with H(p) in the top fifth",
        source: "Leviathan, Kalman and Matias, arXiv:2211.17192",
    },
);

/// Top-1 agreement at forks.
pub static FORK_TOP1_AGREEMENT: Definition = TOP1_AGREEMENT.at_forks(
    "fork_top1_agreement",
    Text {
        page: "top1_agreement",
        name: "Top-1 agreement at forks",
        unit: "",
        what: "Top-1 agreement where the teacher hesitates most. Taken on the 20 % of positions where the teacher's entropy is largest.",
        misleads: "Small differences flip near-ties here; numerical noise alone moves it.",
        formula: "top1_agreement over the positions with H(p) in the top fifth",
        source: "Stanton et al., arXiv:2106.05945",
    },
);
