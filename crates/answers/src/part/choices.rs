//! Option log-probabilities of choices.

use super::positions::log_probability;
use super::{AskedProbe, Columns, Part, PartKind, PartRow, Row, Word, column};
use crate::parquet_io::row::known_word;

/// Option log-probabilities of choices.
#[derive(Clone, Copy, Debug)]
pub enum Choices {}

impl Part for Choices {
    const KIND: PartKind = PartKind::new("choices");
    const VERSION: u32 = 3;
    type Row = ChoiceRow;
}

/// Most letters drawn for one order of a choice.
const MOST_LETTERS: u32 = 1 << 20;

/// What a model said of an option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// Its log-probability.
    #[default]
    Exact,
    /// That its letter is not among the most probable first tokens of an answer: the log-probability is the most that it can have.
    AtMost,
    /// Letters, drawn at temperature 1: the log-probability is that of its share among them.
    Drawn,
}

impl Told {
    /// All of them.
    pub const ALL: [Told; 3] = [Told::Exact, Told::AtMost, Told::Drawn];

    /// `exact`, `at_most` or `drawn`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Told::Exact => "exact",
            Told::AtMost => "at_most",
            Told::Drawn => "drawn",
        }
    }
}

impl Word for Told {
    fn word(&self) -> &'static str {
        self.name()
    }

    fn read(&mut self, found: &str) -> Result<(), String> {
        *self = known_word(&Told::ALL, Told::name, found)?;
        Ok(())
    }
}

/// How a model's log-probability of an option was had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionSaid {
    /// What the model said.
    pub told: Told,
    /// How many of the drawn letters were this option's; 0 where none was drawn.
    pub letters: u32,
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
    /// How the teacher's was had.
    pub teacher_said: OptionSaid,
    /// How the student's was had.
    pub student_said: OptionSaid,
}

impl ChoiceRow {
    /// What the two models said, the teacher first.
    #[must_use]
    pub fn said(&self) -> [OptionSaid; 2] {
        [self.teacher_said, self.student_said]
    }
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
            teacher_said: OptionSaid::default(),
            student_said: OptionSaid::default(),
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
        columns.word(column("teacher_told").since(3), &mut self.teacher_said.told);
        columns.u32(column("teacher_letters").since(3), &mut self.teacher_said.letters);
        columns.word(column("student_told").since(3), &mut self.student_said.told);
        columns.u32(column("student_letters").since(3), &mut self.student_said.letters);
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
        // Letters are drawn for a whole probe, and counted in no other.
        let drawn = |row: &Self| row.said().map(|said| said.told == Told::Drawn);
        if let Some(other) = rows.iter().position(|row| drawn(row) != drawn(&rows[0])) {
            let what = "letters are drawn for some options of the probe, expected for all or none";
            return Some((other, what.to_owned()));
        }
        let miscounted = |said: OptionSaid| said.told != Told::Drawn && said.letters > 0 || said.letters > MOST_LETTERS;
        if let Some(other) = rows.iter().position(|row| row.said().into_iter().any(miscounted)) {
            let what = format!("letters are counted where none are drawn, or more than {MOST_LETTERS}");
            return Some((other, what));
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
