//! The large products, per kernel, in the shapes of a model of 1.5 billion parameters, beside what the arithmetic units
//! of the cores could do (`Kernel::ceiling`, measured on registers alone).
//!
//!     cargo bench -p hydrometer-models --bench products
//!
//! Throughput is in operations of the product: 2 · rows · depth · columns.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../../metrics/benches/timing/mod.rs"]
mod timing;

use std::convert::Infallible;
use std::ops::Range;

use hydrometer_models::kernels::{Integers, Kernel, Matrix, Step, Strips, Target, Workshop};
use timing::time;

/// Rows of activations: a block of four chunks of 512 tokens.
const ROWS: usize = 2048;
/// Depth and columns: attention output, gate and up together, down.
const SHAPES: [(usize, usize); 3] = [(1536, 1536), (1536, 17_920), (8960, 1536)];

/// Weights that cost nothing to unpack: integers, an eighth each.
struct Plain {
    rows: usize,
    row: Vec<i16>,
}

impl Matrix for Plain {
    type Error = Infallible;
    fn rows(&self) -> usize {
        self.rows
    }
    fn depth(&self) -> usize {
        self.row.len()
    }
    fn unpack(&self, _: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
        for out in out.chunks_exact_mut(self.row.len()) {
            out.iter_mut().zip(&self.row).for_each(|(out, &value)| *out = f32::from(value) / 8.0);
        }
        Ok(())
    }
    fn integers_in(&self) -> Option<Step> {
        Some(Step::Long)
    }
    fn integers(&self, _: Range<usize>, out: Integers<'_>) -> Result<(), Infallible> {
        out.values.chunks_exact_mut(self.row.len()).for_each(|out| out.copy_from_slice(&self.row));
        out.scales.fill(0.125);
        out.minima.fill(0.0);
        Ok(())
    }
}

/// Numbers without a pattern: power, and with it the clock, depends on the bits that flip.
fn numbers(len: usize) -> Vec<f32> {
    (0..len as u32).map(|i| f32::from(i.wrapping_mul(2_654_435_761).to_be_bytes()[0]) / 128.0 - 1.0).collect()
}

fn main() {
    let workshop = Workshop::new();
    for kernel in Kernel::available() {
        let name = format!("{} {}", kernel.exactness().name(), kernel.name());
        if let Some(ceiling) = kernel.ceiling() {
            println!("{name}: ceiling {:.0} GFLOP/s per core", ceiling / 1e9);
        }
        for (depth, columns) in SHAPES {
            let x = numbers(ROWS * depth);
            let mut strips = Strips::new(kernel, ROWS, depth);
            workshop.pack(&mut strips, |row, out| out.copy_from_slice(&x[row * depth..(row + 1) * depth]));
            let weights =
                Plain { rows: columns, row: numbers(depth).iter().map(|number| (number * 15.0) as i16).collect() };
            let mut y = vec![0.0; ROWS * columns];
            time(&format!("{name} {depth}x{columns}"), 2 * ROWS * depth * columns, || {
                let Ok(()) = workshop.multiply(kernel, &strips, &weights, Target::Add(&mut y));
            });
        }
    }
}
