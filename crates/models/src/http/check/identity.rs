//! Who answers: the model's name, the fingerprint and the build, twice the same.

use super::looking::Looking;
use super::{Check, Found, Spoils, failed};
use crate::http::asking::Failed;
use crate::http::introducing::file_name;

pub(super) struct Identity;

impl Check for Identity {
    fn name(&self) -> &'static str {
        "identity"
    }

    fn what(&self) -> &'static str {
        "one model, fingerprint and build answer"
    }

    fn spoils(&self) -> Spoils {
        Spoils::Answers
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let first = &at.first.reply;
        let again = at.ask(&Looking::conversation())?;
        let name = |name: &Option<String>| file_name(name.as_deref().unwrap_or("no name")).to_owned();
        if again.model != first.model {
            return Ok(failed(
                format!("the model was `{}` and is `{}` a moment later", name(&first.model), name(&again.model)),
                "name a model that is served under one name only: a gateway may choose among several",
            ));
        }
        let mut evidence = format!("model `{}`", name(&first.model));
        if let Some(fingerprint) = &first.fingerprint {
            evidence += &format!(", fingerprint {fingerprint}");
        }
        if again.fingerprint != first.fingerprint {
            // At a provider it says which machine answered.
            evidence += &format!(" and {}", name(&again.fingerprint));
        }
        let build = match at.scheme() {
            "llama-server" => {
                at.beside("/props", None)?.and_then(|props| props["build_info"].as_str().map(str::to_owned))
            }
            "vllm" | "ollama" => {
                let path = if at.scheme() == "vllm" { "/version" } else { "/api/version" };
                at.beside(path, None)?.and_then(|answer| answer["version"].as_str().map(str::to_owned))
            }
            _ => None,
        };
        evidence += &build.map_or_else(String::new, |build| format!(", build {build}"));
        Ok(Found::Passed(evidence))
    }
}
