//! Where something is shown.

/// A kind of format by the room that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    /// The HTML file: everything.
    Page,
    /// The comment on a pull request: what decides.
    Comment,
    /// The terminal: what decides, in few columns.
    Terminal,
}

/// The media in which something is shown.
pub(crate) type On = &'static [Medium];

pub(crate) const EVERYWHERE: On = &[Medium::Page, Medium::Comment, Medium::Terminal];
pub(crate) const PAGE: On = &[Medium::Page];
pub(crate) const COMMENT: On = &[Medium::Comment];
pub(crate) const TERMINAL: On = &[Medium::Terminal];
pub(crate) const SHORT: On = &[Medium::Comment, Medium::Terminal];
pub(crate) const PAGE_AND_COMMENT: On = &[Medium::Page, Medium::Comment];
pub(crate) const PAGE_AND_TERMINAL: On = &[Medium::Page, Medium::Terminal];
