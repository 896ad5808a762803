//! Vectors of sampled answers, by a sentence encoder.

use super::{AskedProbe, Columns, Part, PartKind, PartRow, Row, column};

/// Vectors of sampled answers.
#[derive(Clone, Copy, Debug)]
pub enum Vectors {}

impl Part for Vectors {
    const KIND: PartKind = PartKind::new("vectors");
    const VERSION: u32 = 1;
    type Row = VectorRow;
}

/// What a sentence encoder makes of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorRow {
    /// Probe id.
    pub probe: String,
    /// Place among the probe's different normal forms, from 0.
    pub place: u32,
    /// Normal form of the answer.
    pub text: String,
    /// Its vector, of Euclidean length 1.
    pub vector: Vec<f32>,
}

impl Row for VectorRow {
    fn blank() -> Self {
        VectorRow { probe: String::new(), place: 0, text: String::new(), vector: Vec::new() }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(column("probe"), &mut self.probe);
        columns.u32(column("place"), &mut self.place);
        columns.text(column("text"), &mut self.text);
        columns.f32_list(column("vector"), &mut self.vector);
    }
}

impl PartRow for VectorRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [u64::from(self.place), 0]
    }

    fn check(&self, asked: &AskedProbe<'_>) -> Option<String> {
        let length: f64 = self.vector.iter().fold(0.0, |sum, v| sum + f64::from(*v) * f64::from(*v)).sqrt();
        // Not `>`: an infinite length is refused too.
        let whole = (length - 1.0).abs() < 1e-3;
        if !whole {
            return Some(format!("vector has length {length}, expected 1"));
        }
        asked.not_a_prompt()
    }

    /// All vectors of a probe have as many numbers: their cosines exist.
    fn check_together(rows: &[Self], _: &AskedProbe<'_>) -> Option<(usize, String)> {
        let expected = rows.first()?.vector.len();
        let other = rows.iter().position(|row| row.vector.len() != expected)?;
        Some((other, format!("vector has {} numbers, expected {expected} as the first", rows[other].vector.len())))
    }
}
