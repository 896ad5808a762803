//! What may be spent on endpoints, from a command's flags, and what was.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hydrometer_answers::{CostEntry, Ledger, Money, Paid, RunFolder};
use hydrometer_models::{Budget, ModelSpec, Prices, Purse, Spent};
use hydrometer_probes::counted::{counted, grouped};

use crate::engine::not_opened;
use crate::failure::Failure;
use crate::numbers;
use crate::terminal::Terminal;

/// What entries of a judge are called.
pub const JUDGE: &str = "judge";

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

/// Whether answers come in batches.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Spending (at endpoints)")]
pub struct BatchArguments {
    /// Ask endpoints for answers in batches (openai:, anthropic:): within a day, and at the price of kind "batch" in --prices. The
    /// command waits; ended in between, the same command goes on with the same batches.
    #[arg(long)]
    pub batch: bool,
}

impl BatchArguments {
    /// Refuses names of models that cannot be asked so, before anything is asked.
    ///
    /// # Errors
    /// An endpoint has no batches, or none of the models is an endpoint.
    pub fn check<'n>(self, named: impl Iterator<Item = (&'n str, &'n str)>) -> Result<(), Failure> {
        if !self.batch {
            return Ok(());
        }
        let mut some = false;
        for (role, name) in named {
            let spec = ModelSpec::from_str(name).map_err(|error| not_opened(role, error))?;
            match spec.endpoint() {
                Some(address) if !address.has_batches() => {
                    let reason = format!(
                        "--batch: {role} {name}: expected an endpoint with batches (openai: or anthropic:), found one without"
                    );
                    return Err(Failure::input(reason).hint(
                        "leave --batch out, or let `hydrometer collect --batch` ask the one that has batches, then audit without it",
                    ));
                }
                Some(_) => some = true,
                None => {}
            }
        }
        if some {
            return Ok(());
        }
        Err(Failure::input(
            "--batch: expected an endpoint with batches (openai: or anthropic:), found models that run here",
        )
        .hint("leave --batch out"))
    }
}

/// The purse of a command. Clones are one purse.
#[derive(Clone)]
pub struct Spending {
    /// From which endpoints are paid.
    pub purse: Arc<Purse>,
    /// What was kept beside the run already.
    kept: Arc<Mutex<Spent>>,
}

/// What of a run a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// All that was paid for it.
    Everything,
    /// What judges were paid.
    Judges,
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
        Ok(Spending { purse, kept: Arc::default() })
    }
}

impl Spending {
    /// Counts what earlier commands paid for the run in this folder.
    ///
    /// # Errors
    /// What was paid cannot be read, or was paid in another currency than that of the prices.
    pub fn go_on(&self, folder: &Path, counts: Counts) -> Result<(), Failure> {
        let counted = |entry: &CostEntry| counts == Counts::Everything || entry.what == JUDGE;
        self.counting(&all_costs(folder)?.into_iter().filter(counted).collect::<Vec<_>>())
    }

    /// Counts what earlier commands paid by a ledger, and says it. What is spent then.
    ///
    /// # Errors
    /// The ledger cannot be read, or was in another currency than that of the prices.
    pub fn going_on(&self, ledger: &Ledger, terminal: &Terminal) -> Result<Spent, Failure> {
        self.counting(&ledger.entries()?)?;
        if let Some(paid) = self.since(Spent::default()) {
            terminal.say(&format!("earlier commands asked this for {}", sentence(&paid)));
        }
        Ok(self.purse.spent())
    }

    /// Counts what earlier commands paid.
    ///
    /// # Errors
    /// It was paid in another currency than that of the prices.
    pub fn counting(&self, entries: &[CostEntry]) -> Result<(), Failure> {
        let paid = || entries.iter().filter_map(|entry| entry.paid.as_ref());
        let currency = self.purse.prices().map(|prices| &prices.currency);
        let other = paid().filter_map(|paid| paid.money.as_ref()).find(|money| Some(&money.currency) != currency);
        if let (Some(other), Some(currency)) = (other, currency) {
            let found =
                format!("what was asked before was paid in {}, and the prices are in {currency}", other.currency);
            return Err(Failure::input(found).hint("name the prices in the currency in which it began"));
        }
        let earlier = total(paid());
        self.purse.spent_before(earlier);
        let mut kept = self.kept();
        *kept = kept.and(earlier);
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Spent> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is not kept yet, from now on counted as kept; `None` where that is nothing.
    pub fn take(&self) -> Option<Paid> {
        let (spent, mut kept) = (self.purse.spent(), self.kept());
        let before = std::mem::replace(&mut *kept, spent);
        self.since(before)
    }

    /// What was spent since so much was; `None` where that is nothing.
    pub fn since(&self, before: Spent) -> Option<Paid> {
        let spent = self.purse.spent();
        let questions = spent.questions - before.questions;
        (questions > 0).then(|| Paid {
            questions,
            read: spent.read - before.read,
            drawn: spent.drawn - before.drawn,
            money: self.money(spent.money - before.money),
        })
    }

    /// Keeps beside a run what is not kept yet.
    ///
    /// # Errors
    /// The folder holds something else, or the system refuses.
    pub fn keep_beside(&self, folder: &Path, what: &str) -> Result<(), Failure> {
        self.keep_in(&Ledger::of(folder), what)
    }

    /// Keeps in a ledger what is not kept yet.
    ///
    /// # Errors
    /// As [`Spending::keep_beside`].
    pub fn keep_in(&self, ledger: &Ledger, what: &str) -> Result<(), Failure> {
        let Some(paid) = self.take() else { return Ok(()) };
        let what = what.to_owned();
        let entry = CostEntry { what, unit: None, tokens: 0, seconds: 0.0, peak_memory: None, paid: Some(paid) };
        Ok(ledger.append(&entry)?)
    }

    /// Whether more than a hundredth of the budget is not kept yet: what a process that is killed may forget to count.
    pub fn is_much(&self) -> bool {
        const SHARE: f64 = 0.01;
        let (spent, kept, budget) = (self.purse.spent(), *self.kept(), self.purse.budget());
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

/// What was paid and computed for a run, while it was collected and beside that; nothing where there is none yet.
///
/// # Errors
/// It cannot be read.
pub fn all_costs(folder: &Path) -> Result<Vec<CostEntry>, Failure> {
    let mut costs = match RunFolder::open_unchecked(folder) {
        Ok(run) => run.costs()?,
        Err(_) => Vec::new(),
    };
    costs.extend(Ledger::of(folder).entries()?);
    Ok(costs)
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
