//! The way there.

use hydrometer_models::kernels::{Sum, exp};
use hydrometer_models::vectors;

use super::Scores;
use super::operands::{Bench, Blocks, COLUMNS, copy_tile};

/// Space between heads.
#[derive(Default)]
pub(super) struct Scratch {
    keys: Blocks,
    values: Blocks,
    strip: Vec<f32>,
    weights: Vec<f32>,
    tile: Vec<f32>,
}

/// One head of one sequence: `[rows][width]` each. Writes outputs and ln Σ e^score of every row.
pub(super) fn head(
    bench: &Bench,
    scores: Scores,
    (q, k, v): (&[f32], &[f32], &[f32]),
    out: &mut [f32],
    sums: &mut [f32],
    scratch: &mut Scratch,
) {
    if sums.is_empty() {
        return;
    }
    let (rows, width) = (sums.len(), q.len() / sums.len());
    let Scratch { keys, values, strip, weights, tile } = scratch;
    bench.turn_into(k, width, keys);
    values.of_columns(v, width);
    tile.resize(bench.rows * COLUMNS, 0.0);
    for first in (0..rows).step_by(bench.rows) {
        let some = first..rows.min(first + bench.rows);
        // Whole blocks of keys, from the first that a query sees to the last.
        let seen = scores.seen_from(first) / COLUMNS * COLUMNS..some.end.next_multiple_of(COLUMNS);
        let across = seen.len();
        weights.resize(some.len() * across, 0.0);
        bench.strip(&q[some.start * width..some.end * width], width, strip);
        for block in seen.start / COLUMNS..seen.end / COLUMNS {
            bench.product(width, strip, keys.block(block, 0), tile, Sum::Fresh);
            let at = block * COLUMNS - seen.start;
            copy_tile(tile, COLUMNS, &mut weights[at..], across);
        }
        for ((row, weights), log_sum) in some.clone().zip(weights.chunks_exact_mut(across)).zip(&mut sums[some.clone()])
        {
            let (from, to) = (scores.seen_from(row) - seen.start, row + 1 - seen.start);
            weights[..from].fill(0.0);
            weights[to..].fill(0.0);
            vectors().dispatch(
                #[inline(always)]
                || *log_sum = softmax(scores, &mut weights[from..to]),
            );
        }
        // Keys behind the last row are none.
        let depth = some.end - seen.start;
        bench.strip(weights, across, strip);
        for from in (0..width).step_by(COLUMNS) {
            let run = COLUMNS.min(width - from);
            bench.product(depth, strip, values.block(from / COLUMNS, seen.start), tile, Sum::Fresh);
            copy_tile(tile, run, &mut out[some.start * width + from..some.end * width], width);
        }
    }
}

/// Products q·k become weights that sum to 1; ln Σ e^score.
#[inline(always)]
fn softmax(scores: Scores, weights: &mut [f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    let more = |lane: &mut f32, weight: &mut f32| {
        *weight = scores.of(*weight);
        *lane = if *weight > *lane { *weight } else { *lane };
    };
    let (whole, rest) = weights.as_chunks_mut::<16>();
    for weights in whole {
        lanes.iter_mut().zip(weights).for_each(|(lane, weight)| more(lane, weight));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, weight)| more(lane, weight));
    let largest = lanes.iter().fold(f32::NEG_INFINITY, |most, &lane| most.max(lane));
    let mut lanes = [0f32; 16];
    let raise = |lane: &mut f32, weight: &mut f32| {
        *weight = exp(*weight - largest);
        *lane += *weight;
    };
    let (whole, rest) = weights.as_chunks_mut::<16>();
    for weights in whole {
        lanes.iter_mut().zip(weights).for_each(|(lane, weight)| raise(lane, weight));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, weight)| raise(lane, weight));
    let total: f64 = lanes.iter().map(|&lane| f64::from(lane)).sum();
    let inverse = total.recip() as f32;
    weights.iter_mut().for_each(|weight| *weight *= inverse);
    (f64::from(largest) + total.ln()) as f32
}
