//! What is asked: probes, families, suites. Knows nothing about models, files of answers or statistics.

mod probe;

pub use probe::{Ask, Families, Probe, Suite};
