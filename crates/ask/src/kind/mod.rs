//! Kinds of questions, one file each: what of a suite it asks, cut into units, and how one unit is asked and written.
//! A new kind is a new file here and a line in [`beside_texts`].

pub(crate) mod answered;
pub(crate) mod choices;
pub(crate) mod episodes;
pub(crate) mod likelihoods;
pub(crate) mod listed;
mod playing;
pub(crate) mod prompts;
pub(crate) mod shown;
pub(crate) mod texts;

use std::path::Path;

use hydrometer_answers::{DifferentPrompts, ExcludedItem, PartKind, PlannedTokens, RunFolder};
use hydrometer_probes::Suite;

use crate::shared_store::SharedStore;
use crate::units::{Packing, pack};
use crate::{Ahead, AskError, AskOptions, Models, Observer, Role};

/// One kind of question, with the units of one run. A unit is what one part file holds and what an interruption may
/// lose.
pub(crate) trait Kind {
    /// The part that a unit leaves last: with it the unit counts as done.
    fn part(&self) -> PartKind;

    /// Number of units.
    fn units(&self) -> usize;

    /// Probes of this kind that cannot be asked, and why.
    fn excluded(&self) -> &[ExcludedItem];

    /// Probes that teacher and student read as different texts; `None` when there are none.
    fn rendered_differently(&self) -> Option<&DifferentPrompts> {
        None
    }

    /// Files that so many units leave, by part.
    fn files(&self, units: u32) -> Vec<(PartKind, u32)>;

    /// Tokens that a unit scores; sampled tokens are not known beforehand.
    fn tokens(&self, unit: usize) -> PlannedTokens {
        let _ = unit;
        PlannedTokens::default()
    }

    /// Free answers that a unit wants.
    fn answers(&self, unit: usize) -> u64 {
        let _ = unit;
        0
    }

    /// The tokens of those, if each is as long as it may be.
    fn longest(&self, unit: usize) -> PlannedTokens {
        let _ = unit;
        PlannedTokens::default()
    }

    /// Letters that are drawn for each order of a choice, where a model is asked for letters.
    fn letters(&self) -> Option<u32> {
        None
    }

    /// Answers to each prompt that are listed token by token, where there are any.
    fn listed_answers(&self) -> Option<u32> {
        None
    }

    /// Whether its units are asked although the gates that read them are decided.
    fn goes_on(&self) -> bool {
        false
    }

    /// Looks whether the units that are still to be asked can be, before the first of any kind is.
    fn prepare(&mut self, asking: &Asking<'_>) -> Result<(), AskError> {
        let _ = asking;
        Ok(())
    }

    /// Its answers that will be paid for, once it is prepared.
    fn ahead(&self) -> &[(Role, Ahead)] {
        &[]
    }

    /// Asks one unit and writes its parts, the one of [`Kind::part`] last.
    fn run_unit(
        &mut self,
        unit: usize,
        asking: &Asking<'_>,
        gates: Gates,
        observer: &mut dyn Observer,
    ) -> Result<(), AskError>;
}

/// What a suite asks beside its texts, kind by kind, in the order in which it is asked.
pub(crate) fn beside_texts(
    models: Models<'_>,
    suite: &Suite,
    options: &AskOptions,
    packing: &Packing,
) -> Result<Vec<Box<dyn Kind>>, AskError> {
    let store = SharedStore::default();
    Ok(vec![
        Box::new(choices::Choices::plan(models, suite, options, packing, store.clone())?),
        Box::new(prompts::Prompts::plan(models, suite, options, packing, store.clone())?),
        Box::new(episodes::Episodes::plan(models, suite, options, packing, store.clone())?),
        Box::new(answered::AnsweredPrompts::plan(models, suite, options, store)?),
    ])
}

/// Where the gates that read a kind stand when its unit is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gates {
    /// They want more, or there are none.
    Open,
    /// They are decided.
    Decided,
}

/// One collection under way.
pub(crate) struct Asking<'a> {
    pub models: Models<'a>,
    pub run: &'a RunFolder,
    pub folder: &'a Path,
    pub options: &'a AskOptions,
}

impl Asking<'_> {
    /// Goes on unless the observer wants to stop.
    pub(crate) fn go_on(&self, observer: &dyn Observer) -> Result<(), AskError> {
        if observer.interrupted() { Err(self.interrupted()) } else { Ok(()) }
    }

    pub(crate) fn interrupted(&self) -> AskError {
        AskError::Interrupted(self.folder.to_owned())
    }

    /// Keeps what a unit cost.
    pub(crate) fn done(&self, kind: PartKind, unit: u32, observer: &mut dyn Observer) -> Result<(), AskError> {
        match observer.finished(kind, unit) {
            Some(cost) => Ok(self.run.append_cost(&cost)?),
            None => Ok(()),
        }
    }

    /// Items in stretches of at most a block of tokens: a family larger than a block is one unit all the same.
    pub(crate) fn blocks<'i, T>(&self, items: &'i [T], size: impl Fn(&T) -> usize) -> Vec<&'i [T]> {
        let blocks = pack((0..items.len()).collect(), self.options.block_tokens as usize, |&item| size(&items[item]));
        let stretch = |block: Vec<usize>| Some(&items[*block.first()?..*block.last()? + 1]);
        blocks.into_iter().filter_map(stretch).collect()
    }
}
