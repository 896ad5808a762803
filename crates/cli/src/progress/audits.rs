//! Progress of many small audits: a bar over them, or a line a minute where nobody watches it.

use std::time::{Duration, Instant};

use hydrometer_answers::{CostEntry, PartKind};
use hydrometer_ask::{Observer, PlanSummary};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::lines::Lines;
use super::tell;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;

/// The observer of all collections of a calibration.
pub struct Audits<'a> {
    terminal: &'a Terminal,
    interrupt: &'a Interrupt,
    bar: ProgressBar,
    lines: Option<(Lines, Instant)>,
}

impl<'a> Audits<'a> {
    /// Of so many audits, some of which were made earlier.
    pub fn new(terminal: &'a Terminal, interrupt: &'a Interrupt, audits: u64, before: u64) -> Self {
        interrupt.heeded();
        let live = terminal.live() && audits > before;
        let bar = if live {
            ProgressBar::with_draw_target(Some(audits), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos}/{len} audits  {msg}  {elapsed} gone, {eta} left")
        {
            bar.set_style(style.progress_chars("━━╌"));
        }
        bar.set_position(before);
        bar.reset_eta();
        if live {
            bar.enable_steady_tick(Duration::from_secs(1));
        }
        let lines = (!live).then(|| (Lines::new("audit", audits, before), Instant::now()));
        Self { terminal, interrupt, bar, lines }
    }

    /// The audit under way.
    pub fn begins(&self, defect: &str, seed: u64) {
        self.bar.set_message(format!("{defect}, seed {seed}"));
    }

    /// It is whole.
    pub fn done(&mut self) {
        self.bar.inc(1);
        tell(self.terminal, &mut self.lines, 1, "");
    }

    /// Takes the bar off the screen.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Audits<'_> {
    fn planned(&mut self, _: &PlanSummary) {}
    fn progress(&mut self, _: u64) {}
    fn sampled(&mut self, _: u64, _: u64) {}
    fn answered(&mut self, _: u64) {}
    fn spared(&mut self, _: u64) {}

    fn finished(&mut self, _: PartKind, _: u32) -> Option<CostEntry> {
        None
    }

    fn interrupted(&self) -> bool {
        self.interrupt.asked()
    }
}
