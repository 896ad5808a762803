//! The language of an answer: apart from the instructions, because what a detector knows and when it may be believed is a
//! matter of its own.
//!
//! The detector counts the letters of each script, and where several languages share one, compares trigrams (Cavnar and
//! Trenkle, 1994) with profiles that are part of the crate `whatlang`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use whatlang::Lang;

use crate::error::quote;

/// Letters that tell the languages of one script apart. Where a script has one language, the first letter does.
const ENOUGH_LETTERS: usize = 20;

/// The languages that the detector knows, by their code in ISO 639-1, sorted.
const KNOWN: [(&str, Lang); 70] = [
    ("af", Lang::Afr),
    ("ak", Lang::Aka),
    ("am", Lang::Amh),
    ("ar", Lang::Ara),
    ("az", Lang::Aze),
    ("be", Lang::Bel),
    ("bg", Lang::Bul),
    ("bn", Lang::Ben),
    ("ca", Lang::Cat),
    ("cs", Lang::Ces),
    ("cy", Lang::Cym),
    ("da", Lang::Dan),
    ("de", Lang::Deu),
    ("el", Lang::Ell),
    ("en", Lang::Eng),
    ("eo", Lang::Epo),
    ("es", Lang::Spa),
    ("et", Lang::Est),
    ("fa", Lang::Pes),
    ("fi", Lang::Fin),
    ("fr", Lang::Fra),
    ("gu", Lang::Guj),
    ("he", Lang::Heb),
    ("hi", Lang::Hin),
    ("hr", Lang::Hrv),
    ("hu", Lang::Hun),
    ("hy", Lang::Hye),
    ("id", Lang::Ind),
    ("it", Lang::Ita),
    ("ja", Lang::Jpn),
    ("jv", Lang::Jav),
    ("ka", Lang::Kat),
    ("km", Lang::Khm),
    ("kn", Lang::Kan),
    ("ko", Lang::Kor),
    ("la", Lang::Lat),
    ("lt", Lang::Lit),
    ("lv", Lang::Lav),
    ("mk", Lang::Mkd),
    ("ml", Lang::Mal),
    ("mr", Lang::Mar),
    ("my", Lang::Mya),
    ("ne", Lang::Nep),
    ("nl", Lang::Nld),
    ("no", Lang::Nob),
    ("or", Lang::Ori),
    ("pa", Lang::Pan),
    ("pl", Lang::Pol),
    ("pt", Lang::Por),
    ("ro", Lang::Ron),
    ("ru", Lang::Rus),
    ("si", Lang::Sin),
    ("sk", Lang::Slk),
    ("sl", Lang::Slv),
    ("sn", Lang::Sna),
    ("sr", Lang::Srp),
    ("sv", Lang::Swe),
    ("ta", Lang::Tam),
    ("te", Lang::Tel),
    ("th", Lang::Tha),
    ("tk", Lang::Tuk),
    ("tl", Lang::Tgl),
    ("tr", Lang::Tur),
    ("uk", Lang::Ukr),
    ("ur", Lang::Urd),
    ("uz", Lang::Uzb),
    ("vi", Lang::Vie),
    ("yi", Lang::Yid),
    ("zh", Lang::Cmn),
    ("zu", Lang::Zul),
];

/// A language that the detector knows. Written as its code in ISO 639-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language {
    code: &'static str,
    lang: Lang,
}

impl Language {
    /// Its code in ISO 639-1.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.code
    }

    /// The language of a code; `None` where the detector does not know it.
    pub(crate) fn of(code: &str) -> Option<Self> {
        KNOWN.iter().find(|(known, _)| *known == code).map(|&(code, lang)| Self { code, lang })
    }

    /// Whether a text is in this language. A text without letters is in none, and one too short to tell is not in this.
    pub(super) fn is_of(self, text: &str) -> bool {
        let Some(found) = whatlang::detect(text) else { return false };
        let alone = found.script().langs().len() == 1;
        let enough = || text.chars().filter(|c| c.is_alphabetic()).nth(ENOUGH_LETTERS - 1).is_some();
        found.lang() == self.lang && (alone || enough())
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = Cow::<str>::deserialize(deserializer)?;
        Self::of(&code).ok_or_else(|| {
            let known = KNOWN.map(|(code, _)| code).join(", ");
            de::Error::custom(format!("{} is no language that can be detected; those are {known}", quote(&code)))
        })
    }
}

impl JsonSchema for Language {
    fn schema_name() -> Cow<'static, str> {
        "Language".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A language that can be detected, by its code in ISO 639-1.",
            "enum": KNOWN.map(|(code, _)| code).to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;
