//! Numbers as the blocks of GGUF's formats: the way there; `kernels::unpack` is the way back.
//!
//! A format fixes what a block can say, not which of the things that it can say is nearest to the numbers. Here it is searched
//! for: scales (and offsets) are tried around the obvious ones, each is fitted by least squares to the integers that it leads
//! to, and the block with the least sum of squared errors is taken. The order of every sum is fixed, so that the bytes are the
//! same on every processor.

mod blocks;
mod fit;

use rayon::prelude::*;

use crate::instructions::vectors;
use crate::{DType, ModelError};

/// Largest number that F16 holds. Scales are stored in it.
const LARGEST: f32 = 65_504.0;
/// Values that one task takes.
const CHUNK: usize = 1 << 14;

/// The types that can be written, most bits first.
pub const WRITABLE: [DType; 10] = [
    DType::F32,
    DType::BF16,
    DType::F16,
    DType::Q8_0,
    DType::Q6_K,
    DType::Q5_K,
    DType::Q5_1,
    DType::Q5_0,
    DType::Q4_K,
    DType::Q4_0,
];

/// `values` as blocks of `dtype`, one after the other; `name` stands in errors.
///
/// # Errors
/// A type that cannot be written or that `values` are no whole number of blocks of ([`ModelError::Request`]), and a value that is
/// not finite or beyond what the type holds ([`ModelError::NotFinite`]).
pub fn quantize(name: &str, dtype: DType, values: &[f32]) -> Result<Vec<u8>, ModelError> {
    let len = dtype.bytes_of(values.len()).filter(|_| WRITABLE.contains(&dtype)).ok_or_else(|| {
        let reason = format!("tensor {name}: {} values cannot be written as blocks of {dtype}", values.len());
        ModelError::Request { reason }
    })?;
    let most = if matches!(dtype, DType::F32 | DType::BF16) { f32::MAX } else { LARGEST };
    if let Some(index) = values.par_iter().position_first(|value| value.abs() > most || value.is_nan()) {
        let value = values[index];
        let found = if value.is_finite() { format!("{value}, and it holds {most} at most") } else { value.to_string() };
        let what = format!("tensor {name}, to be written as {dtype}");
        return Err(ModelError::NotFinite { what, index, found });
    }
    let mut bytes = vec![0; len];
    let step = CHUNK / dtype.block_len();
    let chunks = bytes.par_chunks_mut(step * dtype.block_bytes()).zip(values.par_chunks(step * dtype.block_len()));
    chunks.for_each(|(bytes, values)| match dtype {
        DType::F32 => each::<1, 4>(values, bytes, |[value]| value.to_le_bytes()),
        DType::BF16 => each::<1, 2>(values, bytes, |[value]| half::bf16::from_f32(*value).to_le_bytes()),
        DType::F16 => each::<1, 2>(values, bytes, |[value]| half::f16::from_f32(*value).to_le_bytes()),
        DType::Q8_0 => each(values, bytes, blocks::q8_0),
        DType::Q6_K => each(values, bytes, blocks::q6_k),
        DType::Q5_K => each(values, bytes, blocks::q5_k),
        DType::Q5_1 => each(values, bytes, blocks::q5_1),
        DType::Q5_0 => each(values, bytes, blocks::q5_0),
        DType::Q4_K => each(values, bytes, blocks::q4_k),
        DType::Q4_0 => each(values, bytes, blocks::q4_0),
        // Not in `WRITABLE`, and refused above.
        _ => {}
    });
    Ok(bytes)
}

/// Applies `block` to every `N` values and `B` bytes, with the widest vectors that there are.
fn each<const N: usize, const B: usize>(values: &[f32], bytes: &mut [u8], block: impl Fn(&[f32; N]) -> [u8; B]) {
    vectors().dispatch(
        #[inline(always)]
        || values.as_chunks::<N>().0.iter().zip(bytes.as_chunks_mut::<B>().0).for_each(|(v, b)| *b = block(v)),
    );
}
