//! How much longer the normalizer of a `tokenizer.json` can make a text: a chain of replacements of one letter by ten
//! grows a page to gigabytes.

use std::path::Path;

use serde_json::Value;

use crate::ModelError;

/// Times that a text may grow; published tokenizers write `▁`, three bytes, for a space.
const MOST: usize = 16;

pub(crate) fn check(path: &Path, normalizer: &Value) -> Result<(), ModelError> {
    let growth = growth(normalizer);
    if growth <= MOST {
        return Ok(());
    }
    let expected = format!("replacements that make a text at most {MOST} times as long");
    Err(ModelError::malformed(path, "`normalizer`", expected, format!("{growth} times")))
}

fn growth(step: &Value) -> usize {
    let steps = step["normalizers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let inner = steps.iter().map(growth).fold(1, usize::saturating_mul);
    if step["type"] != "Replace" {
        return inner;
    }
    let content = step["content"].as_str().map_or(0, str::len);
    let own = match step["pattern"]["String"].as_str() {
        Some(pattern) => content.div_ceil(pattern.len().max(1)),
        // A regular expression may match one byte.
        None => content,
    };
    inner.saturating_mul(own.max(1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_growth(normalizer: &Value, expected: usize) {
        assert_eq!(growth(normalizer), expected, "{normalizer}");
    }

    #[test]
    fn chains_multiply() {
        let replace =
            |pattern: Value, content: &str| json!({"type": "Replace", "pattern": pattern, "content": content});
        let space = replace(json!({"String": " "}), "▁");
        let tenfold = replace(json!({"String": "a"}), "aaaaaaaaaa");
        check_growth(&Value::Null, 1);
        check_growth(&space, 3);
        check_growth(&replace(json!({"String": "``"}), "\""), 1);
        check_growth(&replace(json!({"Regex": " {2,}"}), "▁"), 3);
        check_growth(&replace(json!({"Regex": "a"}), ""), 1);
        let sequence = json!({"type": "Sequence", "normalizers": [space, {"type": "NFKC"}, tenfold, tenfold]});
        check_growth(&sequence, 300);
        let chain = json!({"type": "Sequence", "normalizers": vec![&sequence; 50]});
        check_growth(&chain, usize::MAX);
        assert!(check(Path::new("tokenizer.json"), &chain).is_err());
        assert!(check(Path::new("tokenizer.json"), &space).is_ok());
    }
}
