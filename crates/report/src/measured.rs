//! Measured cost. It differs from run to run, therefore it is no part of the statement.

/// What the run cost on the machine it ran on.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Wall-clock seconds of the computation, interruptions left out.
    pub seconds: f64,
    /// Peak resident memory in bytes; `None` where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// What endpoints were paid, in words; `None` where none was asked.
    pub paid: Option<String>,
}

impl Measured {
    /// `12.4 s` or `3 min 05 s`.
    pub(crate) fn time(&self) -> String {
        if self.seconds < 60.0 {
            return format!("{:.1} s", self.seconds);
        }
        let whole = self.seconds.round() as u64;
        if whole < 3600 {
            format!("{} min {:02} s", whole / 60, whole % 60)
        } else {
            format!("{} h {:02} min", whole / 3600, whole % 3600 / 60)
        }
    }

    /// `4.2 GiB`, or why it is not known.
    pub(crate) fn memory(&self) -> String {
        match self.peak_memory_bytes {
            Some(bytes) if bytes >= 1 << 30 => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
            Some(bytes) => format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20)),
            None => "not reported by the system".into(),
        }
    }
}
