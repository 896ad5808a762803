//! Stored numbers and the block formats of GGUF to f32, in loops that LLVM vectorises. The arithmetic is that of ggml's
//! reference, with which a test compares bit by bit.
//!
//! Each block format is a scale or two per block and small integers: 32 per block in the simple formats, 256 in the K
//! formats, whose blocks have scales (and minima) of their own for every 16 or 32 of them.

use pulp::Arch;

use crate::DType;

/// Writes the values of whole blocks.
pub(crate) fn unpack(arch: Arch, dtype: DType, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        DType::F32 => each::<4, 1>(arch, bytes, out, f32),
        DType::F16 => each::<2, 1>(arch, bytes, out, f16),
        DType::BF16 => each::<2, 1>(arch, bytes, out, bf16),
        DType::Q4_0 => each::<18, 32>(arch, bytes, out, q4_0),
        DType::Q4_1 => each::<20, 32>(arch, bytes, out, q4_1),
        DType::Q5_0 => each::<22, 32>(arch, bytes, out, q5_0),
        DType::Q5_1 => each::<24, 32>(arch, bytes, out, q5_1),
        DType::Q8_0 => each::<34, 32>(arch, bytes, out, q8_0),
        DType::Q8_1 => each::<36, 32>(arch, bytes, out, q8_1),
        DType::Q2_K => each::<84, 256>(arch, bytes, out, q2_k),
        DType::Q3_K => each::<110, 256>(arch, bytes, out, q3_k),
        DType::Q4_K => each::<144, 256>(arch, bytes, out, q4_k),
        DType::Q5_K => each::<176, 256>(arch, bytes, out, q5_k),
        DType::Q6_K => each::<210, 256>(arch, bytes, out, q6_k),
        DType::Q8_K => each::<292, 256>(arch, bytes, out, q8_k),
    }
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

/// Scale, 16 bytes of two 4-bit integers each, less 8.
#[inline(always)]
fn q4_0(bytes: &[u8; 18], out: &mut [f32; 32]) {
    let (d, q) = (scale(bytes, 0), part::<16>(bytes, 2));
    for i in 0..16 {
        out[i] = (i32::from(q[i] & 15) - 8) as f32 * d;
        out[i + 16] = (i32::from(q[i] >> 4) - 8) as f32 * d;
    }
}

/// Scale, minimum, 16 bytes of two 4-bit integers each.
#[inline(always)]
fn q4_1(bytes: &[u8; 20], out: &mut [f32; 32]) {
    let (d, m, q) = (scale(bytes, 0), scale(bytes, 2), part::<16>(bytes, 4));
    for i in 0..16 {
        out[i] = f32::from(q[i] & 15) * d + m;
        out[i + 16] = f32::from(q[i] >> 4) * d + m;
    }
}

/// As Q4_0 with a fifth bit for each value in 4 bytes, less 16.
#[inline(always)]
fn q5_0(bytes: &[u8; 22], out: &mut [f32; 32]) {
    let (d, high, q) = (scale(bytes, 0), u32::from_le_bytes(*part(bytes, 2)), part::<16>(bytes, 6));
    for i in 0..16 {
        let (low_bit, high_bit) = ((high >> i) & 1, (high >> (i + 16)) & 1);
        out[i] = ((u32::from(q[i] & 15) | low_bit << 4).cast_signed() - 16) as f32 * d;
        out[i + 16] = ((u32::from(q[i] >> 4) | high_bit << 4).cast_signed() - 16) as f32 * d;
    }
}

/// As Q4_1 with a fifth bit for each value in 4 bytes.
#[inline(always)]
fn q5_1(bytes: &[u8; 24], out: &mut [f32; 32]) {
    let (d, m) = (scale(bytes, 0), scale(bytes, 2));
    let (high, q) = (u32::from_le_bytes(*part(bytes, 4)), part::<16>(bytes, 8));
    for i in 0..16 {
        let (low_bit, high_bit) = ((high >> i) & 1, (high >> (i + 16)) & 1);
        out[i] = (u32::from(q[i] & 15) | low_bit << 4) as f32 * d + m;
        out[i + 16] = (u32::from(q[i] >> 4) | high_bit << 4) as f32 * d + m;
    }
}

/// Scale, 32 signed bytes.
#[inline(always)]
fn q8_0(bytes: &[u8; 34], out: &mut [f32; 32]) {
    let (d, q) = (scale(bytes, 0), part::<32>(bytes, 2));
    for i in 0..32 {
        out[i] = f32::from(q[i].cast_signed()) * d;
    }
}

/// Scale, the scaled sum of the block (for integer products), 32 signed bytes.
#[inline(always)]
fn q8_1(bytes: &[u8; 36], out: &mut [f32; 32]) {
    let (d, q) = (scale(bytes, 0), part::<32>(bytes, 4));
    for i in 0..32 {
        out[i] = f32::from(q[i].cast_signed()) * d;
    }
}

/// 16 bytes of a 4-bit scale and a 4-bit minimum each, 64 bytes of four 2-bit integers each, scale of scales, scale of
/// minima.
#[inline(always)]
fn q2_k(bytes: &[u8; 84], out: &mut [f32; 256]) {
    let (packed, d, min) = (part::<16>(bytes, 0), scale(bytes, 80), scale(bytes, 82));
    for (group, (out, packed)) in out.as_chunks_mut::<16>().0.iter_mut().zip(packed).enumerate() {
        // Eight groups share 32 bytes: two for each pair of bits.
        let (q, shift) = (part::<16>(bytes, 16 + 32 * (group / 8) + 16 * (group % 2)), group % 8 / 2 * 2);
        let (d, min) = (d * f32::from(packed & 15), min * f32::from(packed >> 4));
        for i in 0..16 {
            out[i] = d * f32::from((q[i] >> shift) & 3) - min;
        }
    }
}

/// The 6-bit scale of group `j` of sixteen, out of 12 bytes, less 32.
#[inline(always)]
fn scale_of_16(packed: &[u8; 12], j: usize) -> f32 {
    let low = (packed[j % 8] >> (j / 8 * 4)) & 15;
    let high = (packed[8 + j % 4] >> (j / 4 * 2)) & 3;
    f32::from(low | high << 4) - 32.0
}

/// 32 bytes of third bits, 64 bytes of four 2-bit integers each, 12 bytes of scales, scale of scales; values less 4.
#[inline(always)]
fn q3_k(bytes: &[u8; 110], out: &mut [f32; 256]) {
    let (packed, d) = (part::<12>(bytes, 96), scale(bytes, 108));
    for (group, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let at = 16 * (group % 2);
        let (q, shift) = (part::<16>(bytes, 32 + 32 * (group / 8) + at), group % 8 / 2 * 2);
        let (high, bit) = (part::<16>(bytes, at), group / 2);
        let d = d * scale_of_16(packed, group);
        for i in 0..16 {
            let value = ((q[i] >> shift) & 3) | ((high[i] >> bit) & 1) << 2;
            out[i] = d * (i32::from(value) - 4) as f32;
        }
    }
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

/// Scale of scales, scale of minima, 12 bytes of them, 128 bytes of two 4-bit integers each.
#[inline(always)]
fn q4_k(bytes: &[u8; 144], out: &mut [f32; 256]) {
    let (d, min, packed) = (scale(bytes, 0), scale(bytes, 2), part::<12>(bytes, 4));
    for (j, out) in out.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let q = part::<32>(bytes, 16 + 32 * j);
        let ((s1, m1), (s2, m2)) = (scale_and_min(packed, 2 * j), scale_and_min(packed, 2 * j + 1));
        let (d1, m1) = (d * f32::from(s1), min * f32::from(m1));
        let (d2, m2) = (d * f32::from(s2), min * f32::from(m2));
        for i in 0..32 {
            out[i] = d1 * f32::from(q[i] & 15) - m1;
            out[i + 32] = d2 * f32::from(q[i] >> 4) - m2;
        }
    }
}

/// As Q4_K, with 32 bytes of fifth bits before the 4-bit integers.
#[inline(always)]
fn q5_k(bytes: &[u8; 176], out: &mut [f32; 256]) {
    let (d, min, packed) = (scale(bytes, 0), scale(bytes, 2), part::<12>(bytes, 4));
    let high = part::<32>(bytes, 16);
    for (j, out) in out.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let q = part::<32>(bytes, 48 + 32 * j);
        let ((s1, m1), (s2, m2)) = (scale_and_min(packed, 2 * j), scale_and_min(packed, 2 * j + 1));
        let (d1, m1) = (d * f32::from(s1), min * f32::from(m1));
        let (d2, m2) = (d * f32::from(s2), min * f32::from(m2));
        for i in 0..32 {
            let (low_bit, high_bit) = ((high[i] >> (2 * j)) & 1, (high[i] >> (2 * j + 1)) & 1);
            out[i] = d1 * f32::from((q[i] & 15) + (low_bit << 4)) - m1;
            out[i + 32] = d2 * f32::from((q[i] >> 4) + (high_bit << 4)) - m2;
        }
    }
}

/// 128 bytes of low fours of bits, 64 bytes of high twos, 16 signed scales, scale of scales; values less 32.
#[inline(always)]
fn q6_k(bytes: &[u8; 210], out: &mut [f32; 256]) {
    let (scales, d) = (part::<16>(bytes, 192), scale(bytes, 208));
    for (half, out) in out.as_chunks_mut::<128>().0.iter_mut().enumerate() {
        let (low, high) = (part::<64>(bytes, 64 * half), part::<32>(bytes, 128 + 32 * half));
        for group in 0..2 {
            let d = |quarter: usize| d * f32::from(scales[8 * half + group + 2 * quarter].cast_signed());
            let d = [d(0), d(1), d(2), d(3)];
            for i in 16 * group..16 * group + 16 {
                let value = |four: u8, two: u8| (i32::from(four | (two & 3) << 4) - 32) as f32;
                out[i] = d[0] * value(low[i] & 15, high[i]);
                out[i + 32] = d[1] * value(low[i + 32] & 15, high[i] >> 2);
                out[i + 64] = d[2] * value(low[i] >> 4, high[i] >> 4);
                out[i + 96] = d[3] * value(low[i + 32] >> 4, high[i] >> 6);
            }
        }
    }
}

/// Scale in f32, 256 signed bytes, their sums (for integer products).
#[inline(always)]
fn q8_k(bytes: &[u8; 292], out: &mut [f32; 256]) {
    let (d, q) = (f32::from_le_bytes(*part(bytes, 0)), part::<256>(bytes, 4));
    for i in 0..256 {
        out[i] = d * f32::from(q[i].cast_signed());
    }
}
