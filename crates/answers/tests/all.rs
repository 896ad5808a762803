//! Tests of the run folder, the stores and the readers of other tools' logs. One program: linking one for each file took longer than the tests.

mod cache_samples;
mod damage;
mod forged;
mod journal;
mod llama_kld;
mod logged;
mod logged_doubts;
mod logged_harness;
mod logged_tables;
mod logged_verdicts;
mod lost;
mod rows;
mod run_folder;
mod samples;
mod sparse;
mod store;
mod support;
mod teacher_cache;
mod trajectories;
mod versions;
