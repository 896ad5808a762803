//! How deep the lines of code stand, where that says what belongs to what: in languages without brackets around blocks.

use std::collections::BTreeMap;

/// Depths of the lines of code of an answer, by what they say; empty for prose and for code with brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Layout(BTreeMap<String, Vec<usize>>);

impl Layout {
    /// Reads a text with its line breaks. Where there are fences, what stands in them counts; else all of it, once a line that ends with a
    /// colon is followed by a deeper one that is no item of a list.
    pub fn of(text: &str) -> Self {
        let is_fence = |line: &str| ["```", "~~~"].iter().any(|fence| line.trim_start().starts_with(fence));
        let fenced = text.lines().any(is_fence);
        let mut inside = !fenced;
        let mut lines: Vec<&str> = Vec::new();
        for line in text.lines() {
            if is_fence(line) {
                inside = !inside;
            } else if inside && !line.trim().is_empty() {
                lines.push(line);
            }
        }
        let opens = |pair: &[&str]| {
            let (before, next) = (pair[0].trim_end(), pair[1].trim_start());
            let is_item = next.starts_with(['-', '*', '+', '•', '>']) || next.starts_with(|c: char| c.is_ascii_digit());
            let is_block = if fenced { !before.ends_with(BRACKETED) } else { before.ends_with(':') && !is_item };
            indent(pair[1]) > indent(pair[0]) && is_block
        };
        if !lines.windows(2).any(opens) {
            return Self::default();
        }
        let mut depths: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        // Four spaces or two: what counts is which lines stand deeper than which.
        let mut open: Vec<usize> = Vec::new();
        for line in lines {
            let indent = indent(line);
            while open.last().is_some_and(|&before| before >= indent) {
                open.pop();
            }
            depths.entry(line.split_whitespace().collect()).or_default().push(open.len());
            open.push(indent);
        }
        Self(depths)
    }

    /// Whether lines that both have stand equally deep.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.0
            .iter()
            .all(|(line, depths)| other.0.get(line).is_none_or(|found| found.len() != depths.len() || found == depths))
    }
}

/// Ends of lines behind which a deeper line says nothing: a bracket does, or the line goes on.
const BRACKETED: [char; 6] = ['{', '(', '[', ',', ';', '>'];

/// Columns before the first sign; a tab reaches to the next multiple of eight.
fn indent(line: &str) -> usize {
    let spaces = line.chars().take_while(|c| [' ', '\t'].contains(c));
    spaces.fold(0, |column, c| if c == '\t' { (column / 8 + 1) * 8 } else { column + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(one: &str, other: &str, expected: bool) {
        assert_eq!(Layout::of(one).agrees_with(&Layout::of(other)), expected, "{one:?}, {other:?}");
        assert_eq!(Layout::of(other).agrees_with(&Layout::of(one)), expected, "{other:?}, {one:?}");
    }

    #[test]
    fn what_stands_deeper_belongs_to_what_stands_before() {
        let sum = "def f(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s";
        check(sum, &sum.replace("    return", "        return"), false);
        check(sum, &sum.replace("    ", "  "), true);
        check(sum, &sum.replace("    ", "\t"), true);
        check(sum, &format!("Here it is:\n```python\n{sum}\n```\nDone:\n  as asked"), true);
        check("user:\n  id: 1\nitems: 2", "user:\n  id: 1\n  items: 2", false);
        check("```\nif a\n  b\nc\n```", "```\nif a\n  b\n  c\n```", false);
        // Brackets say it, and lists do not.
        check("```\nf() {\n  a;\n  b;\n}\n```", "```\nf() {\na;\n  b;\n}\n```", true);
        check("Fruits:\n  - apples\n  - pears", "Fruits:\n- apples\n- pears", true);
    }
}
