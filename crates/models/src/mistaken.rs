//! What people name in the place of a model, and what to do instead: said before it is read as if it were one.

use std::io::Read;
use std::path::{Path, PathBuf};

use hydrometer_answers::logged::may_be_logs;
use hydrometer_probes::strangers::open_file;
use serde_json::Value;

use crate::ModelError;
use crate::gguf::Gguf;

/// First bytes of what Git keeps in the place of a large file.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
/// Files of a Hugging Face folder that are large enough to be kept so.
const LARGE: [&str; 3] = ["model.safetensors", "model-00001-of-00002.safetensors", "tokenizer.json"];

fn instead(reason: String) -> Result<(), ModelError> {
    Err(ModelError::Request { reason })
}

/// Refuses a name that is none of a file or folder with a model.
///
/// # Errors
/// What it is, and what to name instead.
pub(crate) fn refuse_name(path: &Path) -> Result<(), ModelError> {
    let text = path.to_string_lossy();
    if text.starts_with("http://") || text.starts_with("https://") {
        return instead(format!(
            "{text} is an address; download the model and name its file or folder, or name a server as openai:URL#MODEL"
        ));
    }
    if path.extension().is_some_and(|extension| extension == "toml") {
        return instead(format!("{text} is no model file; a scripted model is named scripted:{text}"));
    }
    if !path.exists() {
        return refuse_absent(path, &text);
    }
    if path.is_dir() {
        return refuse_folder(path);
    }
    if path.extension().is_some_and(|extension| extension == "safetensors") {
        return instead(format!(
            "{text} is one file of a model; name its folder, with config.json and tokenizer.json beside it"
        ));
    }
    refuse_pointer(path)
}

/// A name of a hub or of a server, where no such file is.
fn refuse_absent(path: &Path, text: &str) -> Result<(), ModelError> {
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    };
    if let Some((name, tag)) = text.split_once(':')
        && plain(name)
        && plain(tag)
    {
        return instead(format!(
            "there is no file {text}; it looks like a model of Ollama: ollama:{text} asks it, and `ollama show {text} \
             --modelfile` names the file of its weights (FROM), which is a GGUF file and shows more"
        ));
    }
    if let Some((owner, name)) = text.split_once('/')
        && plain(owner)
        && plain(name)
        && path.extension().is_none_or(|extension| extension != "gguf")
        && !Path::new(owner).exists()
    {
        return instead(format!(
            "there is no folder {text}; it looks like a model of the Hugging Face hub: hf:{text} fetches it"
        ));
    }
    // The error of opening it says the rest.
    Ok(())
}

/// A folder that holds a model in another form.
fn refuse_folder(path: &Path) -> Result<(), ModelError> {
    let shown = path.display();
    for name in LARGE {
        let file = path.join(name);
        if file.is_file() {
            refuse_pointer(&file)?;
        }
    }
    let (is_model, is_adapter) = (path.join("config.json").exists(), path.join("adapter_config.json").exists());
    if is_model && is_adapter {
        return instead(format!(
            "{shown} holds a model and a LoRA adapter for it, which transformers would apply; merge them (PEFT: merge_and_unload, then \
             save_pretrained), or move adapter_config.json out of the folder to name the model without it"
        ));
    }
    if is_model {
        return refuse_two(path);
    }
    if is_adapter {
        return instead(format!(
            "{shown} is a LoRA adapter, not a model; merge it into its base model (PEFT: merge_and_unload, then \
             save_pretrained) and name the merged folder"
        ));
    }
    let entries = std::fs::read_dir(path).map_err(|e| ModelError::io(path, "cannot read", e))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "gguf"));
    files.sort();
    match files.first() {
        Some(file) => instead(format!("{shown} is a folder with GGUF files; name the file: {}", file.display())),
        None => refuse_logs(path),
    }
}

/// A folder with answers of a model, and no model.
fn refuse_logs(path: &Path) -> Result<(), ModelError> {
    let shown = path.display();
    let kept = ["manifest.json", "store.json"].iter().any(|file| path.join(file).is_file());
    if kept {
        return instead(format!("{shown} holds no model, but answers that are kept: answers:{shown} replays them"));
    }
    // Files beside a model that lacks its config.json say nothing.
    let is_part_of_a_model = LARGE.iter().any(|file| path.join(file).exists());
    let is_log = |file: &&PathBuf| file.extension().is_some_and(|extension| extension != "json");
    match may_be_logs(path).iter().find(is_log) {
        Some(file) if !is_part_of_a_model => instead(format!(
            "{shown} holds no model (config.json is missing); where {0} are answers that were logged, answers:{0} replays them",
            file.display()
        )),
        _ => Ok(()),
    }
}

/// A folder with two sets of weights.
fn refuse_two(path: &Path) -> Result<(), ModelError> {
    let [one, index] = ["model.safetensors", "model.safetensors.index.json"];
    // Some exporters write an index of the one file; one that cannot be read has an error of its own.
    let names_others = || {
        let index = std::fs::read(path.join(index)).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        index.and_then(|index| Some(index["weight_map"].as_object()?.values().any(|file| file != one)))
    };
    if path.join(one).exists() && names_others() == Some(true) {
        return instead(format!(
            "{} holds two sets of weights, {one} and those that {index} names; move away the one that is not meant",
            path.display()
        ));
    }
    Ok(())
}

/// What Git keeps in the place of a large file.
fn refuse_pointer(path: &Path) -> Result<(), ModelError> {
    let mut start = Vec::new();
    let file = open_file(path).map_err(|e| ModelError::io(path, "cannot open", e))?;
    file.take(POINTER.len() as u64).read_to_end(&mut start).map_err(|e| ModelError::io(path, "cannot read", e))?;
    if start == POINTER {
        return instead(format!(
            "{} is a pointer of Git LFS, not the file itself; fetch it: `git lfs pull` in its repository",
            path.display()
        ));
    }
    Ok(())
}

/// Refuses a GGUF file that is no whole model.
///
/// # Errors
/// It is an adapter or one part of several.
pub(crate) fn refuse_part(file: &Gguf) -> Result<(), ModelError> {
    let (path, metadata) = (file.path(), file.metadata());
    let shown = path.display();
    if metadata.optional_str(path, "general.type")?.is_some_and(|kind| kind == "adapter") {
        return instead(format!(
            "{shown} is a LoRA adapter, not a model; merge it into its base model (`llama-export-lora -m BASE --lora \
             {shown} -o MERGED`) and name the merged file"
        ));
    }
    let parts = metadata.optional_size(path, "split.count")?.unwrap_or(1);
    if parts > 1 {
        let part = metadata.optional_size(path, "split.no")?.map_or(0, |number| number + 1);
        return instead(format!(
            "{shown} is part {part} of {parts} of a model; join the parts (`llama-gguf-split --merge FIRST-PART OUT`) and \
             name the whole file"
        ));
    }
    Ok(())
}
