//! The top of every format: who, and the verdict in words before anything else.

use hydrometer_audit::Statement;

use crate::document::{Fact, Masthead, Text};
use crate::show;

pub(super) fn masthead(statement: &Statement) -> Masthead {
    let suite = &statement.suite;
    let count = |name, n| Fact::new(name, show::count(n));
    let mut facts = vec![
        Fact::new("Suite", Text::foreign(&suite.name)),
        count("Families", suite.families),
        count("Positions", suite.positions),
        count("Choices", suite.choices),
    ];
    if suite.prompts > 0 {
        facts.push(count("Prompts", suite.prompts));
    }
    let hint = Some(statement.regime.meaning.clone());
    facts.push(Fact { hint, ..Fact::new("Evidence", statement.regime.id.as_str()) });
    Masthead {
        verdict: statement.verdict,
        line: statement.verdict_line.clone(),
        student: statement.student.name.clone(),
        teacher: statement.teacher.name.clone(),
        facts,
        hydrometer: statement.hydrometer.clone(),
        format: statement.format.clone(),
        run: statement.run.clone(),
    }
}
