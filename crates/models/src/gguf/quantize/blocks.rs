//! One block of each format. What stands where in a block is said beside the reading functions in `kernels::unpack`.

use half::f16;

use super::fit::{error, integers, scale, scale_and_offset};

/// Nearest F16: its bytes, and the number that they are.
#[inline(always)]
fn rounded(value: f32) -> ([u8; 2], f32) {
    let half = f16::from_f32(value);
    (half.to_le_bytes(), half.to_f32())
}

/// Two integers of four bits in each byte: the first half of them low, the second high.
#[inline(always)]
fn put_fours(q: &[u8; 32], out: &mut [u8]) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = q[i] & 15 | (q[i + 16] & 15) << 4;
    }
}

/// The fifth bits of 32 integers.
#[inline(always)]
fn fifths(q: &[u8; 32]) -> [u8; 4] {
    let bits = q.iter().enumerate().fold(0u32, |bits, (i, q)| bits | u32::from(q >> 4 & 1) << i);
    bits.to_le_bytes()
}

/// Integers that a group is made of, `add` to each.
#[inline(always)]
fn bytes<const N: usize>(q: [f32; N], add: f32) -> [u8; N] {
    q.map(|q| (q + add) as u8)
}

/// The scale is that of the largest number: with 255 integers no other one is better by much.
#[inline(always)]
pub(super) fn q8_0(x: &[f32; 32]) -> [u8; 34] {
    let largest = x.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    let (stored, scale) = rounded(largest / 127.0);
    let mut out = [0; 34];
    out[..2].copy_from_slice(&stored);
    for (out, q) in out[2..].iter_mut().zip(integers(x, (scale, 0.0), (-127.0, 127.0))) {
        *out = (q as i8).cast_unsigned();
    }
    out
}

#[inline(always)]
pub(super) fn q4_0(x: &[f32; 32]) -> [u8; 18] {
    let (stored, scale) = rounded(scale(x, 8.0));
    let mut out = [0; 18];
    out[..2].copy_from_slice(&stored);
    put_fours(&bytes(integers(x, (scale, 0.0), (-8.0, 7.0)), 8.0), &mut out[2..]);
    out
}

#[inline(always)]
pub(super) fn q5_0(x: &[f32; 32]) -> [u8; 22] {
    let (stored, scale) = rounded(scale(x, 16.0));
    let q = bytes(integers(x, (scale, 0.0), (-16.0, 15.0)), 16.0);
    let mut out = [0; 22];
    out[..2].copy_from_slice(&stored);
    out[2..6].copy_from_slice(&fifths(&q));
    put_fours(&q, &mut out[6..]);
    out
}

#[inline(always)]
pub(super) fn q5_1(x: &[f32; 32]) -> [u8; 24] {
    let (scale, offset) = scale_and_offset(x, 31.0, f32::INFINITY);
    let (stored_scale, scale) = rounded(scale);
    let (stored_offset, offset) = rounded(offset);
    let q = bytes(integers(x, (scale, offset), (0.0, 31.0)), 0.0);
    let mut out = [0; 24];
    out[..2].copy_from_slice(&stored_scale);
    out[2..4].copy_from_slice(&stored_offset);
    out[4..8].copy_from_slice(&fifths(&q));
    put_fours(&q, &mut out[8..]);
    out
}

/// What Q4_K and Q5_K have in common: eight groups of 32 with scales and minima of 6 bits, and the scales of those.
struct Groups {
    head: [u8; 16],
    q: [[u8; 32]; 8],
}

#[inline(always)]
fn groups(x: &[f32; 256], top: f32) -> Groups {
    let x = x.as_chunks::<32>().0;
    let mut wanted = [(0.0f32, 0.0f32); 8];
    for (wanted, x) in wanted.iter_mut().zip(x) {
        let (scale, offset) = scale_and_offset(x, top, 0.0);
        *wanted = (scale, -offset);
    }
    let highest = |of: fn(&(f32, f32)) -> f32| wanted.iter().map(of).fold(0.0, f32::max);
    let (stored_scale, scale) = rounded(highest(|w| w.0) / 63.0);
    let (stored_minimum, minimum) = rounded(highest(|w| w.1) / 63.0);
    let (mut packed, mut q) = ([0; 12], [[0; 32]; 8]);
    for (j, x) in x.iter().enumerate() {
        let range = (0.0, top);
        // With 6 bits the fitted scale and minimum are not to be had; of those around them one pair is best.
        let near = |wanted: f32, unit: f32| {
            let middle = (wanted * super::fit::inverse(unit)).round_ties_even();
            [-1.0, 0.0, 1.0].map(|step| (middle + step).clamp(0.0, 63.0))
        };
        let (mut best, mut least) = ((0.0, 0.0), f32::INFINITY);
        for s in near(wanted[j].0, scale) {
            for m in near(wanted[j].1, minimum) {
                let found = error(x, (s * scale, -(m * minimum)), range);
                if found < least {
                    (best, least) = ((s, m), found);
                }
            }
        }
        q[j] = bytes(integers(x, (best.0 * scale, -(best.1 * minimum)), range), 0.0);
        put_sixes(&mut packed, j, best.0 as u8, best.1 as u8);
    }
    let mut head = [0; 16];
    head[..2].copy_from_slice(&stored_scale);
    head[2..4].copy_from_slice(&stored_minimum);
    head[4..].copy_from_slice(&packed);
    Groups { head, q }
}

/// Scale and minimum of group `j` of eight, 6 bits each, among the others.
#[inline(always)]
fn put_sixes(packed: &mut [u8; 12], j: usize, scale: u8, minimum: u8) {
    if j < 4 {
        packed[j] |= scale;
        packed[j + 4] |= minimum;
    } else {
        packed[j + 4] = scale & 15 | (minimum & 15) << 4;
        packed[j - 4] |= scale >> 4 << 6;
        packed[j] |= minimum >> 4 << 6;
    }
}

#[inline(always)]
pub(super) fn q4_k(x: &[f32; 256]) -> [u8; 144] {
    let Groups { head, q } = groups(x, 15.0);
    let mut out = [0; 144];
    out[..16].copy_from_slice(&head);
    for (j, out) in out[16..].as_chunks_mut::<32>().0.iter_mut().enumerate() {
        for i in 0..32 {
            out[i] = q[2 * j][i] | q[2 * j + 1][i] << 4;
        }
    }
    out
}

#[inline(always)]
pub(super) fn q5_k(x: &[f32; 256]) -> [u8; 176] {
    let Groups { head, q } = groups(x, 31.0);
    let mut out = [0; 176];
    out[..16].copy_from_slice(&head);
    for (group, q) in q.iter().enumerate() {
        for i in 0..32 {
            out[16 + i] |= (q[i] >> 4) << group;
        }
    }
    for (j, out) in out[48..].as_chunks_mut::<32>().0.iter_mut().enumerate() {
        for i in 0..32 {
            out[i] = q[2 * j][i] & 15 | (q[2 * j + 1][i] & 15) << 4;
        }
    }
    out
}

/// Sixteen groups of 16 with signed scales of 8 bits.
#[inline(always)]
pub(super) fn q6_k(x: &[f32; 256]) -> [u8; 210] {
    let x = x.as_chunks::<16>().0;
    let mut wanted = [0.0f32; 16];
    for (wanted, x) in wanted.iter_mut().zip(x) {
        *wanted = scale(x, 32.0);
    }
    let largest = wanted.iter().fold(0.0f32, |largest, &w| if w.abs() > largest.abs() { w } else { largest });
    let (stored, unit) = rounded(-largest / 128.0);
    let mut out = [0; 210];
    out[208..].copy_from_slice(&stored);
    let mut q = [0u8; 256];
    for (group, q) in q.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let (x, range) = (&x[group], (-32.0, 31.0));
        let middle = (wanted[group] * super::fit::inverse(unit)).round_ties_even();
        let (mut best, mut least) = (0.0, f32::INFINITY);
        for step in [-1.0, 0.0, 1.0] {
            let scale = (middle + step).clamp(-128.0, 127.0);
            let found = error(x, (scale * unit, 0.0), range);
            if found < least {
                (best, least) = (scale, found);
            }
        }
        *q = bytes(integers(x, (best * unit, 0.0), range), 32.0);
        out[192 + group] = (best as i8).cast_unsigned();
    }
    for (half, q) in q.as_chunks::<128>().0.iter().enumerate() {
        for i in 0..32 {
            let [a, b, c, d] = [q[i], q[i + 32], q[i + 64], q[i + 96]];
            out[64 * half + i] = a & 15 | (c & 15) << 4;
            out[64 * half + i + 32] = b & 15 | (d & 15) << 4;
            out[128 + 32 * half + i] = a >> 4 | (b >> 4) << 2 | (c >> 4) << 4 | (d >> 4) << 6;
        }
    }
    out
}
