//! What stands where in a run folder.

/// Format version of the run folder; a breaking change raises the number.
pub const FORMAT: &str = "hydrometer.run/1";

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const PROBES: &str = "probes.jsonl";
pub(super) const COST: &str = "cost.jsonl";
pub(super) const LEDGER: &str = "paid.jsonl";
pub(super) const CHECKS: &str = "checks.json";
pub(super) const CANARIES: &str = "canaries.json";
pub(super) const FINISHED: &str = "finished.json";
pub(super) const STATEMENT: &str = "statement.json";
pub(super) const JUDGE: &str = "judge.json";
pub(super) const REPORT: &str = "report.html";
pub(super) const LOCK: &str = "hydrometer.lock";
pub(super) const PARTS: &str = "parts";
