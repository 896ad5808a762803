//! Our quantisers: what they lose against the truth, and against llama.cpp on the same numbers.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use hydrometer_models::gguf::quantize::{WRITABLE, quantize};
use hydrometer_models::{DType, ModelError, RawTensor};
use proptest::prelude::*;

/// Back from the blocks.
fn numbers(dtype: DType, values: &[f32]) -> Vec<f32> {
    let bytes = quantize("t", dtype, values).unwrap();
    assert_eq!(Some(bytes.len()), dtype.bytes_of(values.len()));
    let tensor = RawTensor { name: "t".to_owned(), dtype, rows: 1, cols: values.len(), bytes };
    let mut out = vec![f32::NAN; values.len()];
    tensor.dequantize(0..1, &mut out).unwrap();
    out
}

fn rmse(values: &[f32], back: &[f32]) -> f64 {
    let sum: f64 = values.iter().zip(back).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    (sum / values.len() as f64).sqrt()
}

/// As `tests/reference/quantize.py` makes them.
fn reference(kind: &str, count: usize) -> Vec<f32> {
    let mut state = 7u64;
    let mut uniform = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 * 2f64.powi(-53)
    };
    let number = |i: usize| {
        let mut n = 0.0;
        for _ in 0..12 {
            n += uniform();
        }
        n -= 6.0;
        let value = match kind {
            "normal" => 0.02 * n,
            "heavy" => 0.02 * n * n * n,
            "shifted" => 0.02 * n + 0.03,
            "outliers" => 0.02 * n * if i.is_multiple_of(61) { 20.0 } else { 1.0 },
            "sparse" if i.is_multiple_of(5) => 0.02 * n,
            "sparse" => 0.0,
            other => panic!("{other}"),
        };
        value as f32
    };
    (0..count).map(number).collect()
}

/// The error of every type on every kind of numbers is at most that of llama.cpp's quantiser, but for rounding.
#[test]
fn no_quantiser_loses_more_than_llama_cpps() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/quantize.json");
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let count = (file["rows"].as_u64().unwrap() * file["columns"].as_u64().unwrap()) as usize;
    let mut tested = 0;
    for (kind, types) in file["cases"].as_object().unwrap() {
        let values = reference(kind, count);
        for (name, theirs) in types.as_object().unwrap() {
            let dtype = DType::from_name(name).unwrap();
            let (ours, theirs) = (rmse(&values, &numbers(dtype, &values)), theirs["llama.cpp"].as_f64().unwrap());
            eprintln!("{kind:>8} {name:>5}: {ours:.3e} against {theirs:.3e}, {:.4}", ours / theirs);
            assert!(ours <= 1.001 * theirs && ours > 0.3 * theirs, "{kind} {name}: {ours} against {theirs}");
            tested += 1;
        }
    }
    assert_eq!(tested, 5 * 9);
}

/// What the coarsest scale that is looked at loses at most, as a share of a block's largest number: half a step, and where the best
/// scale is finer than the largest number needs, up to 1.9 steps of what is cut off on the other side.
fn most(dtype: DType) -> f32 {
    match dtype {
        DType::F32 => 0.0,
        DType::BF16 => 1.0 / 256.0,
        DType::F16 => 1.0 / 2048.0,
        DType::Q8_0 => 0.51 / 127.0,
        DType::Q6_K => 2.0 / 32.0,
        DType::Q5_K | DType::Q5_1 | DType::Q5_0 => 2.0 / 16.0,
        DType::Q4_K | DType::Q4_0 => 2.0 / 8.0,
        other => panic!("{other}"),
    }
}

proptest! {
    /// Whatever the numbers, none is further off than the format must be; what is zero throughout stays zero, and signs turn round
    /// with the numbers' own.
    #[test]
    fn no_number_is_further_off_than_a_step(
        values in prop::collection::vec(-1f32..1.0, 512),
        size in -4i32..12,
        zeros in 0usize..512,
    ) {
        let values: Vec<f32> = values.iter().enumerate().map(|(i, v)| if i < zeros { 0.0 } else { v * 2f32.powi(size) }).collect();
        for dtype in WRITABLE {
            let back = numbers(dtype, &values);
            for (values, back) in values.chunks(256).zip(back.chunks(256)) {
                let largest = values.iter().fold(0f32, |largest, v| largest.max(v.abs()));
                // F16 has no scales finer than 2⁻²⁴, and up to 128 · 32 of them make a number.
                let allowed = largest * most(dtype) + 2f32.powi(-13);
                for (value, back) in values.iter().zip(back) {
                    prop_assert!((value - back).abs() <= allowed, "{dtype}: {value} became {back}, largest {largest}");
                }
            }
        }
    }
}

#[test]
fn what_a_type_can_say_exactly_it_says() {
    let check = |dtype: DType, values: &dyn Fn(usize) -> f32| {
        let values: Vec<f32> = (0..512).map(values).collect();
        assert_eq!(numbers(dtype, &values), values, "{dtype}");
    };
    for dtype in WRITABLE {
        check(dtype, &|_| 0.0);
    }
    check(DType::F32, &|i| (i as f32).sqrt());
    check(DType::F16, &|i| i as f32 - 256.0);
    check(DType::BF16, &|i| (i % 256) as f32);
    check(DType::Q8_0, &|i| (if i % 32 == 0 { 127.0 } else { (i * 37 % 255) as f32 - 127.0 }) / 8.0);
    check(DType::Q4_0, &|i| (if i % 32 == 0 { -8.0 } else { (i * 7 % 16) as f32 - 8.0 }) / 4.0);
    check(DType::Q5_0, &|i| (if i % 32 == 0 { -16.0 } else { (i * 7 % 32) as f32 - 16.0 }) / 4.0);
    check(DType::Q5_1, &|i| (i % 32) as f32 / 4.0 + 3.0);
    // Scales of 63, and minima of 63, quarters.
    check(DType::Q4_K, &|i| 0.25 * (63.0 * (i % 16) as f32 - 63.0));
    check(DType::Q5_K, &|i| 0.25 * (63.0 * (i % 32) as f32 - 63.0));
    check(DType::Q6_K, &|i| if i % 16 == 0 { -32.0 } else { (i * 7 % 64) as f32 - 32.0 });
}

/// Requantising what a file of the same type holds loses little: the values lie on a grid of the format.
#[test]
fn blocks_read_and_written_again_change_little() {
    for dtype in WRITABLE {
        let once = numbers(dtype, &reference("normal", 4096));
        let twice = numbers(dtype, &once);
        let size = rmse(&once, &vec![0.0; once.len()]);
        let lost = rmse(&once, &twice) / size;
        eprintln!("{dtype}: {lost:.2e}");
        assert!(lost < 0.01, "{dtype}: {lost}");
    }
}

#[test]
fn what_cannot_be_written_is_refused_with_the_reason() {
    let check = |dtype: DType, values: &[f32], expected: &str| {
        let error = quantize("blk.0.x", dtype, values).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        error
    };
    check(DType::Q4_K, &[0.0; 255], "tensor blk.0.x: 255 values cannot be written as blocks of Q4_K");
    check(DType::Q2_K, &[0.0; 256], "cannot be written as blocks of Q2_K");
    let mut values = [0.0; 256];
    values[77] = f32::NAN;
    for dtype in WRITABLE {
        let error = check(dtype, &values, "value 77 is NaN, expected a finite number");
        assert!(matches!(error, ModelError::NotFinite { index: 77, .. }));
    }
    values[77] = 70_000.0;
    check(DType::F16, &values, "tensor blk.0.x, to be written as F16: value 77 is 70000");
    assert_eq!(numbers(DType::F32, &values)[77], 70_000.0);
}
