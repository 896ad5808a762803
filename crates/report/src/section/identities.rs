//! Who was compared, property by property, with the hashes of what was really used.

use hydrometer_answers::ModelIdentity;
use hydrometer_audit::Statement;
use hydrometer_audit::statement::Pairing;

use super::source::{Source, is_given};
use crate::document::{Block, Cell, Column, Fact, PAGE, Row, Section, Style, Table, Text, Use};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    Section::new("identities", "Who was compared")
        .on(PAGE)
        .with(Block::table(table(statement)))
        .with(Block::facts(facts(statement)))
}

fn table(statement: &Statement) -> Table {
    let pairs = properties(&statement.teacher).into_iter().zip(properties(&statement.student));
    let row = |((name, teacher), (_, student)): ((&str, String), (&str, String))| {
        let values = if teacher == student {
            let both = Text::foreign(teacher).words(" ").and(Style::Quiet, "both");
            [Cell::Text(both), Cell::Covered]
        } else {
            [Text::foreign(teacher).into(), Text::foreign(student).into()]
        };
        Row::new(std::iter::once(Cell::from(name.to_owned())).chain(values))
    };
    Table {
        title: None,
        caption: "Hashes are BLAKE3 of what was really used".into(),
        label: "Identities of the models, table".into(),
        style: "identities",
        columns: vec![
            Column::new(Use::Name, "Property"),
            Column::new(Use::Teacher, "Teacher"),
            Column::new(Use::Student, "Student"),
        ],
        rows: pairs.map(row).collect(),
    }
}

fn properties(model: &ModelIdentity) -> [(&'static str, String); 14] {
    let none = || "none".to_owned();
    let unknown = || match &model.unknown {
        Some(reason) => format!("unknown: {reason}"),
        None => "unknown".to_owned(),
    };
    let or_unknown = |known: &Option<String>| known.clone().unwrap_or_else(unknown);
    [
        ("Name", model.name.clone()),
        ("Given as", model.spec.clone()),
        ("Format", model.format.clone()),
        ("Architecture", or_unknown(&model.architecture)),
        ("Parameters", model.parameters.map_or_else(unknown, show::parameters)),
        ("Quantization", or_unknown(&model.quantization)),
        ("Vocabulary", model.vocab_size.map_or_else(unknown, |n| show::count(n.into()))),
        ("Context length", model.context_length.map_or_else(unknown, |n| show::count(n.into()))),
        ("Planted defect", model.surgery.clone().unwrap_or_else(none)),
        ("Weights", model.weights.clone()),
        ("Tokenizer", or_unknown(&model.tokenizer)),
        ("Chat template", model.template.clone().unwrap_or_else(none)),
        ("Engine", format!("{} {}", model.engine.name, model.engine.version)),
        ("Precision", format!("{}, kernel {}", or_unknown(&model.engine.precision), or_unknown(&model.engine.kernel))),
    ]
}

fn facts(statement: &Statement) -> Vec<Fact> {
    let suite = &statement.suite;
    let named = |name: &str, hash: &str| Text::foreign(name).words(" ").and(Style::Hash, hash);
    let others = [("Before distillation", &statement.base), ("Control student", &statement.control)];
    let others = others
        .into_iter()
        .filter_map(|(who, model)| model.as_ref().map(|model| Fact::new(who, named(&model.name, &model.weights))));
    let given = is_given(&statement.teacher);
    let pairing = (!given).then(|| Fact::new("Vocabularies", pairing(&statement.pairing)));
    let families = show::counted(suite.families, "family");
    let regime = &statement.regime;
    let rest = [
        Fact::new("Suite", named(&suite.name, &suite.hash)),
        Fact::new("Probes", format!("{} in {families}", show::counted(suite.probes, "probe"))),
        Fact::new("Context window", show::counted(u64::from(suite.n_ctx), "token")),
        Fact::new("Option orders", format!("up to {} per choice", suite.rotations)),
        Fact::new("Evidence regime", Text::foreign(&regime.id).words(": ").and(Style::Foreign, &regime.meaning)),
    ];
    others.chain(pairing).chain(rest).collect()
}

fn pairing(pairing: &Pairing) -> Text {
    match pairing {
        Pairing::Same => "the same".into(),
        Pairing::Padded { shared } => {
            let shared = show::count(u64::from(*shared));
            format!("the same up to padding or special tokens; the {shared} entries that both have are used").into()
        }
        Pairing::Different { reason } => {
            Text::from("different, so token metrics are refused: ").and(Style::Foreign, reason)
        }
    }
}
