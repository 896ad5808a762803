//! Ctrl-C and SIGTERM: finish the block in flight, keep what is there, say how to go on.

use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::exit::Exit;
use crate::failure::Failure;

/// Set once the user asked to stop.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. The first signal asks to stop, the second one ends the process at once: a run folder
    /// survives that too.
    ///
    /// # Errors
    /// The operating system refused the handler.
    pub fn listen() -> Result<Self, Error> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: at the second signal the flag is already set.
            flag::register_conditional_shutdown(signal, Exit::Interrupted.code().into(), Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Self(asked))
    }

    /// Did the user ask to stop?
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Starts to listen for Ctrl-C.
///
/// # Errors
/// The operating system refused the handler.
pub fn listen() -> Result<Interrupt, Failure> {
    Interrupt::listen().map_err(|error| Failure::input(format!("cannot listen for Ctrl-C: {error}")))
}
