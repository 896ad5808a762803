//! Five small worlds, each a collection of entries that are looked up by a label and changed by their ids: files, calendar,
//! orders, bank, tickets.

use serde_json::{Map, Value, json};

use crate::builtin::chance::Chance;
use crate::world::{Call, Condition, Goal, Rule, Tool};

/// A kind of world.
pub(super) struct Setting {
    pub name: &'static str,
    pub collection: &'static str,
    /// What an entry is called, as an argument too.
    noun: &'static str,
    /// First letter of ids.
    letter: char,
    /// The field by which entries are looked up.
    label: &'static str,
    labels: &'static [&'static str],
    /// Other fields of an entry, with what they may hold.
    fields: &'static [(&'static str, Range)],
    pub acts: &'static [Act],
}

/// What a field may hold.
pub(super) enum Range {
    Words(&'static [&'static str]),
    Numbers(i64, i64),
}

/// One thing that can be done to an entry.
pub(super) struct Act {
    tool: &'static str,
    does: &'static str,
    /// Its argument beside the entry: name and values.
    pub argument: Option<(&'static str, Range)>,
    effect: Effect,
    /// What the user says; `<it>` is the entry, `<x>` the argument.
    say: &'static str,
    /// The same without the argument, and the argument alone.
    say_without: &'static str,
}

pub(super) enum Effect {
    /// Sets a field to a word.
    Set(&'static str, &'static str),
    /// Sets a field to the argument, and `changed` to true.
    SetArgument(&'static str),
    /// Adds the argument to a field.
    AddArgument(&'static str),
    /// Takes the entry away.
    Remove,
}

const NAMES: &[&str] =
    &["Mia", "Noor", "Otto", "Pia", "Quinn", "Rosa", "Sami", "Tess", "Uma", "Vito", "Wanda", "Yusuf"];
const TITLES: &[&str] =
    &["review", "dentist", "lunch", "rehearsal", "interview", "training", "picnic", "meeting", "lesson", "exam"];
const TOPICS: &[&str] =
    &["printer", "login", "invoice", "heating", "keyboard", "backup", "phone", "elevator", "camera", "parking"];
const DAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"];
const FOLDERS: &[&str] = &["archive", "drafts", "reports", "photos", "letters"];
const TEAMS: &[&str] = &["blue", "green", "north", "south", "night"];
const ITEMS: &[&str] = &["lamp", "chair", "kettle", "carpet", "clock", "mirror"];

pub(super) const SETTINGS: [Setting; 5] = [
    Setting {
        name: "files",
        collection: "files",
        noun: "file",
        letter: 'f',
        label: "owner",
        labels: NAMES,
        fields: &[("folder", Range::Words(FOLDERS)), ("pages", Range::Numbers(1, 90))],
        acts: &[
            Act {
                tool: "move_file",
                does: "puts a file into another folder",
                argument: Some(("folder", Range::Words(&["attic", "safe", "shared", "outbox"]))),
                effect: Effect::SetArgument("folder"),
                say: "Move <it> to the folder <x>.",
                say_without: "Move <it> to another folder.",
            },
            Act {
                tool: "delete_file",
                does: "deletes a file",
                argument: None,
                effect: Effect::Remove,
                say: "Delete <it>.",
                say_without: "",
            },
        ],
    },
    Setting {
        name: "calendar",
        collection: "events",
        noun: "event",
        letter: 'e',
        label: "title",
        labels: TITLES,
        fields: &[("day", Range::Words(DAYS)), ("hour", Range::Numbers(8, 18))],
        acts: &[
            Act {
                tool: "move_event",
                does: "moves an event to another day",
                argument: Some(("day", Range::Words(&["Saturday", "Sunday"]))),
                effect: Effect::SetArgument("day"),
                say: "Move <it> to <x>.",
                say_without: "Move <it> to another day.",
            },
            Act {
                tool: "cancel_event",
                does: "cancels an event",
                argument: None,
                effect: Effect::Remove,
                say: "Cancel <it>.",
                say_without: "",
            },
        ],
    },
    Setting {
        name: "orders",
        collection: "orders",
        noun: "order",
        letter: 'o',
        label: "customer",
        labels: NAMES,
        fields: &[("item", Range::Words(ITEMS)), ("status", Range::Words(&["open"])), ("pieces", Range::Numbers(1, 9))],
        acts: &[
            Act {
                tool: "ship_order",
                does: "sends an order to its customer",
                argument: None,
                effect: Effect::Set("status", "shipped"),
                say: "Ship <it>.",
                say_without: "",
            },
            Act {
                tool: "change_pieces",
                does: "changes the number of pieces of an order",
                argument: Some(("pieces", Range::Numbers(11, 40))),
                effect: Effect::SetArgument("pieces"),
                say: "Change <it> to <x> pieces.",
                say_without: "Change the number of pieces of <it>.",
            },
        ],
    },
    Setting {
        name: "bank",
        collection: "accounts",
        noun: "account",
        letter: 'a',
        label: "owner",
        labels: NAMES,
        fields: &[("balance", Range::Numbers(100, 900)), ("card", Range::Words(&["active"]))],
        acts: &[
            Act {
                tool: "deposit",
                does: "pays money into an account",
                argument: Some(("amount", Range::Numbers(5, 95))),
                effect: Effect::AddArgument("balance"),
                say: "Pay <x> into <it>.",
                say_without: "Pay some money into <it>.",
            },
            Act {
                tool: "block_card",
                does: "blocks the card of an account",
                argument: None,
                effect: Effect::Set("card", "blocked"),
                say: "Block the card of <it>.",
                say_without: "",
            },
        ],
    },
    Setting {
        name: "tickets",
        collection: "tickets",
        noun: "ticket",
        letter: 't',
        label: "topic",
        labels: TOPICS,
        fields: &[("status", Range::Words(&["open"])), ("team", Range::Words(TEAMS))],
        acts: &[
            Act {
                tool: "close_ticket",
                does: "closes a ticket",
                argument: None,
                effect: Effect::Set("status", "closed"),
                say: "Close <it>.",
                say_without: "",
            },
            Act {
                tool: "assign_ticket",
                does: "gives a ticket to a team",
                argument: Some(("team", Range::Words(&["red", "east", "west", "day"]))),
                effect: Effect::SetArgument("team"),
                say: "Give <it> to the team <x>.",
                say_without: "Give <it> to another team.",
            },
        ],
    },
];

/// An entry of a collection.
#[derive(Clone)]
pub(super) struct Entry {
    pub id: String,
    label: &'static str,
    pub value: Value,
}

/// One task: what is said, the calls that do it, what they change.
#[derive(Clone)]
pub(super) struct Task {
    pub say: String,
    pub say_without: String,
    pub say_argument: String,
    pub calls: Vec<Call>,
    pub target: String,
    /// The entry before.
    pub before: Value,
    /// The fields that change; `None` where the entry goes.
    after: Option<Map<String, Value>>,
    collection: &'static str,
}

impl Task {
    /// Adds what it changes to a goal.
    pub fn add_to(&self, goal: &mut Goal) {
        match &self.after {
            None => goal.absent.push(format!("/{}/{}", self.collection, self.target)),
            Some(after) => {
                let entries = goal.state.entry(self.collection).or_insert_with(|| json!({}));
                entries[self.target.as_str()] = Value::Object(after.clone());
            }
        }
    }
}

impl Range {
    fn draw(&self, chance: &mut Chance) -> Value {
        match self {
            Range::Words(words) => Value::from(*chance.pick(words)),
            Range::Numbers(low, high) => Value::from(chance.between(*low, *high)),
        }
    }

    fn schema(&self) -> Value {
        match self {
            Range::Words(_) => json!({"type": "string"}),
            Range::Numbers(..) => json!({"type": "integer"}),
        }
    }
}

impl Setting {
    /// So many entries with different ids and labels.
    pub fn entries(&self, chance: &mut Chance, count: usize) -> Vec<Entry> {
        let labels = chance.sample(self.labels, count);
        let ids = chance.sample(&(10..100).collect::<Vec<_>>(), count);
        let entry = |(label, id): (&'static str, i32)| {
            let mut fields = Map::from_iter([(self.label.to_owned(), Value::from(label))]);
            fields.extend(self.fields.iter().map(|(name, range)| ((*name).to_owned(), range.draw(chance))));
            Entry { id: format!("{}{id}", self.letter), label, value: Value::Object(fields) }
        };
        labels.into_iter().zip(ids).map(entry).collect()
    }

    /// A task of one call: the user knows the id.
    pub fn direct(&self, act: &Act, target: &Entry, chance: &mut Chance) -> Task {
        self.task(act, target, &format!("the {} {}", self.noun, target.id), Vec::new(), chance)
    }

    /// A task of two calls: the id has to be looked up.
    pub fn linked(&self, act: &Act, target: &Entry, chance: &mut Chance) -> Task {
        let it = match self.label {
            "title" | "topic" => format!("the {} with the {} {}", self.noun, self.label, target.label),
            _ => format!("the {} of {}", self.noun, target.label),
        };
        let look = call(self.find(), [(self.label, Value::from(target.label))]);
        self.task(act, target, &it, vec![look], chance)
    }

    fn find(&self) -> String {
        format!("find_{}", self.noun)
    }

    fn task(&self, act: &Act, target: &Entry, it: &str, mut calls: Vec<Call>, chance: &mut Chance) -> Task {
        let argument = act.argument.as_ref().map(|(name, range)| (*name, range.draw(chance)));
        let entry = (self.noun, Value::from(target.id.as_str()));
        calls.push(call(act.tool.to_owned(), [entry].into_iter().chain(argument.clone())));
        let given = argument.as_ref().map_or(Value::Null, |(_, value)| value.clone());
        let shown = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
        let field = |name: &str, value: Value| Some(Map::from_iter([(name.to_owned(), value)]));
        let after = match act.effect {
            Effect::Set(name, word) => field(name, word.into()),
            Effect::SetArgument(name) => field(name, given),
            Effect::AddArgument(name) => {
                let sum = target.value[name].as_i64().unwrap_or(0) + given.as_i64().unwrap_or(0);
                field(name, sum.into())
            }
            Effect::Remove => None,
        };
        Task {
            say: act.say.replace("<it>", it).replace("<x>", &shown),
            say_without: act.say_without.replace("<it>", it),
            say_argument: argument.map_or(String::new(), |(name, _)| format!("The {name} is {shown}.")),
            calls,
            target: target.id.clone(),
            before: target.value.clone(),
            after,
            collection: self.collection,
        }
    }

    /// Its tools, the look-up first.
    pub fn tools(&self) -> Vec<Tool> {
        let place = format!("/{}", self.collection);
        let label = self.label;
        let find = Tool {
            name: self.find(),
            description: format!("finds the {} by {label}", self.collection),
            parameters: schema([(label, json!({"type": "string"}))]),
            rules: Vec::new(),
            result: Some(json!({"$where": {"at": place, "has": {label: format!("{{{label}}}")}}})),
        };
        [find].into_iter().chain(self.acts.iter().map(|act| self.tool(act))).collect()
    }

    fn tool(&self, act: &Act) -> Tool {
        let entry = format!("/{}/{{{}}}", self.collection, self.noun);
        let field = |name: &str| format!("{entry}/{name}");
        let given = act.argument.as_ref().map_or(Value::Null, |(name, _)| Value::from(format!("{{{name}}}")));
        let change = match act.effect {
            Effect::Set(name, word) => Rule::Set { at: field(name), to: word.into() },
            Effect::SetArgument(name) => Rule::Set { at: field(name), to: given },
            Effect::AddArgument(name) => Rule::Add { at: field(name), by: given },
            Effect::Remove => Rule::Remove { at: entry.clone() },
        };
        let there = Condition { exists: Some(true), ..Condition::at(entry.clone()) };
        let otherwise = format!("there is no {} {{{}}}", self.noun, self.noun);
        let argument = act.argument.as_ref().map(|(name, range)| (*name, range.schema()));
        Tool {
            name: act.tool.to_owned(),
            description: act.does.to_owned(),
            parameters: schema([(self.noun, json!({"type": "string"}))].into_iter().chain(argument)),
            rules: vec![Rule::Require { that: there, otherwise }, change],
            result: match act.effect {
                Effect::Remove => None,
                _ => Some(json!({"$get": entry})),
            },
        }
    }
}

/// A call.
pub(super) fn call(name: String, arguments: impl IntoIterator<Item = (&'static str, Value)>) -> Call {
    let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Call { name, arguments }
}

/// The schema of arguments that are all needed.
pub(super) fn schema(arguments: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let required: Vec<_> = arguments.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        arguments.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// Tools that have nothing to do with any of these worlds.
pub(super) fn irrelevant(chance: &mut Chance, count: usize) -> Vec<Tool> {
    let tools = [
        ("get_weather", "says what the weather is in a town", "town"),
        ("play_music", "plays a song", "song"),
        ("set_alarm", "sets an alarm", "time"),
        ("translate", "translates a word", "word"),
        ("take_photo", "takes a photo", "place"),
    ];
    let tool = |(name, does, argument): (&str, &str, &'static str)| Tool {
        name: name.to_owned(),
        description: does.to_owned(),
        parameters: schema([(argument, json!({"type": "string"}))]),
        rules: Vec::new(),
        result: None,
    };
    chance.sample(&tools, count).into_iter().map(tool).collect()
}
