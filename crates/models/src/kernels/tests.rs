#![allow(clippy::unwrap_used)]
//! Every kernel of this machine against an f64 product, on shapes that do not fit its tiles.

use std::convert::Infallible;
use std::ops::Range;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::product::Scratch;
use super::transpose::Transpose;
use super::*;

struct Plain {
    depth: usize,
    /// Of its integers.
    minimum: f32,
    data: Vec<f32>,
}

impl Matrix for Plain {
    type Error = Infallible;
    fn rows(&self) -> usize {
        self.data.len() / self.depth
    }
    fn depth(&self) -> usize {
        self.depth
    }
    fn unpack(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.data[rows.start * self.depth..rows.end * self.depth]);
        Ok(())
    }
    fn integers_in(&self) -> Option<Step> {
        self.depth.is_multiple_of(32).then_some(Step::Long)
    }
    fn has_minima(&self) -> bool {
        self.minimum != 0.0
    }
    fn integers(&self, rows: Range<usize>, out: Integers<'_>) -> Result<(), Infallible> {
        let rows = &self.data[rows.start * self.depth..rows.end * self.depth];
        out.scales.fill(SCALE);
        out.minima.fill(self.minimum);
        out.values.iter_mut().zip(rows).for_each(|(value, &w)| *value = ((w - self.minimum) / SCALE).round() as i16);
        Ok(())
    }
}

/// Weights of the tests are integers with this scale and minimum.
const SCALE: f32 = 1.0 / 128.0;
const MINIMUM: f32 = -0.25;

impl Plain {
    fn random(rows: usize, depth: usize, seed: u64) -> Plain {
        Plain::with_minimum(MINIMUM, rows, depth, seed)
    }

    fn with_minimum(minimum: f32, rows: usize, depth: usize, seed: u64) -> Plain {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let data = (0..rows * depth).map(|_| f32::from(rng.random_range(-96i16..=127)) * SCALE + minimum).collect();
        Plain { depth, minimum, data }
    }
}

pub(super) fn random(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..len).map(|_| rng.random_range(-1.0f32..1.0)).collect()
}

fn exact(x: &[f32], w: &[f32], depth: usize) -> Vec<f64> {
    x.chunks_exact(depth)
        .flat_map(|x| {
            w.chunks_exact(depth).map(move |w| x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum())
        })
        .collect()
}

/// Largest error relative to ‖x‖·‖w‖, which is √depth/3 on average here.
fn tolerance(kernel: Kernel, depth: usize) -> f64 {
    let unit = match kernel.exactness() {
        Exactness::F32 => 4e-7,
        // Half a step of the largest activations.
        Exactness::I16 => 2e-5,
        Exactness::Bf16x3 => 8e-6,
        Exactness::Bf16 => 4e-3,
    };
    unit * (depth as f64).sqrt().max(1.0) * 2.0
}

pub(super) fn packed(workshop: &Workshop, kernel: Kernel, x: &[f32], depth: usize) -> Strips {
    let mut strips = Strips::new(kernel, x.len() / depth, depth);
    workshop.pack(&mut strips, |row, out| out.copy_from_slice(&x[row * depth..(row + 1) * depth]));
    strips
}

/// The depth, or the next one that the weights of the kernel may have: integers come in blocks of 32.
fn whole(kernel: Kernel, depth: usize) -> usize {
    match kernel.exactness() {
        Exactness::I16 => depth.next_multiple_of(32),
        Exactness::F32 | Exactness::Bf16x3 | Exactness::Bf16 => depth,
    }
}

/// Runs `work` in a pool of that many threads.
pub(super) fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn check(kernel: Kernel, rows: usize, depth: usize, columns: usize, minimum: f32) {
    let workshop = Workshop::new();
    let (x, w) = (random(rows * depth, 1), Plain::with_minimum(minimum, columns, depth, 2));
    let mut y = vec![f32::NAN; rows * columns];
    let part = Part { columns, width: columns, bias: None, out: &mut y };
    let strips = packed(&workshop, kernel, &x, depth);
    workshop.multiply(kernel, &strips, &w, Target::Store(vec![part])).unwrap();
    let exact = exact(&x, &w.data, depth);
    let worst = y.iter().zip(&exact).map(|(&y, &e)| (f64::from(y) - e).abs()).fold(0.0, f64::max);
    let allowed = tolerance(kernel, depth);
    assert!(
        worst <= allowed,
        "{} {:?} {rows}×{depth}×{columns}: {worst:e} > {allowed:e}",
        kernel.name(),
        kernel.exactness()
    );
    let mut twice = y.clone();
    workshop.multiply(kernel, &strips, &w, Target::Add(&mut twice)).unwrap();
    assert!(twice.iter().zip(&y).all(|(twice, y)| *twice == y + y), "adding the product to itself doubles it");
}

#[test]
fn products_agree_with_f64_on_odd_shapes() {
    for kernel in Kernel::available() {
        for (rows, depth, columns) in [
            (1, 1, 1),
            (1, 33, 5),
            (7, 64, 32),
            (13, 31, 17),
            (33, 100, 300),
            (65, 1030, 49),
            (40, 2500, 33),
            (300, 96, 520),
        ] {
            for minimum in [MINIMUM, 0.0] {
                with_threads(2, || check(kernel, rows, whole(kernel, depth), columns, minimum));
            }
        }
    }
}

#[test]
fn rows_and_threads_do_not_change_a_result() {
    let (columns, rows) = (700, 290);
    for kernel in Kernel::available() {
        let depth = whole(kernel, 300);
        let (x, w) = (random(rows * depth, 3), Plain::random(columns, depth, 4));
        let product = |x: &[f32]| {
            let workshop = Workshop::new();
            let mut y = vec![0.0; x.len() / depth * columns];
            let part = Part { columns, width: columns, bias: None, out: &mut y };
            workshop.multiply(kernel, &packed(&workshop, kernel, x, depth), &w, Target::Store(vec![part])).unwrap();
            y
        };
        let multiply = |x: &[f32], threads| with_threads(threads, || product(x));
        let all = multiply(&x, 1);
        assert_eq!(all, multiply(&x, 5), "{}", kernel.name());
        assert_eq!(&all[17 * columns..51 * columns], multiply(&x[17 * depth..51 * depth], 2), "{}", kernel.name());
    }
}

/// What every kernel of integers must give to the bit, in plain numbers: sums of a step without rounding, scaled in f32 step after
/// step with fused multiply-adds, stretches of 512 added up. Of one row and column.
fn plain_integers(step: Step, x: &[f32], weights: &Plain, column: usize) -> f32 {
    let n = step.elements();
    let row = column * weights.depth..(column + 1) * weights.depth;
    let w = weights.data[row].iter().map(|w| ((w - weights.minimum) / SCALE).round() as i64).collect::<Vec<_>>();
    let stretches = x.chunks(512).zip(w.chunks(512)).map(|(x, w)| {
        x.chunks(n).zip(w.chunks(n)).fold(0f32, |sum, (x, w)| {
            let largest = x.iter().fold(0f32, |most, x| most.max(x.abs()));
            let (scale, factor) = if largest == 0.0 { (0.0, 0.0) } else { (largest / 32_767.0, 32_767.0 / largest) };
            let x = x.iter().map(|x| (x * factor).round_ties_even() as i64).collect::<Vec<_>>();
            let exact: i64 = x.iter().zip(w).map(|(x, w)| x * w).sum();
            let sum = (exact as f32).mul_add(SCALE * scale, sum);
            match weights.minimum {
                0.0 => sum,
                minimum => (scale * x.iter().sum::<i64>() as f32).mul_add(minimum, sum),
            }
        })
    });
    stretches.reduce(|all, stretch| all + stretch).unwrap()
}

/// Weights in one step or the other.
struct Stepped(Plain, Step);

impl Matrix for Stepped {
    type Error = Infallible;
    fn rows(&self) -> usize {
        self.0.rows()
    }
    fn depth(&self) -> usize {
        self.0.depth
    }
    fn unpack(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
        self.0.unpack(rows, out)
    }
    fn integers_in(&self) -> Option<Step> {
        Some(self.1)
    }
    fn has_minima(&self) -> bool {
        self.0.has_minima()
    }
    fn integers(&self, rows: Range<usize>, out: Integers<'_>) -> Result<(), Infallible> {
        self.0.integers(rows, out)
    }
}

/// Kernels of integers differ in no bit from each other, on whatever processor: random numbers, and the largest of both signs.
#[test]
fn products_of_integers_have_the_bits_of_plain_arithmetic() {
    let extreme = |len: usize, most: f32, least: f32| -> Vec<f32> {
        (0..len).map(|i| if i / 64 % 2 == 0 { most } else { least }).collect()
    };
    for kernel in Kernel::available() {
        let Some(step) = kernel.layout().format.integers_in() else { continue };
        for (rows, depth, columns, minimum) in
            [(1, 32, 1, 0.0), (2, 544, 33, MINIMUM), (3, 96, 40, 0.0), (5, 1056, 70, MINIMUM), (13, 64, 32, 0.0)]
        {
            let random = (random(rows * depth, 21), Plain::with_minimum(minimum, columns, depth, 22).data);
            // −128 and 127 times a scale, and activations that are all as large as can be.
            let weights = extreme(columns * depth, -1.0 + minimum, 127.0 * SCALE + minimum);
            let largest = (extreme(rows * depth, -3.0, 3.0), weights.clone());
            let same = (extreme(rows * depth, 3.0, 3.0), weights);
            for (x, data) in [random, largest, same] {
                let (workshop, weights) = (Workshop::new(), Plain { depth, minimum, data });
                let strips = packed(&workshop, kernel, &x, depth);
                let mut y = vec![f32::NAN; rows * columns];
                let part = Part { columns, width: columns, bias: None, out: &mut y };
                let weights = Stepped(weights, step);
                workshop.multiply(kernel, &strips, &weights, Target::Store(vec![part])).unwrap();
                for (at, got) in y.iter().enumerate() {
                    let x = &x[at / columns * depth..][..depth];
                    let want = plain_integers(step, x, &weights.0, at % columns);
                    assert_eq!(got.to_bits(), want.to_bits(), "{} {step:?} {at}: {got} {want}", kernel.name());
                }
            }
        }
    }
}

#[test]
fn parts_biases_and_gates_land_where_they_belong() {
    let rows = 37;
    for kernel in Kernel::available() {
        let (depth, inner) = (whole(kernel, 48), whole(kernel, 150));
        let (both, rest) = (2 * inner, 2 * inner - 100);
        let workshop = Workshop::new();
        let w = Plain::random(both, depth, 5);
        let x = random(rows * depth, 6);
        let strips = packed(&workshop, kernel, &x, depth);
        let exact = exact(&x, &w.data, depth);
        let bias = random(100, 7);
        let (mut heads, mut flat) = (vec![0.0; rows * 100], vec![0.0; rows * rest]);
        let parts = vec![
            Part { columns: 100, width: 20, bias: Some(&bias), out: &mut heads },
            Part { columns: rest, width: rest, bias: None, out: &mut flat },
        ];
        workshop.multiply(kernel, &strips, &w, Target::Store(parts)).unwrap();
        let allowed = tolerance(kernel, depth);
        for m in 0..rows {
            for c in 0..100 {
                let got = f64::from(heads[c / 20 * rows * 20 + m * 20 + c % 20]);
                assert!((got - exact[m * both + c] - f64::from(bias[c])).abs() <= allowed, "{} {m} {c}", kernel.name());
            }
            for c in 0..rest {
                assert!((f64::from(flat[m * rest + c]) - exact[m * both + 100 + c]).abs() <= allowed);
            }
        }
        // The gated product, read back through a product with the identity.
        let mut gated = Strips::new(kernel, rows, inner);
        workshop.multiply(kernel, &strips, &w, Target::Gated(Activation::Silu, &mut gated)).unwrap();
        let identity = Plain {
            depth: inner,
            // Its integers are −32 and 96.
            minimum: -MINIMUM,
            data: (0..inner * inner).map(|i| f32::from(u8::from(i % (inner + 1) == 0))).collect(),
        };
        let mut back = vec![0.0; rows * inner];
        let part = Part { columns: inner, width: inner, bias: None, out: &mut back };
        workshop.multiply(kernel, &gated, &identity, Target::Store(vec![part])).unwrap();
        for m in 0..rows {
            for c in 0..inner {
                let (gate, up) = (exact[m * both + c], exact[m * both + inner + c]);
                let want = gate / (1.0 + (-gate).exp()) * up;
                let got = f64::from(back[m * inner + c]);
                assert!((got - want).abs() <= allowed * 6.0 + want.abs() * 0.004, "{} {got} {want}", kernel.name());
            }
        }
    }
}

#[test]
fn transposition_fills_missing_rows_with_zeros() {
    for transpose in [Transpose::detect(), Transpose::plain()] {
        for (count, len, width) in [(1, 1, 1), (3, 40, 12), (12, 17, 12), (16, 33, 16), (5, 16, 16)] {
            let rows: Vec<u32> = (0..(count * 50) as u32).collect();
            let mut out = vec![9; len * 20];
            transpose.transpose(&rows, count, len, 50, &mut out, 20, width);
            for c in 0..len {
                for r in 0..20 {
                    let want = if r < count {
                        rows[r * 50 + c]
                    } else if r < width {
                        0
                    } else {
                        9
                    };
                    assert_eq!(out[c * 20 + r], want, "{count} {len} {width}: column {c} row {r}");
                }
            }
        }
    }
}

#[test]
fn exp_is_close_and_honest_about_special_values() {
    for i in -8_600..8_800 {
        let x = i as f32 / 100.0;
        let (got, want) = (f64::from(elementwise::exp(x)), f64::from(x).exp());
        assert!((got / want - 1.0).abs() < 2e-7, "exp({x}) = {got:e}, not {want:e}");
    }
    assert_eq!(elementwise::exp(f32::NEG_INFINITY), 0.0);
    assert_eq!(elementwise::exp(0.0), 1.0);
    assert_eq!(elementwise::exp(f32::INFINITY), f32::INFINITY);
    assert!(elementwise::exp(f32::NAN).is_nan());
}

/// The loops between the products add in one order, whatever the width of the vectors.
#[test]
fn element_wise_steps_have_the_same_bits_with_every_vector() {
    for len in [1, 15, 64, 1003] {
        let (x, y) = (random(len, 8), random(len, 9));
        let all = |instructions: Instructions| {
            let arch = arch(instructions);
            let changed = |step: &dyn Fn(&mut [f32])| {
                let mut values = x.clone();
                step(&mut values);
                values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let steps = [
                changed(&|x| elementwise::silu_times(arch, x, &y)),
                changed(&|x| elementwise::gelu_times(arch, x, &y)),
                changed(&|x| elementwise::rms_norm_inplace(arch, x, &y, 1e-6)),
                changed(&|x| elementwise::soft_cap(arch, x, 0.7)),
                changed(&|x| elementwise::softmax(arch, x)),
                changed(&|x| elementwise::rotate_halves(arch, x, &y[..len / 2], &y[len / 2..])),
            ];
            (steps, elementwise::exp_sums(arch, &x, 100, 1.0, 0.3))
        };
        for &instructions in Instructions::of_architecture() {
            assert_eq!(all(instructions), all(Instructions::Portable), "{instructions} {len}");
        }
    }
}

#[test]
fn ceilings_are_plausible_where_they_are_known() {
    for kernel in Kernel::available() {
        if let Some(ceiling) = kernel.ceiling() {
            assert!((1e9..1e14).contains(&ceiling), "{}: {ceiling:e}", kernel.name());
        }
    }
}

impl Turned for Plain {
    fn columns(&self, rows: Range<usize>, at: Range<usize>, out: &mut [f32]) {
        for (k, out) in at.zip(out.chunks_exact_mut(rows.len())) {
            rows.clone().zip(out).for_each(|(row, out)| *out = self.data[row * self.depth + k]);
        }
    }
}

/// Weights that say that they lie turned.
struct Lying(Plain);

impl Matrix for Lying {
    type Error = Infallible;
    fn rows(&self) -> usize {
        self.0.rows()
    }
    fn depth(&self) -> usize {
        self.0.depth
    }
    fn unpack(&self, _: Range<usize>, _: &mut [f32]) -> Result<(), Infallible> {
        unreachable!("what lies turned is read so")
    }
    fn turned(&self) -> Option<&dyn Turned> {
        Some(&self.0)
    }
}

/// Whatever way its operands came, a product is the same, bit for bit.
#[test]
fn operands_that_lie_turned_have_the_same_product() {
    let kernels = Kernel::available().into_iter().filter(|kernel| kernel.exactness() != Exactness::I16);
    for kernel in kernels {
        for (rows, depth, columns) in [(1, 1, 1), (7, 33, 70), (65, 1030, 49), (300, 96, 520)] {
            let workshop = Workshop::new();
            let (x, w) = (random(rows * depth, 1), Plain { depth, minimum: 0.0, data: random(columns * depth, 2) });
            let strips = packed(&workshop, kernel, &x, depth);
            let mut turned = Strips::new(kernel, rows, depth);
            workshop.pack_turned(&mut turned, &Plain { depth, minimum: 0.0, data: x });
            let [mut y, mut again] = [(); 2].map(|()| vec![1.0; rows * columns]);
            workshop.multiply(kernel, &strips, &w, Target::Add(&mut y)).unwrap();
            workshop.multiply(kernel, &turned, &Lying(w), Target::Add(&mut again)).unwrap();
            assert!(y == again, "{} {:?} {rows}×{depth}×{columns}", kernel.name(), kernel.exactness());
        }
    }
}

/// The layouts of kernels that other processors have, too.
#[test]
fn operands_that_lie_turned_are_packed_as_others_are() {
    for (format, rows) in [(Format::F32, 6), (Format::Pairs, 12), (Format::Tiles, 32), (Format::SplitTiles, 32)] {
        let layout = Layout { format, rows };
        for (count, depth) in [(1, 1), (rows, 64), (rows - 1, 33), (5, 1100)] {
            let matrix = Plain { depth, minimum: 0.0, data: random(count * depth, 3) };
            let by = Transpose::plain();
            let [mut strip, mut again] = [(); 2].map(|()| vec![7; layout.steps(depth) * layout.strip_words()]);
            layout.pack_rows(by, &matrix.data, depth, &mut strip, &mut Pad::default());
            layout.read_turned_rows(by, &matrix, 0..count, depth, &mut again, &mut Scratch::default());
            assert!(strip == again, "{format:?}: strip of {count} × {depth}");
        }
        for (count, depth) in [(1, 1), (32, 64), (17, 33), (9, 1100)] {
            let matrix = Plain { depth, minimum: 0.0, data: random(count * depth, 4) };
            let by = Transpose::plain();
            let [mut block, mut again] = [(); 2].map(|()| vec![7; layout.steps(depth) * layout.block_words()]);
            for half in 0..2 {
                let rows = count.min(16 * half) * depth..count.min(16 * half + 16) * depth;
                layout.pack_weights(by, &matrix.data[rows], depth, half, &mut block, &mut Pad::default());
            }
            layout.read_turned_weights(&matrix, 0..count, depth, &mut again, &mut Vec::new());
            assert!(block == again, "{format:?}: block of {count} × {depth}");
        }
    }
}
