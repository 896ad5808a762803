//! Texts of two models that both stand behind servers: each lists its most probable tokens along a text and says how probable the
//! text's own are, and what they are to each other is bounded by both lists. Neither runs here, so a tokenizer that both agree with has
//! to be named: it cuts texts into windows and puts tokens into words.

use hydrometer_answers::{BoundedRow, ExcludedItem, LikelihoodRow, Part, PartKind, PlannedTokens, ScoredModel, part};
use hydrometer_metrics::sparse::{ListedDistribution, bounds};
use hydrometer_models::{ListedPosition, Lists, Model, ModelError, Sequence, Tokenizer};
use hydrometer_probes::Suite;
use hydrometer_probes::families::FamilySizes;
use rayon::prelude::*;

use super::likelihoods::row as likelihood;
use super::{Asking, Gates, Kind};
use crate::observer::{Ahead, Bought, Costs, Keep};
use crate::shared::ReadOtherwise;
use crate::units::Packing;
use crate::windows::{Cut, Window, families, windows};
use crate::{AskError, AskOptions, Models, Observer, Role};

/// Entries of output distributions that may be beyond the tokens of a tokenizer: models have rows for none, so that the number of rows
/// is a round one. They only widen bounds of entropies.
const PADDING: usize = 4_096;

/// Both models of a run, where both list tokens and neither shows its logits.
#[derive(Clone, Copy)]
pub(crate) struct Listing<'a> {
    pub tokenizer: &'a Tokenizer,
    lists: [(Role, &'a dyn Lists); 2],
}

impl<'a> Listing<'a> {
    /// The models of a run; `None` where one of them runs here, lists no tokens, or nobody said how they read texts.
    pub(crate) fn of(models: Models<'a>) -> Option<Listing<'a>> {
        let tokenizer = models.tokenizer?;
        let lists = [(Role::Teacher, models.teacher), (Role::Student, models.student)];
        let [teacher, student] = lists.map(|(role, model)| Some((role, lists_of(model)?)));
        Some(Listing { tokenizer, lists: [teacher?, student?] })
    }

    /// Whether nothing but a tokenizer is lacking.
    pub(crate) fn wants_a_tokenizer(models: Models<'_>) -> bool {
        models.tokenizer.is_none()
            && [models.teacher, models.student].into_iter().all(|model| lists_of(model).is_some())
    }

    /// In words, for the pairing of a run.
    pub(crate) fn pairing(&self) -> String {
        format!("both servers read texts as the named tokenizer does ({})", self.tokenizer.hash())
    }

    fn entries(&self) -> usize {
        self.tokenizer.len() + PADDING
    }
}

/// What a model lists that does not run here.
fn lists_of(model: &dyn Model) -> Option<&dyn Lists> {
    model.scores().is_none().then(|| model.lists().ok()).flatten()
}

/// The texts of a suite.
pub(crate) struct ListedTexts {
    units: Vec<Vec<Window>>,
    excluded: Vec<ExcludedItem>,
    /// What is paid for.
    ahead: Vec<(Role, Ahead)>,
}

impl ListedTexts {
    /// The windows of the texts that both servers read as the tokenizer does.
    ///
    /// # Errors
    /// A server fails, or reads no text as the tokenizer does: then it is not the model's.
    pub(crate) fn plan(
        listing: Listing<'_>,
        suite: &Suite,
        options: &AskOptions,
        packing: &Packing,
    ) -> Result<Self, AskError> {
        let tokenizer = listing.tokenizer;
        let unread = |error: ModelError| AskError::Tokenizer(error);
        let Cut { mut windows, mut excluded } = windows(tokenizer, suite, options.windowing()).map_err(unread)?;
        for (role, lists) in listing.lists {
            let differently = ReadOtherwise::of(role, suite, tokenizer, |text| lists.ids(text))?;
            differently.refuse_if_all(role)?;
            let differently = differently.texts;
            excluded.retain(|item| !differently.contains_key(&item.probe));
            windows.retain(|window| !differently.contains_key(&window.probe));
            excluded.extend(differently.iter().map(|(probe, byte)| {
                let reason = format!("the {role}'s server and the named tokenizer disagree on it from byte {byte} on");
                ExcludedItem::new(probe, reason)
            }));
        }
        // A window is a question of its own: what was paid for is kept before the next one is asked.
        let units = packing.pack(windows, options.n_ctx as usize, |w| &w.family, |w| w.tokens.len());
        Ok(Self { units, excluded, ahead: Vec::new() })
    }

    /// The families of the scored positions: the scale on which they are watched.
    pub(crate) fn families(&self, suite: &Suite) -> FamilySizes {
        families(self.units.iter().flatten(), &suite.probes)
    }
}

impl Kind for ListedTexts {
    fn part(&self) -> PartKind {
        part::Bounded::KIND
    }

    fn units(&self) -> usize {
        self.units.len()
    }

    fn excluded(&self) -> &[ExcludedItem] {
        &self.excluded
    }

    fn files(&self, units: u32) -> Vec<(PartKind, u32)> {
        [part::Bounded::KIND, part::Likelihoods::KIND].map(|kind| (kind, units)).into()
    }

    fn tokens(&self, unit: usize) -> PlannedTokens {
        let rows = self.units[unit].iter().map(|window| window.rows.len() as u64).sum();
        PlannedTokens { teacher_tokens: rows, student_tokens: rows, ..PlannedTokens::default() }
    }

    fn prepare(&mut self, asking: &Asking<'_>) -> Result<(), AskError> {
        let Some(listing) = Listing::of(asking.models) else { return Ok(()) };
        for ((role, lists), model) in listing.lists.into_iter().zip([asking.models.teacher, asking.models.student]) {
            let Some(answers) = model.answers().filter(|answers| answers.is_paid_for()) else { continue };
            let open = self.units.iter().enumerate().filter(|(unit, _)| !asking.run.has(self.part(), *unit as u32));
            let mut ahead = Ahead { what: Bought::Positions, ..Ahead::default() };
            for read in open.flat_map(|(_, windows)| windows).flat_map(|window| lists.questions(&window.sequence())) {
                ahead.answers += 1;
                ahead.read += read;
            }
            ahead.drawn = ahead.answers;
            ahead.money = answers.cost(ahead.read, ahead.drawn);
            self.ahead.extend((ahead.answers > 0).then_some((role, ahead)));
        }
        Ok(())
    }

    fn ahead(&self) -> &[(Role, Ahead)] {
        &self.ahead
    }

    fn run_unit(
        &mut self,
        unit: usize,
        asking: &Asking<'_>,
        _: Gates,
        observer: &mut dyn Observer,
    ) -> Result<(), AskError> {
        let lacks = || AskError::setting("tokenizer", "none", "that of both models, as when the run was planned");
        let listing = Listing::of(asking.models).ok_or_else(lacks)?;
        let windows = &self.units[unit];
        let sequences: Vec<Sequence> = windows.iter().map(Window::sequence).collect();
        let asked: Vec<&Sequence> = sequences.iter().collect();
        // What one server lists is worth nothing without the other's: none is paid for where both are not. Nobody else asks meanwhile,
        // so nothing has to stay set aside, and a question that costs more than expected waits for nothing.
        let of_both = listing.lists.map(|(role, lists)| lists.set_aside(&asked).map_err(role.failed()));
        of_both.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut found = Vec::with_capacity(listing.lists.len());
        for (role, lists) in listing.lists {
            asking.go_on(observer)?;
            found.push(lists.along(&asked).map_err(role.failed())?);
            observer.progress(windows.iter().map(|window| window.rows.len() as u64).sum());
            Costs::Run(asking.run).keep(Keep::IfMuch, observer)?;
        }
        let [of_teacher, of_student] = [&found[0], &found[1]];
        let mut rows: Vec<BoundedRow> = Vec::new();
        for ((window, teacher), student) in windows.iter().zip(of_teacher).zip(of_student) {
            rows.extend(bounded(window, listing, teacher, student)?);
        }
        let likelihoods = likelihoods(windows, [of_teacher, of_student]);
        // The unit counts as done once its positions are there: they are written last.
        let number = unit as u32;
        asking.run.write::<part::Likelihoods>(number, &likelihoods)?;
        asking.run.write::<part::Bounded>(number, &rows)?;
        asking.done(part::Bounded::KIND, number, observer)
    }
}

/// What both models give to the text of each window: probe by probe, the teacher first.
fn likelihoods(windows: &[Window], found: [&[Vec<ListedPosition>]; 2]) -> Vec<LikelihoodRow> {
    let models = [ScoredModel::Teacher, ScoredModel::Student];
    let mut rows = Vec::new();
    let mut start = 0;
    for of_probe in windows.chunk_by(|one, other| one.probe == other.probe) {
        let end = start + of_probe.len();
        for (model, found) in models.into_iter().zip(found) {
            let sum = |at: &Vec<ListedPosition>| at.iter().map(|at| f64::from(at.next.1)).sum();
            rows.extend(of_probe.iter().zip(&found[start..end]).map(|(window, at)| likelihood(window, model, sum(at))));
        }
        start = end;
    }
    rows
}

/// The positions of a window, from what both models list there.
fn bounded(
    window: &Window,
    listing: Listing<'_>,
    teacher: &[ListedPosition],
    student: &[ListedPosition],
) -> Result<Vec<BoundedRow>, AskError> {
    if teacher.len() != window.rows.len() || student.len() != window.rows.len() {
        let found = format!("lists at {} and {} positions", teacher.len(), student.len());
        return Err(window.failed(0, &format!("expected {}, found {found}", window.rows.len())));
    }
    let one = |(row, (teacher, student)): (usize, (&ListedPosition, &ListedPosition))| {
        let known = |role: Role, at: &ListedPosition| {
            let known = ListedDistribution::new(&at.listed, at.next, listing.entries());
            known.map_err(|error| window.failed(window.rows[row], &format!("the {role}'s server: {error}")))
        };
        let (teacher, student) = (known(Role::Teacher, teacher)?, known(Role::Student, student)?);
        let stats = bounds(&teacher, &student, listing.entries());
        let tokens = [stats.target, stats.teacher_top1, stats.student_top1];
        Ok(window.estimated(row, listing.tokenizer, tokens, stats))
    };
    teacher.par_iter().zip(student).enumerate().map(one).collect()
}
