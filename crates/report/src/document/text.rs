//! A line of text whose parts say what they are.

/// What a part of a text is. A format decides how that looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Words of the report or of the statement.
    Words,
    /// Text of a model, a probe, a file or a user: isolated from its surroundings.
    Foreign,
    /// Beside the point.
    Quiet,
    /// What must not be overlooked.
    Strong,
    /// Not said by a model, but in its place: `no answer`.
    Stated,
    /// A word of a program.
    Code,
    /// A hash.
    Hash,
    /// A short label in front of what it labels.
    Tag,
    /// An interval beside its value.
    Range,
    /// A token with visible spaces.
    Piece,
    /// The text in front of a token.
    Before,
    /// A reference to an anchor of the page.
    Link(String),
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) style: Style,
    pub(crate) text: String,
}

/// A text in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Vec<Span>);

impl Text {
    /// A text of one part.
    pub(crate) fn of(style: Style, text: impl Into<String>) -> Self {
        Self::default().and(style, text)
    }

    /// Text of a model, a probe, a file or a user.
    pub(crate) fn foreign(text: impl Into<String>) -> Self {
        Self::of(Style::Foreign, text)
    }

    /// With one more part; spaces between parts are the caller's.
    pub(crate) fn and(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push(Span { style, text: text.into() });
        self
    }

    /// With more words.
    pub(crate) fn words(self, text: impl Into<String>) -> Self {
        self.and(Style::Words, text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::of(Style::Words, text)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::of(Style::Words, text)
    }
}
