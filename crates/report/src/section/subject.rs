//! Who was compared, on a terminal: a line each. The page has its masthead and a section with all hashes.

use hydrometer_answers::ModelIdentity;
use hydrometer_audit::statement::Pairing;

use super::source::{Source, asked, is_given};
use crate::document::{Block, Fact, Section, TERMINAL};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let mut facts =
        vec![Fact::new("teacher", model(&statement.teacher)), Fact::new("student", model(&statement.student))];
    facts.extend(statement.base.as_ref().map(|base| Fact::new("base", model(base))));
    facts.extend(statement.control.as_ref().map(|control| Fact::new("control", model(control))));
    facts.push(Fact::new("suite", format!("{}: {}", statement.suite.name, asked(&statement.suite))));
    facts.push(Fact::new("evidence", format!("{}: {}", statement.regime.id, statement.regime.meaning)));
    let tokens = match &statement.pairing {
        Pairing::Same => None,
        Pairing::Padded { shared } => {
            Some(format!("the same up to padding or special tokens, {} shared", show::count(u64::from(*shared))))
        }
        // Nothing was refused, and the evidence says the same.
        Pairing::Different { .. } if is_given(&statement.teacher) => None,
        Pairing::Different { reason } => Some(format!("different vocabularies, token metrics refused: {reason}")),
    };
    facts.extend(tokens.map(|tokens| Fact::new("tokens", tokens)));
    Section::new("subject", "").on(TERMINAL).with(Block::facts(facts))
}

fn model(model: &ModelIdentity) -> String {
    // Nothing is known of such a model but its name.
    if is_given(model) {
        return format!("{} (given answers)", model.name);
    }
    let surgery = model.surgery.as_ref().map_or_else(String::new, |s| format!(", planted: {s}"));
    let parameters = model.parameters.map(|parameters| match parameters {
        0 => "no parameters".to_owned(),
        n => format!("{} parameters", show::parameters(n)),
    });
    let (architecture, quantization) = (model.architecture.clone(), model.quantization.clone());
    let known: Vec<_> =
        [architecture, parameters, quantization, model.engine.precision.clone()].into_iter().flatten().collect();
    let known = if known.is_empty() { "nothing else is known".to_owned() } else { known.join(", ") };
    format!("{} ({known}){surgery}", model.name)
}
