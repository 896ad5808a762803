//! What may be spent on endpoints, and what was. What a question may cost at most is reserved before it is asked, and what it did
//! cost is settled when its answer is there: a budget is never passed, however many are under way.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::asking::Failed;
use super::dialect::Question;
use super::gate::Gate;
use super::prices::{Kind, Price, Prices};
use crate::ModelError;

/// Longest wait between two looks at whether anybody still wants the answer.
const LOOK: Duration = Duration::from_millis(100);
/// Tokens that stand around a message at most.
pub(super) const AROUND: u64 = 32;

/// What may be spent. A place that is `None` has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Money, in the currency of the prices.
    pub money: Option<f64>,
    /// Tokens of prompts and answers.
    pub tokens: Option<u64>,
}

/// What was spent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Questions that were answered.
    pub questions: u64,
    /// Tokens of their prompts.
    pub read: u64,
    /// Tokens of their answers.
    pub drawn: u64,
    /// Money, as far as prices are known.
    pub money: f64,
}

impl Spent {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Spent) -> Spent {
        Spent {
            questions: self.questions + other.questions,
            read: self.read + other.read,
            drawn: self.drawn + other.drawn,
            money: self.money + other.money,
        }
    }
}

/// One purse for all endpoints of a command.
pub struct Purse {
    budget: Budget,
    prices: Option<Prices>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    spent: Spent,
    reserved: Spent,
    under_way: u64,
}

impl State {
    fn set_aside(&mut self, most: Spent) -> Reserved {
        self.reserved = self.reserved.and(most);
        self.under_way += 1;
        Reserved(most)
    }
}

/// That so much is set aside for a question.
pub(super) struct Reserved(Spent);

/// What of a budget is kept for questions to come; it is free again when this goes. Nothing where there is no budget.
pub struct SetAside(Option<(Arc<Purse>, Reserved)>);

impl SetAside {
    pub(super) const NOTHING: SetAside = SetAside(None);
}

impl Drop for SetAside {
    fn drop(&mut self) {
        if let Some((purse, reserved)) = &self.0 {
            purse.settle(reserved, None);
        }
    }
}

impl Purse {
    /// A purse that holds this much.
    ///
    /// # Errors
    /// The budget is in money, and there are no prices.
    pub fn new(budget: Budget, prices: Option<Prices>) -> Result<Purse, ModelError> {
        if budget.money.is_some() && prices.is_none() {
            let reason = "a budget in money takes prices, and no file of prices is named";
            return Err(ModelError::Request { reason: reason.to_owned() });
        }
        Ok(Purse { budget, prices, state: Mutex::default(), changed: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What earlier processes spent of the same budget.
    pub fn spent_before(&self, spent: Spent) {
        let mut state = self.state();
        state.spent = state.spent.and(spent);
    }

    /// What was spent so far.
    pub fn spent(&self) -> Spent {
        self.state().spent
    }

    /// What may be spent.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// The prices.
    pub fn prices(&self) -> Option<&Prices> {
        self.prices.as_ref()
    }

    /// The price of a model, where it is known.
    ///
    /// # Errors
    /// It is not, and the budget is in money.
    pub(super) fn price(&self, kind: Kind, scheme: &str, model: &str) -> Result<Option<Price>, ModelError> {
        let price = self.prices.as_ref().and_then(|prices| prices.of(kind, scheme, model)).cloned();
        if price.is_none() && self.budget.money.is_some() {
            let of_kind = kind.in_words();
            let reason = format!(
                "the budget is in money, and the prices have none of {scheme}:{model}{of_kind}; add it, or {scheme}:* for every model there"
            );
            return Err(ModelError::Request { reason });
        }
        Ok(price)
    }

    /// Sets aside what a question may cost at most. Where that is not left, waits for those under way, which may cost less than
    /// was set aside for them.
    ///
    /// # Errors
    /// It is not left, and nothing is under way; or nobody wants the answer any more.
    pub(super) fn reserve(&self, most: Spent, gate: &Gate) -> Result<Reserved, Failed> {
        let mut state = self.state();
        loop {
            if gate.is_closed() {
                return Err(Failed::Stopped);
            }
            if self.fits(&state, most) {
                return Ok(state.set_aside(most));
            }
            if state.under_way == 0 {
                return Err(Failed::Spent { reason: self.in_words(state.spent, most) });
            }
            state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The same, where it is left now; `None` where it is not.
    pub(super) fn try_reserve(&self, most: Spent) -> Option<Reserved> {
        let mut state = self.state();
        self.fits(&state, most).then(|| state.set_aside(most))
    }

    /// Sets aside what questions to come may cost at most.
    ///
    /// # Errors
    /// It is not left now, in words.
    pub(super) fn set_aside(self: &Arc<Self>, most: Spent) -> Result<SetAside, String> {
        let reserved = self.try_reserve(most).ok_or_else(|| self.in_words(self.state().spent, most))?;
        Ok(SetAside(Some((self.clone(), reserved))))
    }

    /// Sets aside what a question may cost that is under way already, whether it is left or not.
    pub(super) fn commit(&self, most: Spent) -> Reserved {
        self.state().set_aside(most)
    }

    fn fits(&self, state: &State, most: Spent) -> bool {
        let all = state.spent.and(state.reserved).and(most);
        self.budget.money.is_none_or(|money| all.money <= money)
            && self.budget.tokens.is_none_or(|tokens| all.read + all.drawn <= tokens)
    }

    /// Settles a question: what it cost, or nothing where it was not answered.
    pub(super) fn settle(&self, Reserved(most): &Reserved, cost: Option<Spent>) {
        let mut state = self.state();
        let Spent { questions, read, drawn, money } = most;
        state.reserved.questions -= questions;
        state.reserved.read -= read;
        state.reserved.drawn -= drawn;
        state.reserved.money -= money;
        state.under_way -= 1;
        if state.under_way == 0 {
            // Sums of fractions do not come back to nothing by themselves.
            state.reserved = Spent::default();
        }
        state.spent = state.spent.and(cost.unwrap_or_default());
        drop(state);
        self.changed.notify_all();
    }

    fn in_words(&self, spent: Spent, most: Spent) -> String {
        let currency = self.prices.as_ref().map_or("", |prices| &prices.currency);
        let money = self.budget.money.filter(|money| spent.money + most.money > *money).map(|money| {
            format!(
                "{:.4} of {money} {currency} are spent, and the next question may cost {:.4}",
                spent.money, most.money
            )
        });
        let tokens = self.budget.tokens.filter(|tokens| spent.read + spent.drawn + most.read + most.drawn > *tokens);
        let tokens = tokens.map(|tokens| {
            let (used, next) = (spent.read + spent.drawn, most.read + most.drawn);
            format!("{used} of {tokens} tokens are spent, and the next question may take {next}")
        });
        money.or(tokens).unwrap_or_default()
    }
}

/// What a question may cost at most. A tokenizer makes no more tokens of a text than it has bytes.
pub(super) fn most(question: &Question<'_>, price: Option<&Price>) -> Spent {
    let said: u64 = question.turns.iter().map(|turn| turn.bytes() + AROUND).sum();
    let declared: u64 = question.tools.iter().map(|tool| tool.bytes() + AROUND).sum();
    let (read, max_tokens) = (said + declared, question.max_tokens);
    of(read, max_tokens.into(), price)
}

/// One question with so many tokens.
pub(super) fn of(read: u64, drawn: u64, price: Option<&Price>) -> Spent {
    Spent { questions: 1, read, drawn, money: price.map_or(0.0, |price| price.of(read, drawn)) }
}
