//! A PEFT adapter: `adapter_config.json` and `adapter_model.safetensors`, as `peft` loads them onto the student before training.

use std::fs;
use std::path::Path;

use hydrometer_answers::{RunError, durable};
use hydrometer_models::safetensors::in_file;
use serde_json::{Map, Value, json};

use super::safetensors::{self, Tensor};
use crate::DistillError;
use crate::network::{Network, PROJECTIONS};
use crate::recipe::LoraRecipe;

/// Writes the adapters of a network. `base` is where the weights under them are, as `peft` will look for them.
///
/// # Errors
/// A file that cannot be written.
pub fn adapter(folder: &Path, network: &Network, recipe: &LoraRecipe, base: &Path) -> Result<(), DistillError> {
    fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
    let mut tensors = Vec::new();
    for (index, layer) in network.weights.layers.iter().enumerate() {
        for (name, adapter) in PROJECTIONS.iter().zip(&layer.lora) {
            let (Some(adapter), Some(lora)) = (adapter, network.lora) else { continue };
            let canonical = format!("blk.{index}.{name}.weight");
            let module = in_file(&canonical, network.config.architecture).unwrap_or(canonical);
            let module = module.trim_end_matches(".weight");
            let (inputs, outputs) = (adapter.a.len() / lora.rank, adapter.b.len() / lora.rank);
            let sides = [("A", vec![lora.rank, inputs], &adapter.a), ("B", vec![outputs, lora.rank], &adapter.b)];
            for (side, shape, values) in sides {
                let name = format!("base_model.model.{module}.lora_{side}.weight");
                tensors.push(Tensor::of(name, shape, values));
            }
        }
    }
    let about = Map::from_iter([("format".to_owned(), Value::from("pt"))]);
    let weights = folder.join("adapter_model.safetensors");
    durable::replace_with(&weights, |file| safetensors::write(file, &about, &tensors))?;
    let config = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.display().to_string(),
        "r": recipe.rank,
        "lora_alpha": recipe.alpha,
        "lora_dropout": recipe.dropout,
        "use_rslora": recipe.rslora,
        "target_modules": recipe.modules(),
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "inference_mode": true,
        "modules_to_save": null,
        "layers_to_transform": null,
    });
    Ok(durable::replace(&folder.join("adapter_config.json"), format!("{config:#}\n").as_bytes())?)
}
