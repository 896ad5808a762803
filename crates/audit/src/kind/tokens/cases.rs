//! Cases to read: the worst documents, token by token.

use crate::kind::tokens::Scored;
use crate::statement::{TokenEvidence, WorstDocument};

/// Documents shown, and tokens of one.
const DOCUMENTS: usize = 5;
const TOKENS: usize = 400;
/// Positions below which a mean says little about a document.
const FEWEST: usize = 8;

/// The documents (windows) with the largest mean divergence, worst first; none of which a position's divergence is not known.
pub(crate) fn worst_documents(rows: &[Scored<'_>]) -> Vec<WorstDocument> {
    let mean = |rows: &[Scored<'_>]| {
        let sum: Option<f64> = rows.iter().map(|row| row.kl.map(f64::from)).sum();
        Some(sum? / rows.len() as f64)
    };
    let windows = rows.chunk_by(|a, b| a.probe == b.probe && a.window == b.window);
    let long = windows.filter(|w| w.len() >= FEWEST);
    let mut worst: Vec<_> = long.filter_map(|w| Some((mean(w)?, w))).collect();
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    worst.into_iter().take(DOCUMENTS).filter(|w| w.0 > 0.0).map(|(mean_kl, rows)| document(mean_kl, rows)).collect()
}

fn document(mean_kl: f64, rows: &[Scored<'_>]) -> WorstDocument {
    let known = rows.iter().filter_map(|row| Some((row.kl?, row)));
    let tokens = known.take(TOKENS).map(|(kl, row)| TokenEvidence {
        text: row.token_text.to_owned(),
        kl: kl.into(),
        teacher: row.teacher_top1_text.to_owned(),
        teacher_prob: row.teacher_top1_prob.into(),
        student: row.student_top1_text.to_owned(),
        student_prob: row.student_top1_prob.into(),
    });
    WorstDocument {
        id: format!("{}#{}", rows[0].probe, rows[0].window),
        family: rows[0].family.to_owned(),
        mean_kl,
        tokens: tokens.collect(),
    }
}
