//! Documents that hold the text of a control token (`<|im_end|>`). What a template renders is read with its control tokens, so
//! that such a message begins or ends turns; in a plain text it is characters that no model sees where the token should be.

use super::Used;
use crate::data::finding::{Findings, Weight};
use crate::data::{Content, Encoder};

pub(super) fn look(used: &[Used<'_>], encoder: &Encoder<'_>, found: &mut Findings) {
    for used in used {
        let content = &used.document.content;
        let texts = content.texts();
        let Some(token) = texts.iter().find_map(|text| encoder.tokenizer.control_in(text)) else { continue };
        let rendered = match content {
            Content::Text(_) | Content::Completion { .. } => false,
            Content::Conversation(_) | Content::ToolConversation(_) => encoder.template.is_some(),
        };
        let what = if rendered {
            format!("a message holds `{token}`, which is read as the control token and begins or ends a turn")
        } else {
            format!(
                "a text holds `{token}`, which is read as characters and not as the control token (texts that a template \
                 has made are given as `messages`)"
            )
        };
        found.add(Weight::Note, &what, used.document.place.clone());
    }
}
