//! What the readers give: values of every stored type, configurations of every architecture, files written and read
//! back.
#![allow(clippy::unwrap_used)]

#[path = "formats_tiny/mod.rs"]
mod tiny;

use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::{GgmlDType, QTensor};
use hydrometer_models::gguf::write::{Tensor, Writer};
use hydrometer_models::gguf::{Array, Gguf, Value};
use hydrometer_models::{
    Activation, Architecture, Checkpoint, DType, DecoderConfig, RawTensor, RopeScaling, RopeStyle, SlidingWindow,
};
use proptest::prelude::*;

/// Random but finite blocks: quantised from random numbers by candle itself, then compared with candle's own tensors.
fn check_dequantize(dtype: DType, theirs: GgmlDType) {
    let (rows, cols) = (5, 512);
    let values: Vec<f32> =
        (0..rows * cols).map(|i| ((i * 7919 % 1009) as f32 / 504.5 - 1.0) * (1.0 + (i / 300) as f32)).collect();
    let source = candle_core::Tensor::from_vec(values.clone(), (rows, cols), &Device::Cpu).unwrap();
    let quantized = QTensor::quantize(&source, theirs).unwrap();
    let bytes = quantized.data().unwrap().into_owned();
    assert_eq!(dtype.bytes_of(rows * cols), Some(bytes.len()), "{dtype}");
    let expected: Vec<f32> = quantized.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    // An odd address: nothing may depend on alignment.
    let mut shifted = vec![0; bytes.len() + 1];
    shifted[1..].copy_from_slice(&bytes);
    for bytes in [bytes, shifted[1..].to_vec()] {
        let tensor = RawTensor { name: "t".to_owned(), dtype, rows, cols, bytes };
        let mut all = vec![0.0; rows * cols];
        tensor.dequantize(0..rows, &mut all).unwrap();
        assert_eq!(all, expected, "{dtype}");
        let mut middle = vec![0.0; 2 * cols];
        tensor.dequantize(2..4, &mut middle).unwrap();
        assert_eq!(middle, expected[2 * cols..4 * cols], "{dtype}");
        assert!(tensor.dequantize(4..6, &mut middle).is_err() && tensor.dequantize(0..1, &mut middle).is_err());
    }
    // The numbers are the ones that went in, up to the precision of the type.
    let scale = values.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let worst = values.iter().zip(&expected).fold(0.0f32, |m, (a, b)| m.max((a - b).abs())) / scale;
    let bits = 8.0 * dtype.block_bytes() as f32 / dtype.block_len() as f32;
    assert!(worst < 1.6 * (-0.8 * bits).exp2() + 0.005, "{dtype}: {worst} with {bits} bits");
}

#[test]
fn every_type_is_dequantised_as_candle_does() {
    let types = [
        (DType::F32, GgmlDType::F32),
        (DType::F16, GgmlDType::F16),
        (DType::BF16, GgmlDType::BF16),
        (DType::Q4_0, GgmlDType::Q4_0),
        (DType::Q4_1, GgmlDType::Q4_1),
        (DType::Q5_0, GgmlDType::Q5_0),
        (DType::Q5_1, GgmlDType::Q5_1),
        (DType::Q8_0, GgmlDType::Q8_0),
        (DType::Q2_K, GgmlDType::Q2K),
        (DType::Q3_K, GgmlDType::Q3K),
        (DType::Q4_K, GgmlDType::Q4K),
        (DType::Q5_K, GgmlDType::Q5K),
        (DType::Q6_K, GgmlDType::Q6K),
        (DType::Q8_K, GgmlDType::Q8K),
    ];
    for (ours, theirs) in types {
        check_dequantize(ours, theirs);
    }
    let known: Vec<DType> = (0..64).filter_map(DType::from_ggml).collect();
    // All that candle decodes; Q8_1 is an intermediate of products that no file holds and candle cannot make.
    assert_eq!(known.len(), types.len() + 1);
    assert!(known.iter().all(|d| DType::from_ggml(d.ggml()) == Some(*d)));
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
