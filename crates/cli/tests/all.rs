//! Tests of the binary, as people run it. One program: linking one for each file took longer than the tests.

mod answers;
mod batches;
mod bfcl;
mod budgets;
mod calibrate;
mod canaries;
mod collect_data;
mod demo;
mod distill;
mod distill_listed;
mod distill_served;
mod distributions;
mod distributions_served;
mod edges;
mod endpoints;
mod episodes;
mod gemini;
mod help;
mod hostile;
mod judge;
mod label;
mod letters;
mod letters_boundaries;
mod listed;
mod listed_answers;
mod load;
mod mistakes;
mod once;
mod proxies;
mod quantize;
mod radius;
mod refused;
mod replay;
mod runs;
#[path = "../../models/tests/batches/served.rs"]
#[allow(dead_code, reason = "shared with the tests of batches")]
mod served;
mod shift;
mod shown;
mod stored;
mod support;
#[path = "support/teaching.rs"]
mod teaching;
mod threads;
mod tls;
mod trajectories;
mod unanswered;
