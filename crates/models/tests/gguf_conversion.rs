//! Whole models written as GGUF: what is read again is the model that was there.
#![allow(clippy::unwrap_used)]

use crate::tiny;

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_models::gguf::write::{Conversion, Types};
use hydrometer_models::gguf::{Array, Gguf, Value};
use hydrometer_models::{
    Architecture, Block, Checkpoint, DType, Decoder, EngineOptions, Precision, RopeScaling, RopeStyle, Scores, Sequence,
};
use tempfile::TempDir;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

fn demo_teacher() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf")
}

fn write(source: &Checkpoint, types: &str, path: &Path) {
    let conversion = Conversion::plan(source, &types.parse().unwrap()).unwrap();
    let mut told = Vec::new();
    let mut each = |done| {
        told.push(done);
        true
    };
    conversion.write(path, &mut each).unwrap();
    assert_eq!(told, (1..=conversion.tensors().len()).collect::<Vec<_>>());
}

/// Logits of 40 tokens.
fn logits(checkpoint: &Checkpoint) -> Vec<f32> {
    let decoder = Decoder::open(checkpoint, &EngineOptions { precision: Precision::F32 }).unwrap();
    let vocab = checkpoint.config.vocab;
    let tokens = (0..40).map(|i| (i * 7919 + 3) % vocab as u32).collect();
    let block = Block { sequences: vec![Sequence { tokens, rows: (0..40).collect() }] };
    let mut out = vec![0.0; 40 * vocab];
    decoder.score(&block).unwrap().read(0..40, &mut out).unwrap();
    out
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A copy of a folder with another `config.json`.
fn changed(home: &Path, name: &str, from: &str, to: &str) -> PathBuf {
    let copy = home.join(name);
    fs::create_dir_all(&copy).unwrap();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    let config = fs::read_to_string(copy.join("config.json")).unwrap();
    assert!(config.contains(from), "{config}");
    fs::write(copy.join("config.json"), config.replace(from, to)).unwrap();
    copy
}

/// Rows of q and k are put where llama's files have them, Gemma's norms get their one, Llama 3's rule becomes a tensor, and the
/// model that is read has the logits and the tokens of the folder.
#[test]
fn folders_of_every_architecture_become_files_with_their_logits() {
    let home = TempDir::new().unwrap();
    let gemma = changed(home.path(), "tiny-gemma3", "\"query_pre_attn_scalar\": 30", "\"query_pre_attn_scalar\": 20");
    // Its own merges are not SentencePiece's.
    put_tokenizer(&with_pieces(false, true), &gemma);
    fs::write(gemma.join("tokenizer-cases.json"), r#"{"cases": [{"text": "the and\n\n the"}]}"#).unwrap();
    for path in [folder("tiny-llama"), folder("tiny-qwen2"), folder("tiny-qwen3"), gemma] {
        let source = Checkpoint::open(&path).unwrap();
        let file = home.path().join("written.gguf");
        write(&source, "f32", &file);
        let written = Checkpoint::open(&file).unwrap();
        let is_llama = source.config.architecture == Architecture::Llama;
        assert_eq!(written.config.rope.style == RopeStyle::Interleaved, is_llama, "{}", path.display());
        assert_eq!(written.has("rope_freqs.weight"), matches!(source.config.rope.scaling, RopeScaling::Llama3 { .. }));
        let difference = largest_difference(&logits(&source), &logits(&written));
        assert!(difference < 2e-5, "{}: {difference}", path.display());
        let cases = fs::read_to_string(path.join("tokenizer-cases.json")).unwrap();
        let cases: serde_json::Value = serde_json::from_str(&cases).unwrap();
        let (ours, theirs) = (written.tokenizer().unwrap(), source.tokenizer().unwrap());
        for case in cases["cases"].as_array().unwrap() {
            // A GGUF file does not say that characters are composed first.
            let text = case["text"].as_str().unwrap();
            if !text.contains('\u{301}') {
                assert_eq!(ours.encode_rendered(text).unwrap(), theirs.encode_rendered(text).unwrap(), "{text:?}");
            }
        }
        let message = [hydrometer_models::Message::user("Hello")];
        let rendered = |checkpoint: &Checkpoint| {
            let template = checkpoint.template().unwrap().unwrap();
            template
                .encode(&checkpoint.tokenizer().unwrap(), &message, hydrometer_models::GenerationPrompt::Add)
                .unwrap()
        };
        assert_eq!(rendered(&written), rendered(&source));
        // Quantised, it is near the same model.
        write(&source, "q8_0", &file);
        let written = Checkpoint::open(&file).unwrap();
        let (theirs, ours) = (logits(&source), logits(&written));
        let size = theirs.iter().fold(0f32, |size, v| size.max(v.abs()));
        let difference = largest_difference(&theirs, &ours);
        assert!(difference > 0.0 && difference < 0.1 * size, "{}: {difference} of {size}", path.display());
    }
}

#[test]
fn what_gguf_cannot_say_is_refused_before_anything_is_written() {
    let home = TempDir::new().unwrap();
    let check = |path: &Path, expected: &[&str]| {
        let source = Checkpoint::open(path).unwrap();
        let error = Conversion::plan(&source, &"f16".parse().unwrap()).unwrap_err().to_string();
        assert!(expected.iter().all(|part| error.contains(part)), "{error}");
    };
    check(&folder("tiny-gemma3"), &["could be put together of", "and no merge says so"]);
    let copy = changed(home.path(), "tiny-gemma3", "\"vocab_size\"", "\"vocab_size\"");
    put_tokenizer(&with_pieces(false, true), &copy);
    check(&copy, &["configuration as GGUF metadata", "attn_scale: "]);
    let copy = changed(home.path(), "tiny-qwen2", "\"vocab_size\"", "\"vocab_size\"");
    let tokenizer = fs::read_to_string(copy.join("tokenizer.json")).unwrap();
    fs::write(copy.join("tokenizer.json"), tokenizer.replace("\\\\p{N}|", "\\\\p{N}{1,2}|")).unwrap();
    check(&copy, &["unsupported tokenizer to write as GGUF a pre-tokenizer that has no name"]);
    let source = Checkpoint::open(folder("tiny-llama")).unwrap();
    let types = Types { matrices: DType::Q2_K, output: None };
    let error = Conversion::plan(&source, &types).unwrap_err().to_string();
    assert!(error.contains("\"Q2_K\"") && error.contains("q5_k"), "{error}");
}

/// A file in the types that it has already is copied bit for bit, metadata and tensors.
#[test]
fn a_file_in_its_own_types_is_the_same_file() {
    let home = TempDir::new().unwrap();
    let source = Checkpoint::open(demo_teacher()).unwrap();
    let path = home.path().join("copy.gguf");
    let types = Types { matrices: DType::Q8_0, output: Some(DType::F16) };
    Conversion::plan(&source, &types).unwrap().write(&path, &mut |_| true).unwrap();
    let (before, after) = (Gguf::open(&demo_teacher()).unwrap(), Gguf::open(&path).unwrap());
    assert_eq!(before.metadata(), after.metadata());
    assert_eq!(before.tensors().len(), after.tensors().len());
    for (a, b) in before.tensors().iter().zip(after.tensors()) {
        assert_eq!((&a.name, a.dtype, &a.dims), (&b.name, b.dtype, &b.dims));
        assert!(b.offset.is_multiple_of(32), "{b:?}");
        assert_eq!(before.tensor(&a.name).unwrap().bytes, after.tensor(&a.name).unwrap().bytes, "{}", a.name);
    }
}

#[test]
fn rows_that_fit_no_block_get_another_type_and_the_plan_says_so() {
    let source = Checkpoint::open(demo_teacher()).unwrap();
    let conversion = Conversion::plan(&source, &"q4_k".parse().unwrap()).unwrap();
    let find = |name: &str| conversion.tensors().iter().find(|planned| planned.name == name).unwrap();
    let q = find("blk.0.attn_q.weight");
    assert_eq!((q.cols, q.from, q.to, q.instead_of), (192, DType::Q8_0, DType::Q5_0, Some(DType::Q4_K)));
    let embedding = find("token_embd.weight");
    assert_eq!((embedding.to, embedding.instead_of), (DType::Q8_0, None));
    assert_eq!((find("blk.0.attn_norm.weight").to, find("output_norm.weight").to), (DType::F32, DType::F32));
    let home = TempDir::new().unwrap();
    let path = home.path().join("q.gguf");
    conversion.write(&path, &mut |_| true).unwrap();
    let file = Gguf::open(&path).unwrap();
    assert_eq!(file.metadata().get("general.file_type"), Some(&Value::U32(14)));
    for planned in conversion.tensors() {
        let info = file.info(&planned.name).unwrap();
        assert_eq!((info.dtype, info.bytes), (planned.to, planned.bytes()), "{}", planned.name);
    }
    let size: u64 = conversion.tensors().iter().map(|planned| planned.bytes().next_multiple_of(32)).sum();
    assert!(file.size() > size && file.size() < size + 200_000);
    let (theirs, ours) = (logits(&source), logits(&Checkpoint::open(&path).unwrap()));
    let difference = largest_difference(&theirs, &ours);
    assert!(difference > 0.0 && difference < 3.0, "{difference}");
}

#[test]
fn a_file_that_is_not_finished_is_not_there() {
    let home = TempDir::new().unwrap();
    let source = Checkpoint::open(demo_teacher()).unwrap();
    let conversion = Conversion::plan(&source, &"f16".parse().unwrap()).unwrap();
    let path = home.path().join("old.gguf");
    fs::write(&path, "old").unwrap();
    let error = conversion.write(&path, &mut |done| done < 5).unwrap_err().to_string();
    assert!(error.contains("old.gguf: stopped before its end"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    let error = conversion.write(&home.path().join("no/new.gguf"), &mut |_| true).unwrap_err().to_string();
    assert!(error.contains("new.gguf: cannot write: "), "{error}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

/// The tiny model with SentencePiece's entries, in an order that is not that of their scores.
fn with_pieces(adds_space: bool, scores_differ: bool) -> Checkpoint {
    let mut tokens: Vec<(String, f32, i32)> =
        [("<pad>", 3), ("</s>", 3), ("<s>", 3), ("<unk>", 2)].map(|(text, kind)| (text.to_owned(), 0.0, kind)).to_vec();
    tokens.extend((0..=255).map(|byte| (format!("<0x{byte:02X}>"), 0.0, 6)));
    let pieces = ["▁", "t", "h", "e", "a", "n", "d", "▁t", "▁th", "▁the", "an", "he", "and", "▁and", "the", "▁▁", "é"];
    tokens.extend(pieces.iter().zip(1..).map(|(piece, i)| ((*piece).to_owned(), -((i * 7 % 17) as f32), 1)));
    if !scores_differ {
        tokens[4 + 256 + 10].1 = tokens[4 + 256 + 11].1;
    }
    tokens.push(("\n\n".to_owned(), 0.0, 4));
    let change = |pairs: &mut Vec<(&'static str, Value)>| {
        pairs.retain(|(key, _)| !key.starts_with("tokenizer.ggml"));
        pairs.extend([
            ("tokenizer.ggml.model", Value::String("llama".to_owned())),
            ("tokenizer.ggml.add_space_prefix", Value::Bool(adds_space)),
            ("tokenizer.ggml.bos_token_id", Value::U32(2)),
            ("tokenizer.ggml.eos_token_id", Value::U32(1)),
            ("tokenizer.ggml.unknown_token_id", Value::U32(3)),
            ("tokenizer.ggml.tokens", Value::Array(Array::String(tokens.iter().map(|t| t.0.clone()).collect()))),
            ("tokenizer.ggml.scores", Value::Array(Array::F32(tokens.iter().map(|t| t.1).collect()))),
            ("tokenizer.ggml.token_type", Value::Array(Array::I32(tokens.iter().map(|t| t.2).collect()))),
        ]);
    };
    Checkpoint::from_gguf(Gguf::from_bytes("pieces.gguf", tiny::with(change, |_| {})).unwrap()).unwrap()
}

/// Puts the tokenizer of a model in the place of a folder's.
fn put_tokenizer(of: &Checkpoint, folder: &Path) {
    for (name, content) in of.tokenizer_files().unwrap() {
        fs::write(folder.join(name), content).unwrap();
    }
}

/// Scores become merges, and merges scores, and the tokens stay what they were.
#[test]
fn sentencepiece_goes_into_folders_and_comes_back() {
    for adds_space in [true, false] {
        let source = with_pieces(adds_space, true);
        let home = TempDir::new().unwrap();
        let copy = changed(home.path(), "tiny-llama", "\"vocab_size\"", "\"vocab_size\"");
        put_tokenizer(&source, &copy);
        let folder = Checkpoint::open(&copy).unwrap();
        let path = home.path().join("back.gguf");
        write(&folder, "f32", &path);
        let back = Checkpoint::open(&path).unwrap();
        let texts = ["the and then", "th", " the  and", "é\n\nz", "字t<s>the</s>and", "andthe\n\n and", "  ", "handed"];
        let [a, b, c] = [&source, &folder, &back].map(|checkpoint| checkpoint.tokenizer().unwrap());
        for text in texts {
            let ids = [&a, &b, &c]
                .map(|tokenizer| (tokenizer.encode(text).unwrap(), tokenizer.encode_rendered(text).unwrap()));
            assert!(ids[0] == ids[1] && ids[0] == ids[2], "{adds_space} {text:?}: {ids:?}");
        }
        assert_eq!([&a, &b, &c].map(|t| (t.bos(), t.eos(), t.adds_bos())), [(Some(2), Some(1), true); 3]);
    }
    let error = with_pieces(true, false).tokenizer_files().unwrap_err().to_string();
    assert!(error.contains("unsupported tokenizer to write the entries 270 and 271 have one score"), "{error}");
}
