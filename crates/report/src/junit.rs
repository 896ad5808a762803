//! JUnit XML for CI: one test case per gate.

use std::fmt::Write;

use hydrometer_audit::Statement;
use hydrometer_audit::statement::Gate;
use hydrometer_metrics::Verdict;

use crate::section::gates::{bounds, detectable, more_families};
use crate::show;
use crate::text::visible;

const NO_GATE: &str = "the policy has no gate that this run can answer";

/// One test case per gate, and one for a statement that no gate decides. FAIL is a failure; NOT ENOUGH EVIDENCE is `skipped` with its message, because JUnit knows
/// no third answer and a failure would say that something was found. Let the exit code decide, it keeps them apart.
#[must_use]
pub fn junit(statement: &Statement) -> String {
    let gates = &statement.gates;
    let count = |verdict: Verdict| gates.iter().filter(|gate| gate.verdict == verdict).count();
    let (undecided, failures) = (count(Verdict::NotEnoughEvidence), count(Verdict::Fail));
    // A suite whose tests all pass is green, and one without a test, too: what no gate says is a case of its own.
    let withheld = statement.verdict == Verdict::NotEnoughEvidence && undecided + failures == 0;
    let (tests, skipped) = (gates.len() + usize::from(withheld), undecided + usize::from(withheld));
    let name = escaped(&format!("{} against {}", statement.student.name, statement.teacher.name));
    let properties = [
        ("hydrometer", statement.hydrometer.as_str()),
        ("run", &statement.run),
        ("verdict", show::verdict(statement.verdict)),
        ("suite", &statement.suite.hash),
        ("teacher", &statement.teacher.weights),
        ("student", &statement.student.weights),
    ];
    let properties = properties
        .map(|(name, value)| format!("            <property name=\"{name}\" value=\"{}\"/>\n", escaped(value)));
    let mut cases: String = gates.iter().map(case).collect();
    if withheld {
        let why = if gates.is_empty() { NO_GATE } else { &statement.verdict_line };
        let verdict = escaped(&format!("{}: {why}", show::verdict(statement.verdict)));
        cases += &format!(
            "        <testcase name=\"{}\" classname=\"hydrometer.gates\">\n            <skipped message=\"{verdict}\" \
             type=\"evidence\"/>\n        </testcase>\n",
            if gates.is_empty() { "gates" } else { "statement" },
        );
    }
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="hydrometer" tests="{tests}" skipped="{skipped}" failures="{failures}" errors="0">
    <testsuite name="{name}" tests="{tests}" skipped="{skipped}" errors="0" failures="{failures}">
        <properties>
{}        </properties>
{cases}    </testsuite>
</testsuites>
"#,
        properties.concat()
    )
}

fn case(gate: &Gate) -> String {
    let message = escaped(&gate.explanation);
    let mut inside = match gate.verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail => format!("            <failure message=\"{message}\" type=\"gate\"/>\n"),
        Verdict::NotEnoughEvidence => {
            let more = more_families(gate).map(|more| format!(" ({})", escaped(&more)));
            let (verdict, more) = (show::verdict(gate.verdict), more.unwrap_or_default());
            format!("            <skipped message=\"{verdict}: {message}{more}\" type=\"evidence\"/>\n")
        }
    };
    if let Some(seen) = detectable(gate) {
        // Writing to a string cannot fail.
        let _ = writeln!(inside, "            <system-out>{}</system-out>", escaped(&seen));
    }
    let name = escaped(&format!("{} {}", gate.metric, bounds(gate)));
    let tag = format!("        <testcase name=\"{name}\" classname=\"hydrometer.gates\"");
    if inside.is_empty() { format!("{tag}/>\n") } else { format!("{tag}>\n{inside}        </testcase>\n") }
}

/// A text as XML may hold it, in attributes and between tags: control characters shown as signs, markup as entities, and
/// the two characters that XML forbids beyond them left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\'' => escaped.push_str("&apos;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup_and_nothing_is_forbidden() {
        let check = |text: &str, expected: &str| assert_eq!(escaped(text), expected);
        check("</testcase><x a='\"'>&amp;", "&lt;/testcase&gt;&lt;x a=&apos;&quot;&apos;&gt;&amp;amp;");
        check("a\u{fffe}b\u{ffff}c\u{10ffff}", "abc\u{10ffff}");
        check("a\0\r\n\t\u{1b}[31m", "a␀␍↵⇥␛[31m");
    }
}
