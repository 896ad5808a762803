//! Option log-probabilities of choices.

use super::positions::log_probability;
use super::{AskedProbe, Columns, Part, PartKind, PartRow, Row, column};

/// Option log-probabilities of choices.
#[derive(Clone, Copy, Debug)]
pub enum Choices {}

impl Part for Choices {
    const KIND: PartKind = PartKind::new("choices");
    const VERSION: u32 = 2;
    type Row = ChoiceRow;
}

/// One option of a choice probe in one rotation.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoiceRow {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// Rotation of the option order, from 0.
    pub rotation: u32,
    /// Index into the probe's options.
    pub option: u32,
    /// Teacher's log-probability of the option after the prompt, nats.
    pub teacher_logprob: f64,
    /// Student's log-probability of the option after the prompt, nats.
    pub student_logprob: f64,
    /// A control student's log-probability of the option after the prompt, nats; `None` where none is asked.
    pub control_logprob: Option<f32>,
}

impl Row for ChoiceRow {
    fn blank() -> Self {
        ChoiceRow {
            probe: String::new(),
            family: String::new(),
            rotation: 0,
            option: 0,
            teacher_logprob: 0.0,
            student_logprob: 0.0,
            control_logprob: None,
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(column("probe"), &mut self.probe);
        columns.text(column("family"), &mut self.family);
        columns.u32(column("rotation"), &mut self.rotation);
        columns.u32(column("option"), &mut self.option);
        columns.f64(log_probability("teacher_logprob"), &mut self.teacher_logprob);
        columns.f64(log_probability("student_logprob"), &mut self.student_logprob);
        columns.optional_f32(log_probability("control_logprob").since(2), &mut self.control_logprob);
    }
}

impl PartRow for ChoiceRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [u64::from(self.rotation), u64::from(self.option)]
    }

    fn check(&self, asked: &AskedProbe<'_>) -> Option<String> {
        let choice = match asked.choice() {
            Ok(choice) => choice,
            Err(what) => return Some(what),
        };
        let (options, rotations) = (choice.options.len(), choice.rotations());
        if self.option as usize >= options {
            return Some(format!("option is {}, expected 0 to {}", self.option, options - 1));
        }
        if self.rotation as usize >= rotations {
            return Some(format!("rotation is {}, expected 0 to {}", self.rotation, rotations - 1));
        }
        asked.not_its_family(&self.family)
    }

    /// Each rotation lists every option: its probabilities are shares of all of them. A control student is asked the whole
    /// probe or nothing of it.
    fn check_together(rows: &[Self], asked: &AskedProbe<'_>) -> Option<(usize, String)> {
        let options = asked.choice().ok()?.options.len() as u32;
        let controlled = |row: &Self| row.control_logprob.is_some();
        if let Some(other) = rows.iter().position(|row| controlled(row) != controlled(&rows[0])) {
            let what = "control_logprob is known of some options of the probe, expected of all or of none";
            return Some((other, what.to_owned()));
        }
        let mut start = 0;
        for order in rows.chunk_by(|a, b| a.rotation == b.rotation) {
            let there = |option: &u32| order.iter().any(|row| row.option == *option);
            if let Some(missing) = (0..options).find(|option| !there(option)) {
                let (rotation, found) = (order[0].rotation, order.len());
                let what = format!(
                    "rotation {rotation} of probe {:?} has {found} options and lacks option {missing}, expected all {options}",
                    order[0].probe
                );
                return Some((start, what));
            }
            start += order.len();
        }
        None
    }
}
