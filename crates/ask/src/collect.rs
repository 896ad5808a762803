//! Asks what was planned, unit by unit, and leaves a run folder. Nothing dense is stored: logits live for one chunk of
//! rows.

use std::path::Path;

use hydrometer_answers::{RunFolder, StopRule, Wanted};

use crate::kind::{Asking, Gates};
use crate::observer::{Costs, Keep};
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
    for (role, ahead) in plan.kinds.iter().flat_map(|kind| kind.ahead()) {
        observer.will_pay(*role, *ahead);
    }
    observer.planned(&plan.summary(&run));
    let asked = units(&mut plan, &mut stop, &run, observer);
    if asked.is_err() {
        // What was paid for a unit that is not there counts, too.
        Costs::Run(&run).keep(Keep::Always, observer)?;
    }
    let asked = asked?;
    match plan.stopped(&asked) {
        Some(stopped) if stop.is_some() => run.finish_early(stopped)?,
        _ => run.finish()?,
    }
    Ok(run)
}

/// Asks unit by unit; how many of each kind were.
fn units(
    plan: &mut Plan<'_>,
    stop: &mut Option<&mut dyn StopRule>,
    run: &RunFolder,
    observer: &mut dyn Observer,
) -> Result<Vec<usize>, AskError> {
    let folder = run.path();
    let mut asked = vec![0; plan.kinds.len()];
    loop {
        let before = asked.clone();
        for (place, kind) in plan.kinds.iter_mut().enumerate() {
            while asked[place] < kind.units() {
                let part = kind.part();
                let wanted = stop.as_ref().map_or(Wanted::Now, |rule| rule.wants(part));
                // What no gate waits for is not asked, but for a kind that goes on without the teacher for the sake of gates
                // that read it.
                let goes_on = || kind.goes_on() && stop.as_ref().is_some_and(|rule| rule.watches(part));
                let gates = match wanted {
                    Wanted::Now => Gates::Open,
                    Wanted::No if goes_on() => Gates::Decided,
                    Wanted::No | Wanted::Later => break,
                };
                let unit = asked[place];
                if !run.has(part, unit as u32) {
                    let asking = Asking { models: plan.models, run, folder, options: plan.options };
                    kind.run_unit(unit, &asking, gates, observer)?;
                }
                asked[place] += 1;
                // Also what an earlier process asked: a run that resumes arrives at the same verdicts.
                let Some(rule) = stop else { continue };
                rule.read(run, part, unit as u32).map_err(AskError::StopRule)?;
                // Where a run may stop before it has asked everything the kinds take turns.
                break;
            }
        }
        if asked == before {
            break;
        }
    }
    Ok(asked)
}
