//! Tables of texts: bands of the distribution, percentiles over positions, llama.cpp's numbers.

use std::collections::BTreeSet;

use hydrometer_answers::{PositionRow, Regime};
use hydrometer_metrics::measure::tokens;
use hydrometer_metrics::stats::quantile::percentiles;
use hydrometer_metrics::{BANDS, compat};

use crate::evidence::{Evidence, Rows};
use crate::statement::{Band, Quantiles};

/// Retention by band of the teacher's distribution.
pub(crate) fn bands(evidence: &Evidence<'_>) -> Vec<Band> {
    if evidence.rows.bounds_alone() {
        // Two lists do not say how much of a band is kept, and the bounds of the tail stand beside the other metrics.
        return Vec::new();
    }
    let band = |band: usize| {
        let tokens::Band { mass, kept, invented } = tokens::band(&evidence.sums, band, evidence.level)?;
        Some(Band { name: BANDS[band].to_owned(), mass, kept, invented })
    };
    let mut bands: Vec<Band> = (0..BANDS.len()).filter_map(band).collect();
    if evidence.rows.manifest.regime() != Regime::ShownStudent && evidence.rows.in_part() {
        // It does not say where the last two part: the third holds both.
        bands.truncate(3);
        if let Some(tail) = bands.last_mut() {
            tail.name = "beyond 0.9".to_owned();
        }
    }
    bands
}

/// Percentiles over positions.
pub(crate) fn quantiles(rows: &Rows) -> Vec<Quantiles> {
    const PERCENTS: [f64; 6] = [50.0, 90.0, 95.0, 99.0, 99.9, 100.0];
    let points = |rows: &[PositionRow], field: tokens::OfPosition| {
        let mut values: Vec<f64> = rows.iter().map(|r| field(&r.stats).into()).collect();
        percentiles(&mut values, &PERCENTS).unwrap_or_default()
    };
    tokens::OF_POSITIONS
        .iter()
        // The spread of estimates is larger than that of what they estimate.
        .filter(|_| !rows.positions.is_empty() && !rows.in_part())
        .map(|(metric, field)| Quantiles {
            metric: metric.id.to_owned(),
            points: points(&rows.positions, *field),
            floor: points(&rows.floor, *field),
        })
        .collect()
}

/// llama.cpp's numbers, over the full windows of long texts.
pub(crate) fn llama_block(rows: &Rows) -> Option<compat::Compat> {
    let mut block = compat::CompatAccumulator::new();
    let mut chunks = BTreeSet::new();
    for row in rows.positions.iter().filter(|r| r.compat) {
        let s = &row.stats;
        block.update(&compat::CompatToken {
            nll_base: s.compat_nll_base,
            nll: s.compat_nll,
            kl: s.compat_kl,
            same_top: s.compat_same_top,
        });
        chunks.insert((&row.probe, row.window));
    }
    block.finish(chunks.len() as u64, rows.manifest.settings.n_ctx)
}
