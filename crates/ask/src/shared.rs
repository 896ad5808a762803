//! What two models share: the entries of their output distributions that are compared, the texts that both read alike, and
//! the probability that falls outside.

use std::collections::BTreeMap;

use hydrometer_models::{ModelError, Shows, Tokenizer, TokenizerPairing};
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Ask, Probe, Suite};

use crate::{AskError, Models, Role};

/// The entries of two output distributions that are compared: those below a width, but for some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shared {
    width: u32,
    /// Ids below `width` that are not compared, in order.
    without: Vec<u32>,
    /// From this id on, entries stand for no token.
    named: u32,
}

impl Shared {
    /// What the models share; `None` when their vocabularies differ.
    pub(crate) fn of(pairing: &TokenizerPairing, models: Models<'_>) -> Option<Shared> {
        let tokenizers = [models.teacher.tokens()?, models.student.tokens()?];
        let outputs = models.teacher.identity().logit_width().min(models.student.identity().logit_width());
        let named = tokenizers.iter().map(|tokens| tokens.named_len() as u32).max()?;
        let known = tokenizers.iter().map(|tokens| tokens.len() as u32).min()?;
        let (width, without) = match pairing {
            TokenizerPairing::Same => (outputs, Vec::new()),
            TokenizerPairing::Padded { shared } => (outputs.min(*shared), Vec::new()),
            TokenizerPairing::Shared { without, .. } => (outputs.min(known), without.clone()),
            TokenizerPairing::Different { .. } => return None,
        };
        let without = without.into_iter().filter(|&id| id < width).collect();
        Some(Shared { width, without, named })
    }

    /// Number of entries that are compared.
    pub(crate) fn count(&self) -> u32 {
        self.width - self.without.len() as u32
    }

    /// Whether the entry of a token is compared.
    pub(crate) fn compares(&self, id: u32) -> bool {
        id < self.width && self.without.binary_search(&id).is_err()
    }

    /// Where the entry of a token that is compared stands among those that are.
    pub(crate) fn place(&self, id: u32) -> u32 {
        id - self.without.partition_point(|&other| other < id) as u32
    }

    /// The token whose entry stands there.
    pub(crate) fn token(&self, place: u32) -> u32 {
        self.without.iter().fold(place, |id, &other| if other <= id { id + 1 } else { id })
    }

    /// The compared entries of a row of logits; `space` is where they are put together when some are left out in between.
    pub(crate) fn row<'r>(&self, logits: &'r [f32], space: &'r mut Vec<f32>) -> &'r [f32] {
        let row = &logits[..self.width as usize];
        if self.without.is_empty() {
            return row;
        }
        space.clear();
        let mut from = 0;
        for &id in &self.without {
            space.extend_from_slice(&row[from..id as usize]);
            from = id as usize + 1;
        }
        space.extend_from_slice(&row[from..]);
        space
    }

    /// The probability of a row outside of the tokens that both models have. `target` is a compared token and `logprob` its
    /// ln p among the compared entries.
    pub(crate) fn outside(&self, logits: &[f32], target: u32, logprob: f32) -> f32 {
        // The compared entries sum to exp(log_sum).
        let log_sum = f64::from(logits[target as usize]) - f64::from(logprob);
        let relative = |logit: &f32| (f64::from(*logit) - log_sum).exp();
        let beyond: f64 = logits[self.width as usize..].iter().map(relative).sum();
        let between: f64 = self.without.iter().map(|&id| relative(&logits[id as usize])).sum();
        let padding = logits.get(self.named as usize..self.width as usize).unwrap_or_default();
        let not_compared = beyond + between;
        let outside = not_compared + padding.iter().map(relative).sum::<f64>();
        (outside / (1.0 + not_compared)) as f32
    }
}

/// How the vocabularies relate, in words.
pub(crate) fn in_words(pairing: &TokenizerPairing) -> String {
    match pairing {
        TokenizerPairing::Same => "same vocabulary".to_owned(),
        TokenizerPairing::Padded { shared } => format!("same vocabulary up to padding beyond {shared}"),
        TokenizerPairing::Shared { without, reason } => {
            format!("same vocabulary but for {}: {reason}", counted(without.len() as u64, "special token"))
        }
        TokenizerPairing::Different { reason } => reason.clone(),
    }
}

/// Which texts of a suite two tokenizers read alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreement {
    texts: usize,
    /// Those that they read differently, with the byte from which on.
    differently: Vec<(String, usize)>,
}

impl Agreement {
    /// Lets both tokenizers read every text.
    ///
    /// # Errors
    /// A text that one of them cannot read.
    pub(crate) fn on(suite: &Suite, teacher: &Tokenizer, student: &Tokenizer) -> Result<Agreement, AskError> {
        let mut agreement = Agreement::default();
        for probe in &suite.probes {
            let Some(whole) = whole_text(probe) else { continue };
            agreement.texts += 1;
            // Tokenizers of one hash read everything alike.
            if teacher.hash() == student.hash() {
                continue;
            }
            let read =
                |tokens: &Tokenizer| -> Result<Vec<u32>, ModelError> { Ok(tokens.begin(tokens.encode(&whole)?)) };
            let ours = read(teacher).map_err(Role::Teacher.failed())?;
            // What the student cannot read it does not read alike.
            let theirs = read(student).unwrap_or_default();
            if ours != theirs {
                let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
                let begin = |id: &u32| teacher.adds_bos() && teacher.bos() == Some(*id);
                let byte = ours[..same].iter().filter(|id| !begin(id)).map(|&id| teacher.piece(id).len()).sum();
                agreement.differently.push((probe.id.clone(), byte));
            }
        }
        Ok(agreement)
    }

    /// The same, where one of the models is read to by its server, which may read texts otherwise than its tokenizer here.
    ///
    /// # Errors
    /// The server fails, or reads every text otherwise.
    pub(crate) fn with_server(
        mut self,
        role: Role,
        suite: &Suite,
        tokens: &Tokenizer,
        server: &dyn Shows,
    ) -> Result<Agreement, AskError> {
        let found = ReadOtherwise::of(role, suite, tokens, |text| server.ids(text))?;
        found.refuse_if_all(role)?;
        let new = found.texts.into_iter().filter(|(probe, _)| self.refuses(probe).is_none());
        self.differently.extend(new.collect::<Vec<_>>());
        Ok(self)
    }

    /// Whether some texts can be compared, or there are none.
    pub(crate) fn is_on_some(&self) -> bool {
        self.texts == 0 || self.differently.len() < self.texts
    }

    /// Why a text is not compared, as a fragment; `None` when both read it alike.
    pub(crate) fn refuses(&self, probe: &str) -> Option<String> {
        let (_, byte) = self.differently.iter().find(|(id, _)| id == probe)?;
        Some(format!("the tokenizers disagree on it from byte {byte} on"))
    }

    /// On how many texts they disagree, as a fragment; `None` when on none.
    pub(crate) fn in_words(&self) -> Option<String> {
        let (probe, byte) = self.differently.first()?;
        let texts = counted(self.texts as u64, "text");
        Some(format!("tokenizers disagree on {} of {texts}, first at byte {byte} of `{probe}`", self.differently.len()))
    }
}

/// The texts of a suite that a server reads otherwise than a tokenizer here.
pub(crate) struct ReadOtherwise {
    /// How many both read.
    of: u64,
    /// Each with the byte from which on.
    pub(crate) texts: BTreeMap<String, usize>,
}

impl ReadOtherwise {
    /// Lets the server read every text that the tokenizer takes.
    ///
    /// # Errors
    /// The server fails.
    pub(crate) fn of(
        role: Role,
        suite: &Suite,
        tokens: &Tokenizer,
        server: impl Fn(&str) -> Result<Vec<u32>, ModelError>,
    ) -> Result<ReadOtherwise, AskError> {
        let mut found = ReadOtherwise { of: 0, texts: BTreeMap::new() };
        for probe in &suite.probes {
            let read = whole_text(probe).and_then(|whole| Some((tokens.encode(&whole).ok()?, whole)));
            let Some((ours, whole)) = read else { continue };
            found.of += 1;
            let theirs = server(&whole).map_err(role.failed())?;
            if ours != theirs {
                let same = ours.iter().zip(&theirs).take_while(|(one, other)| one == other).count();
                let byte = ours[..same].iter().map(|&id| tokens.piece(id).len()).sum();
                found.texts.insert(probe.id.clone(), byte);
            }
        }
        Ok(found)
    }

    /// That the server's model has another tokenizer, where it reads every text otherwise.
    pub(crate) fn refuse_if_all(&self, role: Role) -> Result<(), AskError> {
        match self.texts.first_key_value() {
            Some((probe, byte)) if self.texts.len() as u64 == self.of => {
                Err(AskError::OtherTokenizer { role, texts: self.of, probe: probe.clone(), byte: *byte })
            }
            _ => Ok(()),
        }
    }
}

/// The context and the text of a text probe; an absent context and an empty one are the same.
pub(crate) fn whole_text(probe: &Probe) -> Option<String> {
    let Ask::Text(text) = &probe.ask else { return None };
    Some(format!("{}{}", text.context.as_deref().unwrap_or(""), text.text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn entries_are_left_out_wherever_they_stand() {
        let check = |without: &[u32], compared: &[u32]| {
            let shared = Shared { width: 6, without: without.to_vec(), named: 6 };
            let logits: Vec<f32> = (0..8u8).map(f32::from).collect();
            let mut space = Vec::new();
            let row: Vec<u32> = shared.row(&logits, &mut space).iter().map(|&logit| logit as u32).collect();
            assert_eq!((row.as_slice(), shared.count() as usize), (compared, compared.len()));
            for (place, &id) in (0..).zip(compared) {
                assert_eq!((shared.place(id), shared.token(place), shared.compares(id)), (place, id, true));
            }
            assert!((0..9).all(|id| shared.compares(id) == compared.contains(&id)));
        };
        check(&[], &[0, 1, 2, 3, 4, 5]);
        check(&[0], &[1, 2, 3, 4, 5]);
        check(&[1, 2, 5], &[0, 3, 4]);
    }

    #[test]
    fn what_falls_outside_is_the_whole_rest_of_the_distribution() {
        // Five equal entries: one of another meaning, one padding row that is compared, one beyond.
        let shared = Shared { width: 4, without: vec![1], named: 3 };
        let logprob = (1.0f32 / 3.0).ln();
        assert!((shared.outside(&[2.0; 5], 0, logprob) - 0.6).abs() < 1e-6);
        let all = Shared { width: 5, without: Vec::new(), named: 5 };
        assert_eq!(all.outside(&[2.0; 5], 0, 0.2f32.ln()), 0.0);
    }
}
