//! How samples begin: with one BOS token, all of them or none.

use super::Used;
use crate::data::finding::{Findings, Weight};

pub(super) fn look(used: &[Used<'_>], bos: Option<u32>, found: &mut Findings) {
    let Some(bos) = bos else { return };
    let count = |used: &Used<'_>| used.begins.iter().take_while(|token| **token == bos).count();
    let some = used.iter().any(|used| count(used) > 0);
    for used in used {
        let what = match count(used) {
            0 if some => {
                "it begins without the BOS token that other documents begin with: the chat template writes one, the tokenizer adds none to texts"
            }
            2.. => "it begins with two BOS tokens; one stands in the text",
            _ => continue,
        };
        found.add(Weight::Note, what, used.document.place.clone());
    }
}
