#![no_main]

use hydrometer_models::Checkpoint;
use hydrometer_models::gguf::Gguf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = Gguf::from_bytes("fuzz.gguf", bytes) else {
        return;
    };
    for info in file.tensors() {
        if let Ok(tensor) = file.tensor(&info.name) {
            // One row is enough to reach the decoder of the type; its length is bounded by the input's.
            let mut row = vec![0.0; tensor.cols];
            let _ = tensor.dequantize(0..1, &mut row);
        }
    }
    if let Ok(checkpoint) = Checkpoint::from_gguf(file) {
        let _ = checkpoint.verify();
        let _ = checkpoint.tokenizer();
        let _ = checkpoint.template();
    }
});
