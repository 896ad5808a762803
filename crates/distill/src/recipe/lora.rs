//! The table `[lora]` of a recipe.

use serde::{Deserialize, Serialize};

use super::{Fault, is_off};
use crate::network::Lora;
use crate::student::Origin;

/// Low-rank adapters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraRecipe {
    /// Rank.
    pub rank: usize,
    /// α: an adapter counts α / rank times.
    pub alpha: f64,
    /// Share of an adapter's inputs that a step leaves out.
    #[serde(default)]
    pub dropout: f64,
    /// What is adapted.
    #[serde(default)]
    pub targets: Targets,
    /// An adapter counts α / √rank times (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732).
    #[serde(default)]
    pub rslora: bool,
    /// The weights below stay in memory as their file stores them, and are unpacked piece by piece (QLoRA, Dettmers et al. 2023,
    /// arXiv 2305.14314).
    #[serde(default, skip_serializing_if = "is_off")]
    pub quantized: bool,
}

/// Matrices by the names that PEFT has for them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Targets {
    /// `all-linear`.
    #[default]
    #[serde(with = "all_linear")]
    All,
    /// `q_proj`, `k_proj`, `v_proj`, `o_proj`, `gate_proj`, `up_proj`, `down_proj`.
    Some(Vec<String>),
}

/// The word for all matrices of a layer.
const ALL_LINEAR: &str = "all-linear";
/// PEFT's names, in the order of [`PROJECTIONS`](crate::network::PROJECTIONS).
const MODULES: [&str; 7] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

mod all_linear {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::ALL_LINEAR;

    pub(super) fn serialize<S: Serializer>(to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(ALL_LINEAR)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
        let word = String::deserialize(from)?;
        if word == ALL_LINEAR { Ok(()) } else { Err(D::Error::custom(format!("expected {ALL_LINEAR}"))) }
    }
}

impl LoraRecipe {
    /// PEFT's names of what is adapted.
    #[must_use]
    pub fn modules(&self) -> Vec<String> {
        match &self.targets {
            Targets::All => MODULES.map(str::to_owned).to_vec(),
            Targets::Some(modules) => modules.clone(),
        }
    }

    /// Places of what is adapted in [`PROJECTIONS`](crate::network::PROJECTIONS).
    #[must_use]
    pub fn places(&self) -> Vec<usize> {
        let modules = self.modules();
        (0..MODULES.len()).filter(|&at| modules.iter().any(|module| module == MODULES[at])).collect()
    }

    /// What all adapters have in common.
    #[must_use]
    pub fn shape(&self) -> Lora {
        let rank = self.rank as f64;
        let scale = self.alpha / if self.rslora { rank.sqrt() } else { rank };
        Lora { rank: self.rank, scale: scale as f32, dropout: self.dropout as f32 }
    }

    pub(super) fn fault(&self, student: &Origin) -> Option<Fault> {
        if self.quantized && matches!(student, Origin::Fresh(_)) {
            let expected = "false, or a student that a file stores (student.layers, every or model)";
            return Some(("lora.quantized", expected, "true for a fresh one".to_owned()));
        }
        if self.rank == 0 {
            return Some(("lora.rank", "at least 1", "0".to_owned()));
        }
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return Some(("lora.alpha", "a number above 0", self.alpha.to_string()));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Some(("lora.dropout", "a share from 0 to below 1", self.dropout.to_string()));
        }
        let names = "all-linear, or some of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj";
        let modules = self.modules();
        let unknown = modules.iter().find(|module| !MODULES.contains(&module.as_str()));
        let none = || modules.is_empty().then(|| "none".to_owned());
        unknown.cloned().or_else(none).map(|found| ("lora.targets", names, found))
    }
}
