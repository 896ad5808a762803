//! Many questions under way at once: each is asked by one of a few threads, and what comes is handed over one by one.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::address::Address;
use super::asking::Failed;
use super::gate::Gate;
use crate::ModelError;

/// Time without an answer after which somebody is asked whether to go on.
const TICK: Duration = Duration::from_millis(250);

/// Asks `jobs` questions, at most `width` at once, and hands over what comes: the number of the question with its answer, or nothing
/// from time to time. `Break` ends early; whatever ends it, answers that are under way are waited for and handed over.
///
/// # Errors
/// The first question that fails.
pub(super) fn ask_all<T: Send>(
    jobs: usize,
    width: usize,
    address: &Address,
    one: &(dyn Fn(usize, &Gate) -> Result<T, Failed> + Sync),
    each: &mut dyn FnMut(Option<(usize, T)>) -> ControlFlow<()>,
) -> Result<(), ModelError> {
    let (gate, next) = (Gate::new(width), AtomicUsize::new(0));
    // An answer is handed over before its thread asks again: where keeping them is slower than asking, none pile up unkept.
    let (sender, arrived) = sync_channel(0);
    let mut failed = None;
    thread::scope(|scope| {
        for _ in 0..width.min(jobs) {
            let (sender, gate, next) = (sender.clone(), &gate, &next);
            scope.spawn(move || {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= jobs {
                        break;
                    }
                    let reply = one(job, gate);
                    let is_last = reply.is_err();
                    if sender.send((job, reply)).is_err() || is_last {
                        break;
                    }
                }
            });
        }
        drop(sender);
        loop {
            let step = match arrived.recv_timeout(TICK) {
                Ok((job, Ok(reply))) => Some((job, reply)),
                Ok((_, Err(why))) => {
                    failed = failed.take().or_else(|| why.of(address));
                    gate.close();
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if each(step).is_break() {
                gate.close();
            }
        }
    });
    failed.map_or(Ok(()), Err)
}
