//! The one place where questions are paid for: what one may cost at most is set aside before it is asked, and what the server
//! counted is settled after. What costs nothing (a tokenizer, a server's properties) says so by its name, [`Line::unpaid`].

use std::sync::Arc;

use hydrometer_answers::FinishReason;
use serde_json::Value;

use super::address::Address;
use super::asking::{Call, Failed, Line, Read};
use super::dialect::{Question, Reply, count};
use super::gate::Gate;
use super::headers::Headers;
use super::prices::{Kind, Price};
use super::purse::{self, AROUND, Purse, SetAside, Spent};
use super::secret::Secret;
use super::wire::Wire;
use super::{Clock, Network};
use crate::ModelError;

/// Tokens that a server counted; `None` where it does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub read: Option<u64>,
    pub drawn: Option<u64>,
}

impl Counted {
    /// From the fields of an answer in which they stand.
    pub(super) fn of(read: &Value, drawn: &Value) -> Counted {
        let said = |value: &Value| Some(count(value)).filter(|tokens| *tokens > 0);
        Counted { read: said(read), drawn: said(drawn) }
    }

    /// From an answer.
    pub(super) fn of_reply(reply: &Reply) -> Counted {
        if reply.finish == FinishReason::ContextExceeded {
            return Counted { read: Some(0), drawn: Some(0) };
        }
        let read = Some(reply.read).filter(|read| *read > 0);
        // A prompt that is counted and an answer without a word: it may have taken no tokens.
        let nothing_said = reply.text.is_empty() && read.is_some();
        Counted { read, drawn: Some(reply.drawn).filter(|drawn| *drawn > 0 || nothing_said) }
    }

    /// What it costs. A server that does not say what it counted is taken to have counted the most.
    pub(super) fn cost(self, most: Spent, price: Option<&Price>) -> Spent {
        purse::of(self.read.unwrap_or(most.read), self.drawn.unwrap_or(most.drawn), price)
    }
}

impl Line {
    /// A connection whose questions cost what the prices of this kind say.
    ///
    /// # Errors
    /// The key cannot be read, the system cannot do what the address wants, or a budget in money has no price for it.
    pub(super) fn open(address: Address, network: &Network, kind: Kind) -> Result<Line, ModelError> {
        let key = Secret::find(address.scheme.key, &*network.variable)?;
        let headers = Headers::find(&Headers::variable(address.scheme.key), &*network.variable)?;
        let wire = Wire::new(address.secure(), address.place())
            .map_err(|reason| ModelError::Refused { endpoint: address.to_string(), reason })?;
        let (clock, purse): (Arc<dyn Clock>, Option<Arc<Purse>>) = (network.clock.clone(), network.purse.clone());
        let asked = address.model.as_deref().unwrap_or_default();
        let price = purse.as_ref().map_or(Ok(None), |purse| purse.price(kind, address.scheme.name, asked))?;
        Ok(Line { address, wire, key, headers, clock, purse, price })
    }

    /// Asks what may cost `most`, and settles what `counted` says of it.
    pub(super) fn paid<T>(
        &self,
        most: Spent,
        gate: &Gate,
        ask: impl FnOnce() -> Result<T, Failed>,
        counted: impl FnOnce(&T) -> Counted,
    ) -> Result<T, Failed> {
        let Some(purse) = &self.purse else { return ask() };
        let reserved = purse.reserve(most, gate)?;
        let found = ask();
        let cost = found.as_ref().ok().map(|found| counted(found).cost(most, self.price.as_ref()));
        purse.settle(&reserved, cost);
        found
    }

    /// What a question may cost at most.
    pub(super) fn most(&self, question: &Question<'_>) -> Spent {
        purse::most(question, self.price.as_ref())
    }

    /// Sets aside what questions to come may cost, each so many tokens and one that is drawn.
    ///
    /// # Errors
    /// It is not left.
    pub(super) fn set_aside(&self, questions: impl Iterator<Item = u64>) -> Result<SetAside, ModelError> {
        let Some(purse) = &self.purse else { return Ok(SetAside::NOTHING) };
        let all = questions.map(|read| purse::of(read + AROUND, 1, self.price.as_ref()));
        let all = all.fold(Spent::default(), Spent::and);
        purse.set_aside(all).map_err(|reason| ModelError::Budget { endpoint: self.address.to_string(), reason })
    }

    /// Asks for anything that costs at most so many tokens, until `read` makes something of the answer; `counted` says what of an
    /// answer is paid for.
    pub(super) fn bought<T>(
        &self,
        call: &Call<'_>,
        (read, drawn): (u64, u64),
        gate: &Gate,
        make: &Read<'_, T>,
        counted: impl Fn(&Value) -> Counted,
    ) -> Result<T, Failed> {
        let most = purse::of(read, drawn, self.price.as_ref());
        let ask = || self.unpaid(call, gate, &|answer| Ok((make(answer)?, counted(answer))));
        self.paid(most, gate, ask, |(_, counted)| *counted).map(|(made, _)| made)
    }
}
