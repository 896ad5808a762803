//! What the readers give: values of every stored type, configurations of every architecture, files written and read
//! back.
#![allow(clippy::unwrap_used)]

use crate::tiny;

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use hydrometer_models::gguf::write::{Tensor, Writer};
use hydrometer_models::gguf::{Array, Gguf, Value};
use hydrometer_models::{
    Activation, Architecture, Checkpoint, DType, DecoderConfig, RawTensor, RopeScaling, RopeStyle, SlidingWindow,
};
use proptest::prelude::*;

/// The bytes and the numbers are those of `blocks`; ranges of rows give their part, and no range beyond them is answered.
fn check_dequantize(dtype: DType, (rows, cols): (usize, usize), blocks: &[u8], expected: &[f32]) {
    assert_eq!(dtype.bytes_of(rows * cols), Some(blocks.len()), "{dtype}");
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let tensor = RawTensor { name: "t".to_owned(), dtype, rows, cols, bytes: blocks.to_vec() };
    let mut all = vec![f32::NAN; rows * cols];
    tensor.dequantize(0..rows, &mut all).unwrap();
    assert_eq!(bits(&all), bits(expected), "{dtype}");
    let mut middle = vec![f32::NAN; 2 * cols];
    tensor.dequantize(2..4, &mut middle).unwrap();
    assert_eq!(bits(&middle), bits(&expected[2 * cols..4 * cols]), "{dtype}");
    assert!(tensor.dequantize(4..6, &mut middle).is_err() && tensor.dequantize(0..1, &mut middle).is_err());
}

#[test]
fn blocks_hold_the_numbers_that_ggmls_own_package_reads() {
    let text = std::fs::read_to_string(reference("blocks.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let size = |name: &str| file[name].as_u64().unwrap() as usize;
    let hex = |text: &serde_json::Value| -> Vec<u8> {
        let digits = text.as_str().unwrap().as_bytes().chunks(2);
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    };
    let cases = file["cases"].as_object().unwrap();
    assert_eq!(cases.len(), 10);
    for dtype in (0..64).filter_map(DType::from_ggml) {
        let Some(case) = cases.get(dtype.name()) else { continue };
        let numbers: Vec<f32> =
            hex(&case["numbers"]).as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        check_dequantize(dtype, (size("rows"), size("columns")), &hex(&case["blocks"]), &numbers);
    }
}

#[test]
fn what_the_package_does_not_read_holds_the_numbers_that_were_written() {
    let shape = (5, 512);
    let numbers: Vec<f32> = (0..5 * 512u32).map(|i| ((i * 7919 % 1009) as f32 - 504.0) / 8.0).collect();
    let bytes = |write: &dyn Fn(f32) -> Vec<u8>| numbers.iter().flat_map(|&number| write(number)).collect::<Vec<u8>>();
    // F16 holds every one of these exactly, BF16 does not.
    check_dequantize(DType::F32, shape, &bytes(&|number| number.to_le_bytes().to_vec()), &numbers);
    check_dequantize(DType::F16, shape, &bytes(&|number| f16::from_f32(number).to_le_bytes().to_vec()), &numbers);
    let rounded: Vec<f32> = numbers.iter().map(|&number| bf16::from_f32(number).to_f32()).collect();
    assert_ne!(rounded, numbers);
    check_dequantize(DType::BF16, shape, &bytes(&|number| bf16::from_f32(number).to_le_bytes().to_vec()), &rounded);

    // A scale of a quarter and signed bytes, with sums behind or between that nothing depends on.
    let integers: Vec<i8> = (0..5 * 512u32).map(|i| (i * 7919 % 256) as u8 as i8).collect();
    let numbers: Vec<f32> = integers.iter().map(|&integer| 0.25 * f32::from(integer)).collect();
    let block = |integers: &[i8], before: &[u8], after: usize| {
        let inner = integers.iter().map(|integer| integer.to_le_bytes()[0]);
        before.iter().copied().chain(inner).chain(vec![0xff; after]).collect::<Vec<u8>>()
    };
    let [low, high] = f16::from_f32(0.25).to_le_bytes();
    let blocks: Vec<u8> = integers.chunks(32).flat_map(|part| block(part, &[low, high, 0xff, 0xff], 0)).collect();
    check_dequantize(DType::Q8_1, shape, &blocks, &numbers);
    let blocks: Vec<u8> = integers.chunks(256).flat_map(|part| block(part, &0.25f32.to_le_bytes(), 32)).collect();
    check_dequantize(DType::Q8_K, shape, &blocks, &numbers);

    let known: Vec<DType> = (0..64).filter_map(DType::from_ggml).collect();
    assert_eq!(known.len(), 15, "ten in the file and five here");
    assert!(known.iter().all(|dtype| DType::from_ggml(dtype.ggml()) == Some(*dtype)));
}

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

#[test]
fn folders_of_every_architecture() {
    let check = |name: &str, architecture: Architecture, look: fn(&DecoderConfig)| {
        let checkpoint = Checkpoint::open(reference(name)).unwrap();
        assert_eq!(checkpoint.config.architecture, architecture);
        assert_eq!(checkpoint.config.rope.style, RopeStyle::Half, "{name}");
        assert_eq!(checkpoint.format(), "safetensors");
        checkpoint.verify().unwrap();
        assert!(checkpoint.template().unwrap().is_some(), "{name}");
        assert!(checkpoint.weights_hash().unwrap().starts_with("blake3:"));
        look(&checkpoint.config);
    };
    check("tiny-llama", Architecture::Llama, |c| {
        assert!(!c.tied && !c.qkv_bias && !c.qk_norm && c.sliding_window.is_none());
        assert_eq!((c.heads, c.kv_heads, c.head_dim), (6, 2, 16));
        let llama3 =
            RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 32 };
        assert_eq!(c.rope.scaling, llama3);
    });
    check("tiny-qwen2", Architecture::Qwen2, |c| assert!(c.tied && c.qkv_bias && !c.qk_norm && c.head_dim == 10));
    check("tiny-qwen3", Architecture::Qwen3, |c| assert!(c.qk_norm && c.rope.theta == 100_000.0 && c.head_dim == 32));
    check("tiny-gemma3", Architecture::Gemma3, |c| {
        assert_eq!((c.norm_offset, c.embed_scale, c.activation), (1.0, 48f32.sqrt(), Activation::GeluTanh));
        assert_eq!(c.sliding_window, Some(SlidingWindow { window: 16, pattern: 6 }));
        assert_eq!((c.rope.theta, c.rope.local_theta), (1_000_000.0, Some(10_000.0)));
        assert_eq!(c.attn_scale, 30f32.sqrt().recip());
        let local: Vec<bool> = (0..8).map(|l| c.sliding_window.unwrap().is_local(l)).collect();
        assert_eq!(local, [true, true, true, true, true, false, true, true]);
    });
}

#[test]
fn a_gguf_file_gives_what_was_written() {
    let checkpoint = Checkpoint::from_gguf(Gguf::from_bytes("tiny.gguf", tiny::model()).unwrap()).unwrap();
    assert_eq!((checkpoint.name().as_str(), checkpoint.format()), ("tiny", "gguf"));
    assert_eq!(checkpoint.quantization(), DType::F32);
    assert_eq!(checkpoint.config.vocab as u64, tiny::VOCAB);
    assert_eq!(checkpoint.config.rope.style, RopeStyle::Half);
    let values: u64 = tiny::TENSORS.iter().map(|(_, dims)| dims.iter().product::<u64>()).sum();
    assert_eq!(checkpoint.parameters(), values);
    let down = checkpoint.tensor("blk.0.ffn_down.weight").unwrap();
    assert_eq!((down.rows, down.cols), (8, 12));
    let mut row = [0.0; 12];
    down.dequantize(1..2, &mut row).unwrap();
    assert_eq!(row[..4], [12.0, 13.0, 14.0, 15.0].map(|v| v / 16.0 - 0.5));
    let missing = checkpoint.tensor("blk.9.x").unwrap_err().to_string();
    assert_eq!(missing, "tiny.gguf: tensor `blk.9.x` is missing");
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u8>().prop_map(Value::U8),
        any::<i64>().prop_map(Value::I64),
        any::<bool>().prop_map(Value::Bool),
        (-1e30f32..1e30).prop_map(Value::F32),
        "\\PC{0,20}".prop_map(Value::String),
        prop::collection::vec(any::<u16>(), 0..9).prop_map(|v| Value::Array(Array::U16(v))),
        prop::collection::vec(any::<bool>(), 0..9).prop_map(|v| Value::Array(Array::Bool(v))),
        prop::collection::vec(prop::collection::vec("\\PC{0,5}", 0..3).prop_map(Array::String), 0..4)
            .prop_map(|v| Value::Array(Array::Array(v))),
    ]
}

proptest! {
    #[test]
    fn writing_and_reading_is_the_identity(
        pairs in prop::collection::btree_map("[a-z.]{1,12}", value(), 0..12),
        tensors in prop::collection::btree_map("[a-z.]{1,12}", prop::collection::vec(-1e3f32..1e3, 1..40), 0..8),
    ) {
        let mut writer = Writer::new();
        for (key, value) in &pairs {
            writer.pair(key, value.clone());
        }
        for (name, values) in &tensors {
            writer.tensor(Tensor::f32(name, &[values.len() as u64], values));
        }
        let file = Gguf::from_bytes("p", writer.bytes()).unwrap();
        let found: Vec<(&str, &Value)> = file.metadata().iter().collect();
        let expected: Vec<(&str, &Value)> = pairs.iter().map(|(k, v)| (k.as_str(), v)).collect();
        prop_assert_eq!(found, expected);
        for (name, values) in &tensors {
            let tensor = file.tensor(name).unwrap();
            let mut out = vec![0.0; values.len()];
            tensor.dequantize(0..1, &mut out).unwrap();
            prop_assert_eq!(&out, values);
        }
    }
}
