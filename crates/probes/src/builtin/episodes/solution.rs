//! A right solution played in its world: all that is said, called and answered, for a student to learn from.

use super::{MISSING, Solved, parallel};
use crate::Ask;
use crate::world::{Call, Event, Running, Said, Transcript};

/// What is said when a turn is done, and when it lacks something.
const DONE: &str = "Done.";
const ASKS: &str = "One value is missing. Which is it?";
/// A fault happens once: whoever calls again gets through.
const ATTEMPTS: usize = 2;

impl Solved {
    /// The conversation of one who solves it; `None` where the probe is no episode, or the calls do not solve it.
    #[must_use]
    pub fn transcript(&self) -> Option<Transcript> {
        let Ask::Episode(episode) = &self.probe.ask else { return None };
        let mut running = Running::start(episode);
        let at_once = self.probe.tags.iter().any(|tag| tag == parallel::TAG);
        for (turn, calls) in self.calls.iter().enumerate() {
            let answers: Vec<&[Call]> = if at_once { vec![calls] } else { calls.chunks(1).collect() };
            for calls in answers {
                for _ in 0..ATTEMPTS {
                    running.answer(called(calls));
                    if !matches!(running.events().last(), Some(Event::World(result)) if result.fault.is_some()) {
                        break;
                    }
                }
            }
            let asks = turn + 1 < self.calls.len() && self.probe.tags.iter().any(|tag| tag == MISSING);
            let words = if asks { ASKS } else { DONE };
            running.answer(Said { text: words.to_owned(), calls: Vec::new(), malformed: None });
        }
        running.outcome().success.then(|| running.transcript())
    }
}

fn called(calls: &[Call]) -> Said {
    Said { text: String::new(), calls: calls.to_vec(), malformed: None }
}
