//! Tests of asking: from models to statements. One program: linking one for each file took longer than the tests.

mod answers;
mod audits;
mod claims;
#[path = "support/clerk.rs"]
mod clerk;
mod compared_reach;
mod control;
mod deciding;
mod deciding_rings;
mod deployment;
mod episodes;
mod narrowed;
mod paired_draws;
mod planted_episodes;
mod planted_judgment;
mod planted_truth;
mod radius;
mod red_team;
mod support;
mod teacher_cache;
mod text_only;
mod together;
mod trained_to;
