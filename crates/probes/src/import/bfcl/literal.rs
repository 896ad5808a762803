//! A call as Python writes it, with nothing but literals in it: `mv(source='a', destination='b')`.

use serde_json::{Map, Value};

/// Deepest nesting of lists and dictionaries.
const DEPTH: usize = 16;

/// A call: its function, arguments by place, arguments by name.
#[derive(Debug, PartialEq)]
pub(super) struct Written {
    pub function: String,
    pub placed: Vec<Value>,
    pub named: Map<String, Value>,
}

/// Reads a call; `None` where it is none, or has something else than literals in it.
pub(super) fn call(text: &str) -> Option<Written> {
    let mut reader = Reader { rest: text };
    let function = reader.name()?;
    let mut call = Written { function, placed: Vec::new(), named: Map::new() };
    reader.token("(")?;
    while reader.token(")").is_none() {
        match reader.keyword() {
            Some(name) => {
                let value = reader.value(DEPTH)?;
                if call.named.insert(name, value).is_some() {
                    return None;
                }
            }
            None if call.named.is_empty() => call.placed.push(reader.value(DEPTH)?),
            None => return None,
        }
        if reader.token(",").is_none() {
            reader.token(")")?;
            break;
        }
    }
    reader.skip();
    reader.rest.is_empty().then_some(call)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn token(&mut self, token: &str) -> Option<()> {
        self.skip();
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    /// Letters, digits, `_` and `.`.
    fn name(&mut self) -> Option<String> {
        self.skip();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        Some(name.to_owned())
    }

    /// `name=`.
    fn keyword(&mut self) -> Option<String> {
        let before = self.rest;
        let name = self.name();
        let is_keyword = name.is_some() && self.token("=").is_some() && !self.rest.starts_with('=');
        if is_keyword {
            return name;
        }
        self.rest = before;
        None
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip();
        match self.rest.chars().next()? {
            '\'' | '"' => self.text().map(Value::String),
            '[' => self.items("[", "]", depth).map(Value::Array),
            '(' => self.items("(", ")", depth).map(Value::Array),
            '{' => self.fields(depth).map(Value::Object),
            c if c.is_ascii_digit() || "-+.".contains(c) => self.number(),
            _ => match self.name()?.as_str() {
                "True" => Some(Value::Bool(true)),
                "False" => Some(Value::Bool(false)),
                "None" => Some(Value::Null),
                _ => None,
            },
        }
    }

    fn number(&mut self) -> Option<Value> {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-+._".contains(c)));
        let (digits, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        let digits = digits.replace('_', "");
        let whole = digits.parse::<i64>().ok().map(Value::from);
        whole.or_else(|| digits.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from))
    }

    fn text(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[at + c.len_utf8()..];
                    return Some(text);
                }
                '\\' => match chars.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    c @ ('\\' | '\'' | '"') => text.push(c),
                    'x' | 'u' | 'U' | 'N' | '0'..='7' | 'a' | 'b' | 'f' | 'r' | 'v' | '\n' => return None,
                    // Python keeps what is no escape as it stands.
                    c => text.extend(['\\', c]),
                },
                c => text.push(c),
            }
        }
        None
    }

    fn items(&mut self, open: &str, close: &str, depth: usize) -> Option<Vec<Value>> {
        let depth = depth.checked_sub(1)?;
        self.token(open)?;
        let mut items = Vec::new();
        while self.token(close).is_none() {
            items.push(self.value(depth)?);
            if self.token(",").is_none() {
                self.token(close)?;
                break;
            }
        }
        Some(items)
    }

    fn fields(&mut self, depth: usize) -> Option<Map<String, Value>> {
        let depth = depth.checked_sub(1)?;
        self.token("{")?;
        let mut fields = Map::new();
        while self.token("}").is_none() {
            let Value::String(key) = self.value(depth)? else { return None };
            self.token(":")?;
            fields.insert(key, self.value(depth)?);
            if self.token(",").is_none() {
                self.token("}")?;
                break;
            }
        }
        Some(fields)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::call;

    #[test]
    fn literals_and_nothing_else() {
        let read = call(r#"f.g('it\'s', 3, x=-1.5, y=[True, None, {'a': "b"}], z=(1, 2),)"#).unwrap();
        assert_eq!((read.function.as_str(), &read.placed), ("f.g", &vec![json!("it's"), json!(3)]));
        assert_eq!(json!(read.named), json!({"x": -1.5, "y": [true, null, {"a": "b"}], "z": [1, 2]}));
        assert_eq!(call("f()").unwrap().placed, Vec::<serde_json::Value>::new());
        let deep = format!("f({})", "[".repeat(1000));
        for wrong in [
            "",
            "f",
            "f(",
            "f(x)",
            "f(x=g())",
            "f(1)(2)",
            "f(x=1, 2)",
            "f(x=1, x=2)",
            "f(1 + 1)",
            "f('a)",
            "f(1e999)",
            &deep,
        ] {
            assert_eq!(call(wrong), None, "{wrong}");
        }
    }
}
