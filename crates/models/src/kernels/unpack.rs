//! Stored numbers and the block formats of GGUF, in loops that LLVM vectorises. The arithmetic is that of ggml's reference, with
//! which a test compares bit by bit.
//!
//! Each block format is a scale or two per block and small integers: 32 per block in the simple formats, 256 in the K
//! formats, whose blocks have scales (and minima) of their own for every 16 or 32 of them. So a block can be had as f32, and as
//! what it is.

use pulp::Arch;

use super::{Integers, Step};
use crate::DType;

/// Writes the values of whole blocks.
pub(crate) fn unpack(arch: Arch, dtype: DType, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        DType::F32 => each::<4, 1>(arch, bytes, out, f32),
        DType::F16 => each::<2, 1>(arch, bytes, out, f16),
        DType::BF16 => each::<2, 1>(arch, bytes, out, bf16),
        DType::Q4_0 => each(arch, bytes, out, |bytes, out| q4_0(bytes).scaled(out)),
        DType::Q4_1 => each(arch, bytes, out, |bytes, out| q4_1(bytes).shifted(out)),
        DType::Q5_0 => each(arch, bytes, out, |bytes, out| q5_0(bytes).scaled(out)),
        DType::Q5_1 => each(arch, bytes, out, |bytes, out| q5_1(bytes).shifted(out)),
        DType::Q8_0 => each(arch, bytes, out, |bytes, out| q8_0(bytes).scaled(out)),
        DType::Q8_1 => each(arch, bytes, out, |bytes, out| q8_1(bytes).scaled(out)),
        DType::Q2_K => each(arch, bytes, out, |bytes, out| q2_k(bytes).shifted(out)),
        DType::Q3_K => each(arch, bytes, out, |bytes, out| q3_k(bytes).scaled(out)),
        DType::Q4_K => each(arch, bytes, out, |bytes, out| q4_k(bytes).shifted(out)),
        DType::Q5_K => each(arch, bytes, out, |bytes, out| q5_k(bytes).shifted(out)),
        DType::Q6_K => each(arch, bytes, out, |bytes, out| q6_k(bytes).scaled(out)),
        DType::Q8_K => each(arch, bytes, out, |bytes, out| q8_k(bytes).scaled(out)),
    }
}

/// How many values share a scale in a type, where [`unpack_integers`] knows it.
pub(crate) fn integers_in(dtype: DType) -> Option<Step> {
    match dtype {
        DType::F32 | DType::F16 | DType::BF16 => None,
        DType::Q2_K | DType::Q3_K | DType::Q6_K => Some(Step::Short),
        DType::Q4_0 | DType::Q4_1 | DType::Q5_0 | DType::Q5_1 | DType::Q8_0 | DType::Q8_1 => Some(Step::Long),
        DType::Q4_K | DType::Q5_K | DType::Q8_K => Some(Step::Long),
    }
}

/// Whether steps of a type have a minimum beside their scale, where [`unpack_integers`] knows it.
pub(crate) fn has_minima(dtype: DType) -> bool {
    matches!(dtype, DType::Q4_1 | DType::Q5_1 | DType::Q2_K | DType::Q4_K | DType::Q5_K)
}

/// Writes whole blocks as what they are: `values[i] · scales[i / step] + minima[i / step]`, in steps of which there are as many as
/// scales. Values are from −128 to 127. `None` for a type without integers.
pub(crate) fn unpack_integers(arch: Arch, dtype: DType, bytes: &[u8], out: Integers<'_>) -> Option<()> {
    match dtype {
        DType::Q4_0 => integers(arch, bytes, out, q4_0),
        DType::Q4_1 => integers(arch, bytes, out, q4_1),
        DType::Q5_0 => integers(arch, bytes, out, q5_0),
        DType::Q5_1 => integers(arch, bytes, out, q5_1),
        DType::Q8_0 => integers(arch, bytes, out, q8_0),
        DType::Q8_1 => integers(arch, bytes, out, q8_1),
        DType::Q2_K => integers(arch, bytes, out, q2_k),
        DType::Q3_K => integers(arch, bytes, out, q3_k),
        DType::Q4_K => integers(arch, bytes, out, q4_k),
        DType::Q5_K => integers(arch, bytes, out, q5_k),
        DType::Q6_K => integers(arch, bytes, out, q6_k),
        DType::Q8_K => integers(arch, bytes, out, q8_k),
        DType::F32 | DType::F16 | DType::BF16 => return None,
    }
    Some(())
}

/// Applies `block` to every block of `B` bytes and `N` values.
fn each<const B: usize, const N: usize>(
    arch: Arch,
    bytes: &[u8],
    out: &mut [f32],
    block: impl Fn(&[u8; B], &mut [f32; N]),
) {
    arch.dispatch(
        #[inline(always)]
        || bytes.as_chunks::<B>().0.iter().zip(out.as_chunks_mut::<N>().0).for_each(|(bytes, out)| block(bytes, out)),
    );
}

/// Writes the integers, scales and minima of every block.
fn integers<const B: usize, const N: usize, const G: usize>(
    arch: Arch,
    bytes: &[u8],
    out: Integers<'_>,
    block: impl Fn(&[u8; B]) -> Block<N, G>,
) {
    // Steps of a block.
    let steps = (out.scales.len() * N / out.values.len().max(1)).max(1);
    let blocks = bytes.as_chunks::<B>().0.iter().zip(out.values.as_chunks_mut::<N>().0);
    let blocks = blocks.zip(out.scales.chunks_exact_mut(steps)).zip(out.minima.chunks_exact_mut(steps));
    arch.dispatch(
        #[inline(always)]
        || {
            blocks.for_each(|(((bytes, values), scales), minima)| {
                let block = block(bytes);
                *values = block.values;
                scales.iter_mut().enumerate().for_each(|(i, scale)| *scale = block.scales[i * G / steps]);
                minima.iter_mut().enumerate().for_each(|(i, minimum)| *minimum = block.minima[i * G / steps]);
            });
        },
    );
}

/// `N` values in `G` groups: `value · scale`, or `value · scale + minimum` in formats that have one.
struct Block<const N: usize, const G: usize> {
    values: [i16; N],
    scales: [f32; G],
    minima: [f32; G],
}

impl<const N: usize, const G: usize> Block<N, G> {
    const ZERO: Self = Block { values: [0; N], scales: [0.0; G], minima: [0.0; G] };

    /// The values of a format without minima. Adding zero would lose the sign of zeros.
    #[inline(always)]
    fn scaled(self, out: &mut [f32; N]) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = f32::from(self.values[i]) * self.scales[i / (N / G)];
        }
    }

    /// The values of a format with minima.
    #[inline(always)]
    fn shifted(self, out: &mut [f32; N]) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = f32::from(self.values[i]) * self.scales[i / (N / G)] + self.minima[i / (N / G)];
        }
    }
}

#[inline(always)]
fn f32(bytes: &[u8; 4], out: &mut [f32; 1]) {
    out[0] = f32::from_le_bytes(*bytes);
}

#[inline(always)]
fn f16(bytes: &[u8; 2], out: &mut [f32; 1]) {
    out[0] = half::f16::from_le_bytes(*bytes).to_f32();
}

#[inline(always)]
fn bf16(bytes: &[u8; 2], out: &mut [f32; 1]) {
    out[0] = half::bf16::from_le_bytes(*bytes).to_f32();
}

#[inline(always)]
fn scale(bytes: &[u8], at: usize) -> f32 {
    half::f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32_const()
}

/// The `N` bytes from `at`.
#[inline(always)]
fn part<const N: usize>(bytes: &[u8], at: usize) -> &[u8; N] {
    // The blocks are longer than every part that is asked for; the empty answer would panic, and never comes.
    bytes[at..].first_chunk().unwrap_or(&[0; N])
}

/// 16 bytes of two 4-bit integers each: the low ones first.
#[inline(always)]
fn fours(q: &[u8; 16]) -> [i16; 32] {
    let mut values = [0; 32];
    for i in 0..16 {
        values[i] = i16::from(q[i] & 15);
        values[i + 16] = i16::from(q[i] >> 4);
    }
    values
}

/// The same with a fifth bit for each value.
#[inline(always)]
fn fives(q: &[u8; 16], high: u32) -> [i16; 32] {
    let mut values = fours(q);
    for i in 0..16 {
        values[i] |= ((high >> i & 1) << 4) as i16;
        values[i + 16] |= ((high >> (i + 16) & 1) << 4) as i16;
    }
    values
}

/// Scale, 16 bytes of two 4-bit integers each, less 8.
#[inline(always)]
fn q4_0(bytes: &[u8; 18]) -> Block<32, 1> {
    Block { values: fours(part(bytes, 2)).map(|q| q - 8), scales: [scale(bytes, 0)], minima: [0.0] }
}

/// Scale, minimum, 16 bytes of two 4-bit integers each.
#[inline(always)]
fn q4_1(bytes: &[u8; 20]) -> Block<32, 1> {
    Block { values: fours(part(bytes, 4)), scales: [scale(bytes, 0)], minima: [scale(bytes, 2)] }
}

/// As Q4_0 with a fifth bit for each value in 4 bytes, less 16.
#[inline(always)]
fn q5_0(bytes: &[u8; 22]) -> Block<32, 1> {
    let high = u32::from_le_bytes(*part(bytes, 2));
    Block { values: fives(part(bytes, 6), high).map(|q| q - 16), scales: [scale(bytes, 0)], minima: [0.0] }
}

/// As Q4_1 with a fifth bit for each value in 4 bytes.
#[inline(always)]
fn q5_1(bytes: &[u8; 24]) -> Block<32, 1> {
    let high = u32::from_le_bytes(*part(bytes, 4));
    Block { values: fives(part(bytes, 8), high), scales: [scale(bytes, 0)], minima: [scale(bytes, 2)] }
}

/// Scale, 32 signed bytes.
#[inline(always)]
fn q8_0(bytes: &[u8; 34]) -> Block<32, 1> {
    let values = part::<32>(bytes, 2).map(|q| i16::from(q.cast_signed()));
    Block { values, scales: [scale(bytes, 0)], minima: [0.0] }
}

/// Scale, the scaled sum of the block (for integer products), 32 signed bytes.
#[inline(always)]
fn q8_1(bytes: &[u8; 36]) -> Block<32, 1> {
    let values = part::<32>(bytes, 4).map(|q| i16::from(q.cast_signed()));
    Block { values, scales: [scale(bytes, 0)], minima: [0.0] }
}

/// 16 bytes of a 4-bit scale and a 4-bit minimum each, 64 bytes of four 2-bit integers each, scale of scales, scale of
/// minima.
#[inline(always)]
fn q2_k(bytes: &[u8; 84]) -> Block<256, 16> {
    let (packed, d, min) = (part::<16>(bytes, 0), scale(bytes, 80), scale(bytes, 82));
    let mut block = Block::ZERO;
    for (group, (values, packed)) in block.values.as_chunks_mut::<16>().0.iter_mut().zip(packed).enumerate() {
        // Eight groups share 32 bytes: two for each pair of bits.
        let (q, shift) = (part::<16>(bytes, 16 + 32 * (group / 8) + 16 * (group % 2)), group % 8 / 2 * 2);
        *values = q.map(|q| i16::from(q >> shift & 3));
        block.scales[group] = d * f32::from(packed & 15);
        block.minima[group] = -(min * f32::from(packed >> 4));
    }
    block
}

/// The 6-bit scale of group `j` of sixteen, out of 12 bytes, less 32.
#[inline(always)]
fn scale_of_16(packed: &[u8; 12], j: usize) -> i8 {
    let low = (packed[j % 8] >> (j / 8 * 4)) & 15;
    let high = (packed[8 + j % 4] >> (j / 4 * 2)) & 3;
    (low | high << 4).cast_signed() - 32
}

/// 32 bytes of third bits, 64 bytes of four 2-bit integers each, 12 bytes of scales, scale of scales; values less 4.
#[inline(always)]
fn q3_k(bytes: &[u8; 110]) -> Block<256, 16> {
    let (packed, d) = (part::<12>(bytes, 96), scale(bytes, 108));
    let mut block = Block::ZERO;
    for (group, values) in block.values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let at = 16 * (group % 2);
        let (q, shift) = (part::<16>(bytes, 32 + 32 * (group / 8) + at), group % 8 / 2 * 2);
        let (high, bit) = (part::<16>(bytes, at), group / 2);
        for i in 0..16 {
            values[i] = i16::from(((q[i] >> shift) & 3) | ((high[i] >> bit) & 1) << 2) - 4;
        }
        block.scales[group] = d * f32::from(scale_of_16(packed, group));
    }
    block
}

/// The 6-bit scale and minimum of group `j` of eight, out of 12 bytes.
#[inline(always)]
fn scale_and_min(packed: &[u8; 12], j: usize) -> (u8, u8) {
    if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        let high = |byte: u8| (byte >> 6) << 4;
        ((packed[j + 4] & 15) | high(packed[j - 4]), (packed[j + 4] >> 4) | high(packed[j]))
    }
}

/// Scales and minima of a block whose first 16 bytes are scale of scales, scale of minima, and 12 bytes of them.
#[inline(always)]
fn scales_and_minima(bytes: &[u8]) -> Block<256, 8> {
    let (d, min, packed) = (scale(bytes, 0), scale(bytes, 2), part::<12>(bytes, 4));
    let mut block = Block::ZERO;
    for group in 0..8 {
        let (s, m) = scale_and_min(packed, group);
        block.scales[group] = d * f32::from(s);
        block.minima[group] = -(min * f32::from(m));
    }
    block
}

/// Scale of scales, scale of minima, 12 bytes of them, 128 bytes of two 4-bit integers each.
#[inline(always)]
fn q4_k(bytes: &[u8; 144]) -> Block<256, 8> {
    let mut block = scales_and_minima(bytes);
    for (j, values) in block.values.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let q = part::<32>(bytes, 16 + 32 * j);
        for i in 0..32 {
            values[i] = i16::from(q[i] & 15);
            values[i + 32] = i16::from(q[i] >> 4);
        }
    }
    block
}

/// As Q4_K, with 32 bytes of fifth bits before the 4-bit integers.
#[inline(always)]
fn q5_k(bytes: &[u8; 176]) -> Block<256, 8> {
    let mut block = scales_and_minima(bytes);
    let high = part::<32>(bytes, 16);
    for (j, values) in block.values.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let q = part::<32>(bytes, 48 + 32 * j);
        for i in 0..32 {
            let (low_bit, high_bit) = ((high[i] >> (2 * j)) & 1, (high[i] >> (2 * j + 1)) & 1);
            values[i] = i16::from((q[i] & 15) + (low_bit << 4));
            values[i + 32] = i16::from((q[i] >> 4) + (high_bit << 4));
        }
    }
    block
}

/// 128 bytes of low fours of bits, 64 bytes of high twos, 16 signed scales, scale of scales; values less 32.
#[inline(always)]
fn q6_k(bytes: &[u8; 210]) -> Block<256, 16> {
    let d = scale(bytes, 208);
    let scales = part::<16>(bytes, 192).map(|scale| d * f32::from(scale.cast_signed()));
    let mut block = Block { scales, ..Block::ZERO };
    for (half, values) in block.values.as_chunks_mut::<128>().0.iter_mut().enumerate() {
        let (low, high) = (part::<64>(bytes, 64 * half), part::<32>(bytes, 128 + 32 * half));
        for i in 0..32 {
            let value = |four: u8, two: u8| i16::from(four | (two & 3) << 4) - 32;
            values[i] = value(low[i] & 15, high[i]);
            values[i + 32] = value(low[i + 32] & 15, high[i] >> 2);
            values[i + 64] = value(low[i] >> 4, high[i] >> 4);
            values[i + 96] = value(low[i + 32] >> 4, high[i] >> 6);
        }
    }
    block
}

/// Scale in f32, 256 signed bytes, their sums (for integer products).
#[inline(always)]
fn q8_k(bytes: &[u8; 292]) -> Block<256, 1> {
    let values = part::<256>(bytes, 4).map(|q| i16::from(q.cast_signed()));
    Block { values, scales: [f32::from_le_bytes(*part(bytes, 0))], minima: [0.0] }
}

#[cfg(test)]
mod tests {
    use rand::{RngCore, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::instructions::vectors;

    /// Integers times scales plus minima are the numbers that the same bytes are as f32, in the steps of the format and in shorter
    /// ones.
    #[test]
    fn integers_with_their_scales_are_the_numbers() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut known = 0;
        for dtype in (0..64).filter_map(DType::from_ggml) {
            let Some(step) = integers_in(dtype) else { continue };
            let count = 256 * 40;
            // Any bytes make blocks; only some have a scale that is not finite.
            let mut bytes = vec![0; dtype.bytes_of(count).unwrap_or(0)];
            rng.fill_bytes(&mut bytes);
            let mut numbers = vec![f32::NAN; count];
            unpack(vectors(), dtype, &bytes, &mut numbers);
            for step in [step, Step::Short] {
                let steps = count / step.elements();
                let (mut values, mut scales, mut minima) = (vec![0; count], vec![0.0; steps], vec![0.0; steps]);
                let out = Integers { values: &mut values, scales: &mut scales, minima: &mut minima };
                assert!(unpack_integers(vectors(), dtype, &bytes, out).is_some());
                let again =
                    |at: usize| f32::from(values[at]) * scales[at / step.elements()] + minima[at / step.elements()];
                for (at, &number) in numbers.iter().enumerate().filter(|(_, number)| number.is_finite()) {
                    assert_eq!(number, again(at), "{dtype} {step:?} {at}");
                }
                assert!(values.iter().all(|&value| i8::try_from(value).is_ok()), "{dtype}");
                assert_eq!(minima.iter().any(|&minimum| minimum != 0.0), has_minima(dtype), "{dtype}");
                assert!(numbers.iter().filter(|number| number.is_finite()).count() > count / 2, "{dtype}");
            }
            known += 1;
        }
        assert_eq!(known, 12);
    }
}
