//! Asks what was planned, unit by unit, and leaves a run folder. Nothing dense is stored: logits live for one chunk of
//! rows.

use std::collections::BTreeMap;
use std::path::Path;

use hydrometer_answers::{RunFolder, StopRule};

use crate::kind::{Asking, Gates};
use crate::{AskError, Observer, Plan};

/// Asks everything in the plan and fills `folder`; continues a run that was interrupted. With a stop rule, kinds of
/// questions that it does not wait for are left out.
///
/// # Errors
/// A model fails, the folder belongs to another run or cannot be written, the stop rule cannot read the evidence, or the
/// observer interrupts. What was collected is kept: the same call continues.
pub fn collect(
    mut plan: Plan<'_>,
    mut stop: Option<&mut dyn StopRule>,
    folder: &Path,
    observer: &mut dyn Observer,
) -> Result<RunFolder, AskError> {
    let run = RunFolder::create_or_resume(folder, plan.manifest(), &plan.suite().probes)?;
    for kind in &mut plan.kinds {
        kind.prepare(&Asking { models: plan.models, run: &run, folder, options: plan.options })?;
    }
    observer.planned(&plan.summary(&run));
    let mut asked: BTreeMap<usize, u32> = BTreeMap::new();
    for (place, unit) in plan.order() {
        let asking = Asking { models: plan.models, run: &run, folder, options: plan.options };
        let kind = &mut plan.kinds[place];
        let part = kind.part();
        let gates = match &stop {
            Some(rule) if !rule.waits_for(part) => Gates::Decided,
            _ => Gates::Open,
        };
        // What no gate waits for is not asked, but for a kind that goes on without the teacher for the sake of gates that
        // read it.
        let goes_on = || kind.goes_on() && stop.as_ref().is_some_and(|rule| rule.watches(part));
        if gates == Gates::Decided && !goes_on() {
            continue;
        }
        if !run.has(part, unit as u32) {
            kind.run_unit(unit, &asking, gates, observer)?;
        }
        *asked.entry(place).or_default() += 1;
        // Also what an earlier process asked: a run that resumes arrives at the same verdicts.
        if let Some(rule) = &mut stop {
            rule.read(&run, part, unit as u32).map_err(AskError::StopRule)?;
        }
    }
    match plan.stopped(&asked) {
        Some(stopped) if stop.is_some() => run.finish_early(stopped)?,
        _ => run.finish()?,
    }
    Ok(run)
}
