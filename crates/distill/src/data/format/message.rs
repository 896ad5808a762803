//! What a message says of itself beside role and content: what the assistant thought, and whether its answer may be learnt.

use serde_json::Value;

use super::{Record, blocks, role_of};
use crate::data::Said;

/// Names under which servers and data sets keep reasoning: DeepSeek's and Qwen's, OpenRouter's and vLLM's, Ollama's and gpt-oss's.
const REASONING: [&str; 3] = ["reasoning_content", "reasoning", "thinking"];
/// Parts of a message that axolotl learns or not.
const OF_PARTS: [&str; 2] = ["train_detail", "training_detail"];

/// The message of an entry.
pub(super) fn said(entry: &Value, role: &str, content: &str) -> Result<Said, String> {
    let entry = entry.as_object().ok_or("it is no object")?;
    let role = role_of(entry, role)?;
    let content = entry.get(content).and_then(blocks).ok_or("its content is no text")?;
    let (reasoning_content, train) = (reasoning(entry, role)?, may_be_learnt(entry, role)?);
    Ok(Said { reasoning_content, train, ..Said::new(role, content) })
}

/// What the assistant thought before it said so.
pub(super) fn reasoning(entry: &Record, role: &str) -> Result<Option<String>, String> {
    if role != "assistant" {
        return Ok(None);
    }
    for key in REASONING {
        let Some(value) = entry.get(key).filter(|value| !value.is_null()) else { continue };
        let text = blocks(value).ok_or_else(|| format!("its `{key}` is no text"))?;
        if !text.trim().is_empty() {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Whether an answer may be learnt, as the record says: `weight` of OpenAI's fine-tuning (0 or 1), `train` of axolotl and `loss` of
/// ms-swift (true or false). Of other roles nothing is learnt.
pub(super) fn may_be_learnt(entry: &Record, role: &str) -> Result<bool, String> {
    if role != "assistant" {
        return Ok(true);
    }
    let said = |key: &str| entry.get(key).filter(|value| !value.is_null());
    if let Some(key) =
        OF_PARTS.into_iter().find(|key| said(key).is_some_and(|parts| *parts != Value::Array(Vec::new())))
    {
        return Err(format!(
            "its `{key}` says which parts of it are learnt, and messages are learnt whole or not at all"
        ));
    }
    let weight = match said("weight").map(Value::as_f64) {
        None => true,
        Some(Some(weight)) if weight == 0.0 || weight == 1.0 => weight == 1.0,
        Some(_) => return Err("its `weight` is neither 0 nor 1".to_owned()),
    };
    let train =
        said("train").map_or(Ok(true), |train| train.as_bool().ok_or("its `train` is neither true nor false"))?;
    // Logs keep a number under this name, which excludes nothing.
    let loss = said("loss").and_then(Value::as_bool).unwrap_or(true);
    Ok(weight && train && loss)
}
