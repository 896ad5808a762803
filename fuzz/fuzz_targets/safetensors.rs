#![no_main]

use hydrometer_models::safetensors;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    match kind % 3 {
        0 => drop(safetensors::check_header("fuzz.safetensors", rest)),
        1 => drop(safetensors::check_index("fuzz.index.json", rest)),
        _ => drop(safetensors::check_config("fuzz/config.json", rest)),
    }
});
