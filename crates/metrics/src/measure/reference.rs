//! What a number is set beside.

/// What the number that a metric is read against is to a student's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// No student can be asked for less: the noise of a divergence.
    Floor,
    /// No student can be asked for more.
    Ceiling,
    /// What the teacher has, which a student may pass on either side.
    Own,
}

impl Reference {
    /// The word for it; empty where the heading says all.
    pub fn word(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ceiling => "ceiling",
            Self::Own => "",
        }
    }
}
