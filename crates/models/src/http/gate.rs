//! How many questions are under way at once: fewer when the server has too much to do, more again as it answers.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Clock;

/// Longest wait between two looks at whether it is closed.
const LOOK: Duration = Duration::from_millis(100);

/// A door that lets so many in at once.
pub(super) struct Gate {
    most: f64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    limit: f64,
    inside: usize,
    halvings: u64,
    closed: bool,
}

/// That one is inside: which halvings it has seen.
pub(super) struct Ticket(u64);

/// How it went for one that was inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// The server answered.
    Served,
    /// The server has too much to do.
    Overloaded,
    /// Something that says nothing about it.
    Neither,
}

impl Gate {
    /// A gate for at most so many at once.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        let state = State { limit: most, inside: 0, halvings: 0, closed: false };
        Self { most, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place; `None` once the gate is closed.
    pub(super) fn enter(&self) -> Option<Ticket> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if (state.inside as f64) < state.limit.floor() {
                state.inside += 1;
                return Some(Ticket(state.halvings));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives the place back. Those that were refused together halve the limit once.
    pub(super) fn leave(&self, ticket: &Ticket, load: Load) {
        let mut state = self.state();
        state.inside -= 1;
        match load {
            Load::Overloaded if ticket.0 == state.halvings => {
                state.limit = (state.limit / 2.0).max(1.0);
                state.halvings += 1;
            }
            Load::Served => state.limit = (state.limit + 1.0 / state.limit).min(self.most),
            Load::Overloaded | Load::Neither => {}
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Whether it is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Waits outside, no longer than until the gate closes.
    pub(super) fn pause(&self, time: Duration, clock: &dyn Clock) {
        let mut left = time;
        while !left.is_zero() && !self.is_closed() {
            let step = left.min(LOOK);
            clock.wait(step);
            left -= step;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn limit(gate: &Gate) -> usize {
        gate.state().limit.floor() as usize
    }

    #[test]
    fn refusals_halve_it_once_and_answers_open_it_again() {
        let gate = Gate::new(8);
        let together: Vec<_> = (0..8).map(|_| gate.enter().unwrap()).collect();
        together.iter().for_each(|ticket| gate.leave(ticket, Load::Overloaded));
        assert_eq!(limit(&gate), 4, "eight refusals of one moment");
        let next = gate.enter().unwrap();
        gate.leave(&next, Load::Overloaded);
        assert_eq!(limit(&gate), 2);
        for _ in 0..10 {
            let ticket = gate.enter().unwrap();
            gate.leave(&ticket, Load::Overloaded);
        }
        assert_eq!(limit(&gate), 1, "one is always let in");
        for _ in 0..100 {
            let ticket = gate.enter().unwrap();
            gate.leave(&ticket, Load::Served);
        }
        assert_eq!(limit(&gate), 8, "and never more than at first");
    }

    #[test]
    fn closed_it_lets_nobody_in() {
        let gate = Gate::new(1);
        let ticket = gate.enter().unwrap();
        gate.close();
        assert!(gate.enter().is_none());
        gate.leave(&ticket, Load::Neither);
        assert!(gate.enter().is_none());
    }
}
