//! A scored position where one model's distribution is known in part: the row of every part whose numbers are estimates.

use std::fmt;

use super::{AskedProbe, Columns, PartRow, Row, column};

/// What is estimated at a position.
pub trait EstimatedStats: Clone + PartialEq + fmt::Debug {
    /// To be filled from a file.
    fn blank() -> Self;
    /// Its columns, with what they may hold.
    fn columns(&mut self, columns: &mut dyn Columns);
    /// What they may not say together, as a lower-case fragment.
    fn fault(&self) -> Option<String> {
        None
    }
    /// Why they may not stand there, as a lower-case fragment: of this probe and family, in this window, at this position.
    fn misplaced(&self, asked: &AskedProbe<'_>, family: &str, window: u32, position: u32) -> Option<String> {
        let _ = position;
        asked.not_a_window(family, window)
    }
}

/// One scored position of a text probe: what a part of a distribution can say, and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct EstimatedRow<S> {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// Window of the probe's text, from 0.
    pub window: u32,
    /// Position in the window: the row is the distribution of the token after it.
    pub position: u32,
    /// Text of the target token; bytes that are no UTF-8 are replaced.
    pub token_text: String,
    /// Text of the teacher's most probable token.
    pub teacher_top1_text: String,
    /// Text of the student's most probable token.
    pub student_top1_text: String,
    /// What was estimated there.
    pub stats: S,
}

impl<S: EstimatedStats> Row for EstimatedRow<S> {
    fn blank() -> Self {
        Self {
            probe: String::new(),
            family: String::new(),
            window: 0,
            position: 0,
            token_text: String::new(),
            teacher_top1_text: String::new(),
            student_top1_text: String::new(),
            stats: S::blank(),
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(column("probe"), &mut self.probe);
        columns.text(column("family"), &mut self.family);
        columns.u32(column("window"), &mut self.window);
        columns.u32(column("position"), &mut self.position);
        columns.text(column("token_text"), &mut self.token_text);
        columns.text(column("teacher_top1_text"), &mut self.teacher_top1_text);
        columns.text(column("student_top1_text"), &mut self.student_top1_text);
        self.stats.columns(columns);
    }
}

impl<S: EstimatedStats> PartRow for EstimatedRow<S> {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [u64::from(self.window), u64::from(self.position)]
    }

    fn check(&self, asked: &AskedProbe<'_>) -> Option<String> {
        let Self { family, window, position, stats, .. } = self;
        stats.misplaced(asked, family, *window, *position).or_else(|| stats.fault())
    }
}
