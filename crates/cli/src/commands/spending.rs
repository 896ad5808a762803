//! What may be spent on endpoints, from a command's flags, and what was.

use std::path::PathBuf;
use std::sync::Arc;

use hydrometer_answers::{Money, Paid, RunFolder};
use hydrometer_models::{Budget, Prices, Purse, Spent};
use hydrometer_probes::counted::{counted, grouped};

use crate::failure::Failure;
use crate::numbers;

/// What may be spent.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Spending (at endpoints)")]
pub struct SpendingArguments {
    /// Most money that endpoints may cost, such as 5usd: what a question may cost is reserved before it is asked. The command
    /// stops before the budget is passed, and goes on with a higher one.
    #[arg(long, value_name = "MONEY", requires = "prices", value_parser = numbers::money)]
    budget: Option<(f64, String)>,
    /// Most tokens of prompts and answers, such as 2M or 500k.
    #[arg(long, value_name = "TOKENS", value_parser = numbers::tokens)]
    budget_tokens: Option<u64>,
    /// What endpoints cost (docs/budgets.md): the expected cost is said before the start, and the real one as it grows.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

/// The purse of a command.
#[derive(Clone)]
pub struct Spending {
    /// From which endpoints are paid.
    pub purse: Arc<Purse>,
    /// What was kept beside the run already.
    kept: Spent,
}

impl SpendingArguments {
    /// The purse.
    ///
    /// # Errors
    /// The prices cannot be read, or are in another currency than the budget.
    pub fn open(&self) -> Result<Spending, Failure> {
        let prices = self.prices.as_deref().map(Prices::read).transpose();
        let prices = prices.map_err(|error| Failure::input(error).hint("docs/budgets.md has an example to copy"))?;
        if let (Some((_, wanted)), Some(prices)) = (&self.budget, &prices)
            && *wanted != prices.currency
        {
            let found = format!("--budget is in {wanted}, and the prices are in {}", prices.currency);
            return Err(Failure::input(found).hint("name both in one currency"));
        }
        let budget = Budget { money: self.budget.as_ref().map(|(amount, _)| *amount), tokens: self.budget_tokens };
        let purse = Arc::new(Purse::new(budget, prices).map_err(Failure::input)?);
        Ok(Spending { purse, kept: Spent::default() })
    }
}

impl Spending {
    /// Counts what an earlier process paid for the run in this folder.
    ///
    /// # Errors
    /// The costs of the run cannot be read.
    pub fn go_on(&mut self, folder: &std::path::Path) -> Result<(), Failure> {
        let Ok(run) = RunFolder::open_unchecked(folder) else { return Ok(()) };
        let earlier = total(run.costs()?.iter().filter_map(|cost| cost.paid.as_ref()));
        self.purse.spent_before(earlier);
        self.kept = earlier;
        Ok(())
    }

    /// What is not kept yet, from now on counted as kept; `None` where that is nothing.
    pub fn take(&mut self) -> Option<Paid> {
        let (spent, kept) = (self.purse.spent(), self.kept);
        if spent.questions == kept.questions {
            return None;
        }
        self.kept = spent;
        Some(Paid {
            questions: spent.questions - kept.questions,
            read: spent.read - kept.read,
            drawn: spent.drawn - kept.drawn,
            money: self.money(spent.money - kept.money),
        })
    }

    /// Whether more than a hundredth of the budget is not kept yet: what a process that is killed may forget to count.
    pub fn is_much(&self) -> bool {
        const SHARE: f64 = 0.01;
        let (spent, kept, budget) = (self.purse.spent(), self.kept, self.purse.budget());
        let tokens = (spent.read + spent.drawn) - (kept.read + kept.drawn);
        budget.money.is_some_and(|money| spent.money - kept.money > SHARE * money)
            || budget.tokens.is_some_and(|most| tokens as f64 > SHARE * most as f64)
    }

    /// An amount, where there are prices.
    pub fn money(&self, amount: f64) -> Option<Money> {
        let currency = self.purse.prices()?.currency.clone();
        Some(Money { amount, currency })
    }

    /// What was spent so far in few words; `None` where there are no prices.
    pub fn so_far(&self) -> Option<String> {
        self.money(self.purse.spent().money).map(|money| in_words(&money))
    }

    /// Whether a cost is more than is left.
    pub fn exceeds(&self, money: Option<f64>, tokens: u64) -> bool {
        let (spent, budget) = (self.purse.spent(), self.purse.budget());
        budget.money.zip(money).is_some_and(|(most, money)| spent.money + money > most)
            || budget.tokens.is_some_and(|most| spent.read + spent.drawn + tokens > most)
    }
}

/// The sum of what was paid.
pub fn total<'p>(paid: impl Iterator<Item = &'p Paid>) -> Spent {
    paid.fold(Spent::default(), |sum, Paid { questions, read, drawn, money }| {
        let money = money.as_ref().map_or(0.0, |money| money.amount);
        sum.and(Spent { questions: *questions, read: *read, drawn: *drawn, money })
    })
}

/// `0.0123 usd`.
pub fn in_words(Money { amount, currency }: &Money) -> String {
    format!("{amount:.4} {currency}")
}

/// What was paid, as a sentence.
pub fn sentence(paid: &Paid) -> String {
    let money = paid.money.as_ref().map(|money| format!(": {}", in_words(money))).unwrap_or_default();
    let questions = counted(paid.questions, "question");
    format!("{questions} to endpoints, {} tokens read and {} drawn{money}", grouped(paid.read), grouped(paid.drawn))
}
