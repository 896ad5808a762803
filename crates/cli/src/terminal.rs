//! Where text goes: stdout is data, stderr is talk. The only module that prints.

use std::io::{ErrorKind, IsTerminal, Write};

use clap::ValueEnum;
use hydrometer_report::{Color as Paint, Measured, TerminalOptions, printable};

use crate::failure::Failure;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// When the stream is a terminal and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Both streams and what may be done with them.
pub struct Terminal {
    colored_stdout: bool,
    colored_stderr: bool,
    /// Columns of stdout; pages that go to a file are 100 wide.
    width: usize,
    quiet: bool,
    live: bool,
    /// Whoever read stdout went away: the job goes on, its exit code counts.
    closed: bool,
}

impl Terminal {
    /// Looks at the streams and the environment once.
    pub fn new(color: Color, quiet: bool) -> Self {
        let (stdout, stderr) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Self {
            colored_stdout: colored(color, stdout),
            colored_stderr: colored(color, stderr),
            width: terminal_size::terminal_size().filter(|_| stdout).map_or(100, |(width, _)| width.0.into()),
            quiet,
            live: stderr && !quiet,
            closed: false,
        }
    }

    /// How a page for stdout is laid out: its width, its colours, and what is said at its end.
    pub fn page<'a>(&self, files: &'a [(&'a str, String)], measured: Option<Measured>) -> TerminalOptions<'a> {
        TerminalOptions { width: self.width, color: paint(self.colored_stdout), files, measured }
    }

    /// Is somebody watching stderr, so that a progress bar makes sense?
    pub fn live(&self) -> bool {
        self.live
    }

    /// Data. What a file smuggled in to act on the terminal is shown instead; JSON must have come through
    /// `printable_json`, which keeps its value.
    ///
    /// # Errors
    /// Stdout cannot be written; a reader that went away is not an error.
    pub fn data(&mut self, text: &str) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let text = printable(text, paint(self.colored_stdout));
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Failure::input(format!("cannot write to stdout: {error}"))),
        }
    }

    /// Data that is one line or more, without its last line break.
    ///
    /// # Errors
    /// As [`Terminal::data`].
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.data(&format!("{text}\n"))
    }

    /// Talk: what is happening. Silent with `--quiet`.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            talk("", text);
        }
    }

    /// Talk that `--quiet` does not silence.
    pub fn warn(&self, text: &str) {
        talk(&self.label("warning:", "33"), text);
    }

    /// Says why the command failed.
    pub fn fail(&self, failure: &Failure) {
        talk(&self.label("error:", "31"), &failure.message);
        for hint in &failure.hints {
            talk(&self.label("hint:", "36"), hint);
        }
    }

    fn label(&self, word: &str, color: &str) -> String {
        if self.colored_stderr { format!("\u{1b}[1;{color}m{word}\u{1b}[0m ") } else { format!("{word} ") }
    }
}

fn colored(color: Color, terminal: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

fn paint(colored: bool) -> Paint {
    if colored { Paint::Always } else { Paint::Never }
}

/// Words on stderr after a label of ours. Nobody can be told that stderr is closed, so that is ignored.
fn talk(label: &str, text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{label}{}", printable(text, Paint::Never));
}

/// A panic is our mistake: says so in the form of every other error, without a backtrace. One in other people's code on
/// a stranger's file is no bug, and becomes an error that names the file.
pub fn report_panics_as_bugs() {
    std::panic::set_hook(Box::new(|panic| {
        if hydrometer_probes::strangers::is_contained() {
            return;
        }
        let message = panic
            .payload()
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.payload().downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        let place = panic.location().map_or_else(String::new, |at| format!(" ({}:{})", at.file(), at.line()));
        talk("error: ", &format!("this is a bug in hydrometer: {message}{place}"));
        talk("hint: ", "please report it with this line, the command and `hydrometer --version`");
    }));
}
