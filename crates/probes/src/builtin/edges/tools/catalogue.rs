//! The tools: calendar, files, orders, bank, tickets, messages, with names that resemble each other.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::builtin::Chance;
use crate::builtin::edges::words::{COUNTED, NAMES, THINGS};

/// A tool and how one asks for it.
pub(super) struct Tool {
    /// A verb and a noun.
    pub(super) name: &'static str,
    /// How a request begins; the clauses of the parameters follow.
    pub(super) leads: [&'static str; 2],
    pub(super) parameters: &'static [Parameter],
}

/// A parameter and how a request gives it: any of the clauses can be left out.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) clause: &'static str,
    pub(super) value: Values,
}

/// What a value is drawn from.
#[derive(Clone, Copy)]
pub(super) enum Values {
    Person,
    Thing,
    Counted,
    Day,
    Town,
    File,
    Folder,
    From(i64, i64),
}

const DAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const TOWNS: &[&str] =
    &["Lisbon", "Oslo", "Vienna", "Dublin", "Prague", "Athens", "Geneva", "Turin", "Bergen", "Porto"];
const FOLDERS: &[&str] = &["archive", "letters", "taxes", "photos", "drafts", "recipes"];
const ENDINGS: &[&str] = &["txt", "pdf", "csv"];

impl Values {
    pub(super) fn draw(self, chance: &mut Chance) -> Value {
        match self {
            Self::Person => (*chance.pick(NAMES)).into(),
            Self::Thing => (*chance.pick(THINGS)).into(),
            Self::Counted => (*chance.pick(COUNTED)).into(),
            Self::Day => (*chance.pick(DAYS)).into(),
            Self::Town => (*chance.pick(TOWNS)).into(),
            Self::File => format!("{}.{}", chance.pick(THINGS), chance.pick(ENDINGS)).into(),
            Self::Folder => (*chance.pick(FOLDERS)).into(),
            Self::From(low, high) => chance.between(low, high).into(),
        }
    }
}

impl Tool {
    /// `move_file(file, folder)`.
    pub(super) fn signature(&self) -> String {
        let names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name).collect();
        format!("{}({})", self.name, names.join(", "))
    }

    /// Whether the names share their verb or their noun.
    pub(super) fn resembles(&self, other: &Tool) -> bool {
        let words: BTreeSet<&str> = self.name.split('_').collect();
        other.name.split('_').any(|word| words.contains(word))
    }
}

/// Every name of a parameter that a tool has beside others.
pub(super) fn parameter_names() -> Vec<&'static str> {
    let with_others = TOOLS.iter().filter(|tool| tool.parameters.len() > 1);
    let names: BTreeSet<&str> = with_others.flat_map(|tool| tool.parameters).map(|parameter| parameter.name).collect();
    names.into_iter().collect()
}

const fn tool(name: &'static str, leads: [&'static str; 2], parameters: &'static [Parameter]) -> Tool {
    Tool { name, leads, parameters }
}

const fn by(name: &'static str, clause: &'static str, value: Values) -> Parameter {
    Parameter { name, clause, value }
}

const HOUR: Parameter = by("hour", " at {} o'clock", Values::From(8, 20));
const ON_DAY: Parameter = by("day", " on {}", Values::Day);
const TO_DAY: Parameter = by("day", " to {}", Values::Day);
const FILE: Parameter = by("file", " {}", Values::File);
const INTO: Parameter = by("folder", " into the folder {}", Values::Folder);
const ORDER: Parameter = by("order", " number {}", Values::From(1000, 9999));
const TICKET: Parameter = by("ticket", " number {}", Values::From(100, 999));
const AMOUNT: Parameter = by("amount", " of {} euros", Values::From(12, 980));

pub(super) const TOOLS: &[Tool] = &[
    tool(
        "create_event",
        ["Put an event into my calendar", "Please enter a new event"],
        &[by("guest", " with {}", Values::Person), ON_DAY, HOUR],
    ),
    tool(
        "move_event",
        ["Move the event", "Please shift the event"],
        &[by("guest", " with {}", Values::Person), TO_DAY],
    ),
    tool(
        "cancel_event",
        ["Call off the event", "Please cancel the event"],
        &[by("guest", " with {}", Values::Person), ON_DAY],
    ),
    tool("list_events", ["List my events", "Tell me which events I have"], &[ON_DAY]),
    tool(
        "create_reminder",
        ["Set a reminder", "Please make a new reminder"],
        &[by("thing", " about the {}", Values::Thing), HOUR],
    ),
    tool(
        "cancel_reminder",
        ["Cancel the reminder", "Drop the reminder"],
        &[by("thing", " about the {}", Values::Thing)],
    ),
    tool("create_file", ["Create a new file", "Please make an empty file"], &[by("file", " called {}", Values::File)]),
    tool("delete_file", ["Delete the file", "Please remove the file"], &[FILE]),
    tool("copy_file", ["Copy the file", "Please put a copy of the file"], &[FILE, INTO]),
    tool("move_file", ["Move the file", "Please shift the file"], &[FILE, INTO]),
    tool("delete_folder", ["Delete the folder", "Please remove the folder"], &[by("folder", " {}", Values::Folder)]),
    tool(
        "create_order",
        ["Place an order", "Please put in an order"],
        &[
            by("count", " for {}", Values::From(2, 60)),
            by("item", " of the {}", Values::Counted),
            by("town", ", to be sent to {}", Values::Town),
        ],
    ),
    tool("cancel_order", ["Cancel the order", "Please call off the order"], &[ORDER]),
    tool("track_order", ["Where is the order", "Please find out how far the order has come:"], &[ORDER]),
    tool(
        "change_order",
        ["Change the order", "Please correct the order"],
        &[ORDER, by("count", " to {} pieces", Values::From(2, 60))],
    ),
    tool(
        "send_money",
        ["Transfer a sum", "Please pay a sum from my account"],
        &[AMOUNT, by("person", " to {}", Values::Person)],
    ),
    tool(
        "request_money",
        ["Ask for a payment", "Please send a demand for a payment"],
        &[AMOUNT, by("person", " from {}", Values::Person)],
    ),
    tool(
        "show_balance",
        ["What is the balance", "Please show the balance"],
        &[by("account", " of account {}", Values::From(200, 899))],
    ),
    tool(
        "block_card",
        ["Block the card", "Please lock the card"],
        &[by("card", " ending in {}", Values::From(1000, 9999))],
    ),
    tool(
        "send_card",
        ["Send a greeting card", "Please mail a greeting card"],
        &[by("person", " to {}", Values::Person), by("town", " in {}", Values::Town)],
    ),
    tool(
        "book_ticket",
        ["Book a train trip", "Please get me train seats"],
        &[by("seats", " for {} people", Values::From(2, 9)), by("town", " to {}", Values::Town), ON_DAY],
    ),
    tool("cancel_ticket", ["Cancel the ticket", "Please give back the ticket"], &[TICKET]),
    tool("move_ticket", ["Change the ticket", "Please rebook the ticket"], &[TICKET, TO_DAY]),
    tool(
        "book_table",
        ["Book a table", "Please reserve a table"],
        &[by("seats", " for {} people", Values::From(2, 9)), ON_DAY, HOUR],
    ),
    tool("cancel_table", ["Cancel my table", "Please give up my table"], &[ON_DAY, HOUR]),
    tool("book_taxi", ["Book a taxi", "Please order a taxi"], &[by("town", " to {}", Values::Town), HOUR]),
    tool(
        "show_weather",
        ["What will the weather be", "Please tell me the weather"],
        &[by("town", " in {}", Values::Town), ON_DAY],
    ),
    tool(
        "show_price",
        ["What is the price", "Please look up the price"],
        &[by("count", " of {}", Values::From(2, 60)), by("item", " {}", Values::Counted)],
    ),
    tool("call_person", ["Ring up", "Please phone"], &[by("person", " {}", Values::Person)]),
    tool(
        "lend_thing",
        ["Write down that I lend out", "Please note a loan:"],
        &[by("thing", " the {}", Values::Thing), by("person", " to {}", Values::Person)],
    ),
];
