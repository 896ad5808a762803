//! Runs of episodes: what was said, called and answered, whole, and what it came to.

use hydrometer_probes::Ask;
use hydrometer_probes::world::{Ending, Outcome, Transcript};

use super::{AskedProbe, Columns, Part, PartKind, PartRow, Row, SampleSource, Word, column};
use crate::parquet_io::row::known_word;

/// Runs of episodes.
#[derive(Clone, Copy, Debug)]
pub enum Episodes {}

impl Part for Episodes {
    const KIND: PartKind = PartKind::new("episodes");
    const VERSION: u32 = 1;
    type Row = EpisodeRow;
}

impl Word for Ending {
    fn word(&self) -> &'static str {
        self.name()
    }

    fn read(&mut self, found: &str) -> Result<(), String> {
        *self = known_word(&Ending::ALL, Ending::name, found)?;
        Ok(())
    }
}

/// One run of an episode. The numbers follow from the transcript: a row whose numbers are not those of its transcript,
/// played again in the world of its probe, is refused. A trajectory has no world: its success is what its log said, and the
/// other numbers are counted in its transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeRow {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// Who acted.
    pub source: SampleSource,
    /// Run of that source, from 0.
    pub run: u32,
    /// All that happened, as [`Transcript::to_json`] writes it.
    pub transcript: String,
    /// How it ended.
    pub ending: Ending,
    /// Whether the goal was reached, nothing damaged and no turn violated.
    pub success: bool,
    /// Answers of the model.
    pub steps: u32,
    /// Turns of the user that were said.
    pub turns: u32,
    /// Calls that the world looked at.
    pub calls: u32,
    /// Answers that looked like a call and were none.
    pub malformed: u32,
    /// Calls of tools that are not there, or with arguments that are refused.
    pub invalid: u32,
    /// Calls that failed by a rule or a fault.
    pub failed: u32,
    /// Failing calls in the very words of an earlier failing one.
    pub repeated: u32,
    /// Faults that happened.
    pub faults: u32,
    /// Places in the state that were changed and should not have been.
    pub damage: u32,
    /// The first turn, from 1, that was violated; 0 where none was.
    pub violated: u32,
}

impl EpisodeRow {
    /// The row of one run.
    pub fn new(
        probe: &str,
        family: &str,
        (source, run): (SampleSource, u32),
        transcript: &Transcript,
        outcome: &Outcome,
    ) -> EpisodeRow {
        EpisodeRow {
            probe: probe.to_owned(),
            family: family.to_owned(),
            source,
            run,
            transcript: transcript.to_json(),
            ending: outcome.ending,
            success: outcome.success,
            steps: outcome.steps,
            turns: outcome.turns,
            calls: outcome.calls,
            malformed: outcome.malformed,
            invalid: outcome.invalid,
            failed: outcome.failed,
            repeated: outcome.repeated,
            faults: outcome.faults,
            damage: outcome.damage.len() as u32,
            violated: outcome.violated.unwrap_or(0),
        }
    }

    /// Whether it succeeded although something had gone wrong; `None` where nothing did.
    pub fn recovered(&self) -> Option<bool> {
        (self.faults > 0).then_some(self.success)
    }
}

impl Row for EpisodeRow {
    fn blank() -> Self {
        EpisodeRow {
            probe: String::new(),
            family: String::new(),
            source: SampleSource::Teacher,
            run: 0,
            transcript: String::new(),
            ending: Ending::Done,
            success: false,
            steps: 0,
            turns: 0,
            calls: 0,
            malformed: 0,
            invalid: 0,
            failed: 0,
            repeated: 0,
            faults: 0,
            damage: 0,
            violated: 0,
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(column("probe"), &mut self.probe);
        columns.text(column("family"), &mut self.family);
        columns.word(column("source"), &mut self.source);
        columns.u32(column("run"), &mut self.run);
        columns.text(column("transcript"), &mut self.transcript);
        columns.word(column("ending"), &mut self.ending);
        columns.bool(column("success"), &mut self.success);
        columns.u32(column("steps"), &mut self.steps);
        columns.u32(column("turns"), &mut self.turns);
        columns.u32(column("calls"), &mut self.calls);
        columns.u32(column("malformed"), &mut self.malformed);
        columns.u32(column("invalid"), &mut self.invalid);
        columns.u32(column("failed"), &mut self.failed);
        columns.u32(column("repeated"), &mut self.repeated);
        columns.u32(column("faults"), &mut self.faults);
        columns.u32(column("damage"), &mut self.damage);
        columns.u32(column("violated"), &mut self.violated);
    }
}

impl PartRow for EpisodeRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [self.source as u64, u64::from(self.run)]
    }

    fn check(&self, asked: &AskedProbe<'_>) -> Option<String> {
        if let Some(what) = asked.not_its_family(&self.family) {
            return Some(what);
        }
        let kept = Transcript::from_json(&self.transcript);
        let played = match &asked.probe().ask {
            Ask::Episode(episode) => {
                kept.and_then(|transcript| transcript.replay(episode).map(|outcome| (transcript, outcome)))
            }
            // There is no world to play it in: success is what its log said.
            Ask::Trajectory(_) => kept.map(|transcript| {
                let outcome = transcript.as_logged(self.success);
                (transcript, outcome)
            }),
            _ => return Some(asked.not_a("episode")),
        };
        let (transcript, outcome) = match played {
            Ok(played) => played,
            Err(what) => return Some(format!("transcript of probe {:?}: {what}", self.probe)),
        };
        let expected = EpisodeRow::new(&self.probe, &self.family, (self.source, self.run), &transcript, &outcome);
        (*self != expected).then(|| {
            let id = &self.probe;
            format!("the numbers of probe {id:?} are not those of its transcript, played again")
        })
    }
}
