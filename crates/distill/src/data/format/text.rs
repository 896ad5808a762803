//! Plain texts: `{"text": "…"}`.

use super::{Record, string};
use crate::data::Content;

pub(super) fn read(record: &Record) -> Result<Content, String> {
    string(record, "text").map(|text| Content::Text(text.to_owned()))
}
