//! The teacher's answers as the student, and the student before distillation, score them.

use std::collections::BTreeMap;

use hydrometer_answers::{SampleSource, ScoredRow};
use hydrometer_metrics::measure::Sums;
use hydrometer_metrics::measure::teacher_text::TeacherText;
use hydrometer_probes::counted::counted;

use crate::evidence::Rows;

/// Adds them, answer by answer.
pub(crate) fn add(sums: &mut Sums, rows: &[ScoredRow]) {
    let of = |scorer: SampleSource| rows.iter().filter(move |row| row.scorer == scorer);
    let name = |row: &ScoredRow| (row.probe.clone(), row.source, row.sample);
    let base: BTreeMap<_, f64> = of(SampleSource::Base).map(|row| (name(row), row.logprob)).collect();
    for row in of(SampleSource::Student) {
        let base = base.get(&name(row)).copied();
        sums.teacher_text(&row.family, &TeacherText { bytes: row.bytes, student: row.logprob, base });
    }
}

/// What such a number is, as a sentence of the statement; `None` where nothing was scored.
pub(crate) fn in_words(rows: &Rows) -> Option<String> {
    let scored = rows.scored_answers.iter().filter(|row| row.scorer == SampleSource::Student).count() as u64;
    (scored > 0).then(|| {
        format!(
            "{} of the teacher were scored by the student in its own tokens, after the prompt as its template has it and without their \
             end (regime R3). Bits per byte of them are the teacher's own entropy and the divergence from it together: only their \
             differences between models are differences of divergences.",
            counted(scored, "answer")
        )
    })
}
