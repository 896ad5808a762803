//! What endpoints cost: a file that the user wrote. There are none of ours: prices change, and nothing is fetched to learn them.

use std::path::Path;

use hydrometer_probes::strangers::read_file;
use serde::Deserialize;

use crate::ModelError;

/// Version of the file; a breaking change raises the number.
pub const PRICES_FORMAT: &str = "hydrometer.prices/1";
/// Tokens that a price is for.
const PER: f64 = 1e6;

/// The prices of endpoints, in one currency.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// [`PRICES_FORMAT`].
    format: String,
    /// The day on which they were looked up, as 2026-11-29.
    pub dated: String,
    /// Three letters, as `usd`.
    pub currency: String,
    /// One for each model, or for all of a kind of server.
    price: Vec<Price>,
}

/// What a model costs, per million tokens.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// `SCHEME:MODEL`, or `SCHEME:*` for every model of a scheme that has no price of its own.
    model: String,
    /// What is paid for.
    #[serde(default)]
    kind: Kind,
    /// Of prompts.
    input: f64,
    /// Of answers; of embeddings there are none.
    #[serde(default)]
    output: Option<f64>,
}

/// What a price is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Questions that are answered at once.
    #[default]
    Answers,
    /// Questions that are answered in batches.
    Batch,
    /// Vectors of texts.
    Embeddings,
}

impl Kind {
    /// What an error says of it.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Kind::Answers => "",
            Kind::Batch => " with kind = \"batch\"",
            Kind::Embeddings => " with kind = \"embeddings\"",
        }
    }
}

impl Price {
    /// What so many tokens of prompts and answers cost.
    pub fn of(&self, read: u64, drawn: u64) -> f64 {
        (read as f64 * self.input + drawn as f64 * self.output.unwrap_or(0.0)) / PER
    }
}

impl Prices {
    /// Reads a file of prices.
    ///
    /// # Errors
    /// It cannot be read, is of another format, or has a price or a name that means nothing.
    pub fn read(path: &Path) -> Result<Prices, ModelError> {
        let bytes = read_file(path).map_err(|source| ModelError::io(path, "cannot read the prices", source))?;
        let wrong = |at: &str, expected: &str, found: String| ModelError::malformed(path, at, expected, found);
        let text = String::from_utf8(bytes)
            .map_err(|_| wrong("prices", "a text in TOML", "bytes that are no UTF-8".to_owned()))?;
        let prices: Prices = toml::from_str(&text)
            .map_err(|error| wrong("prices", "format, dated, currency and [[price]]", error.message().to_owned()))?;
        let Prices { format, dated, currency, price } = &prices;
        if format != PRICES_FORMAT {
            return Err(wrong("format", PRICES_FORMAT, format.clone()));
        }
        if !is_date(dated) {
            return Err(wrong("dated", "a day as 2026-11-29", dated.clone()));
        }
        if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_lowercase()) {
            return Err(wrong("currency", "three small letters, as usd", currency.clone()));
        }
        for (place, Price { model, kind, input, output }) in price.iter().enumerate() {
            let is_name = model.split_once(':').is_some_and(|(scheme, model)| !scheme.is_empty() && !model.is_empty());
            if !is_name {
                return Err(wrong(
                    &format!("price {}", place + 1),
                    "a model as openai:NAME or openai:*",
                    model.clone(),
                ));
            }
            if [Some(*input), *output].into_iter().flatten().any(|price| !(price.is_finite() && price >= 0.0)) {
                let found = format!("{input} and {}", output.unwrap_or(0.0));
                return Err(wrong(model, "prices of a million tokens, from 0 on", found));
            }
            if output.is_none() && *kind != Kind::Embeddings {
                return Err(wrong(model, "an `output` price, of a million tokens of answers", "none".to_owned()));
            }
            if price[..place].iter().any(|before| before.model == *model && before.kind == *kind) {
                return Err(wrong(model, "one price of a kind", "two".to_owned()));
            }
        }
        Ok(prices)
    }

    /// The price of a model of a scheme. One kind never stands in for another.
    pub(super) fn of(&self, kind: Kind, scheme: &str, model: &str) -> Option<&Price> {
        let named = |name: String| self.price.iter().find(|price| price.model == name && price.kind == kind);
        named(format!("{scheme}:{model}")).or_else(|| named(format!("{scheme}:*")))
    }
}

fn is_date(text: &str) -> bool {
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|digit| digit.is_ascii_digit());
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts[..], [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(text: &str) -> Result<Prices, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.toml");
        std::fs::write(&path, text).unwrap();
        Prices::read(&path).map_err(|error| error.to_string())
    }

    const HEAD: &str = "format = \"hydrometer.prices/1\"\ndated = \"2026-11-29\"\ncurrency = \"usd\"\n";

    #[test]
    fn a_model_has_its_own_price_or_that_of_its_scheme() {
        let row = |model: &str, input: f64, output: f64| {
            format!("[[price]]\nmodel = \"{model}\"\ninput = {input}\noutput = {output}\n")
        };
        let prices = read(&format!("{HEAD}{}{}", row("openai:*", 1.0, 4.0), row("openai:big", 2.5, 10.0))).unwrap();
        assert_eq!(prices.of(Kind::Answers, "openai", "big").unwrap().of(1_000_000, 100_000), 3.5);
        assert_eq!(prices.of(Kind::Answers, "openai", "small").unwrap().of(1_000_000, 0), 1.0);
        assert!(prices.of(Kind::Answers, "anthropic", "big").is_none());
    }

    #[test]
    fn batches_and_embeddings_have_prices_of_their_own() {
        let row = |kind: &str, prices: &str| format!("[[price]]\nmodel = \"openai:*\"\nkind = \"{kind}\"\n{prices}\n");
        let prices =
            read(&format!("{HEAD}{}{}", row("batch", "input = 1\noutput = 2"), row("embeddings", "input = 4")));
        let prices = prices.unwrap();
        let of = |kind| prices.of(kind, "openai", "big").map(|price| price.of(1_000_000, 1_000_000));
        assert_eq!((of(Kind::Batch), of(Kind::Embeddings), of(Kind::Answers)), (Some(3.0), Some(4.0), None));
        let found = read(&format!("{HEAD}{}", row("batch", "input = 1"))).unwrap_err();
        assert!(found.contains("expected an `output` price"), "{found}");
        let found = read(&format!("{HEAD}{}", row("images", "input = 1"))).unwrap_err();
        assert!(found.contains("unknown variant `images`"), "{found}");
    }

    #[test]
    fn what_is_no_price_says_what_is_expected() {
        let check = |text: &str, expected: &str| {
            let found = read(text).unwrap_err();
            assert!(found.contains(expected), "{found}");
        };
        let row =
            |model: &str, input: &str| format!("{HEAD}[[price]]\nmodel = \"{model}\"\ninput = {input}\noutput = 1\n");
        check("", "missing field `format`");
        check(&HEAD.replace("prices/1", "prices/2"), "missing field `price`");
        check(&row("openai:m", "1").replace("prices/1", "prices/2"), "expected hydrometer.prices/1");
        check(&row("openai:m", "1").replace("2026-11-29", "today"), "expected a day as 2026-11-29, found today");
        check(&row("openai:m", "1").replace("usd", "dollars"), "three small letters");
        check(&row("big", "1"), "expected a model as openai:NAME");
        check(&row("openai:m", "-1"), "from 0 on");
        check(&row("openai:m", "nan"), "from 0 on");
        check(
            &format!("{0}[[price]]\nmodel = \"openai:m\"\ninput = 1\noutput = 1\n", row("openai:m", "1")),
            "expected one price of a kind, found two",
        );
    }
}
