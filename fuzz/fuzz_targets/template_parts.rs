//! Chat templates from parts that belong together, each repeated: what grows without end is refused in bounded memory.
#![no_main]

use hydrometer_models::{ChatTemplate, GenerationPrompt, Message};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Part {
    Piece(u8),
    Repeat { piece: u8, times: u16 },
    Block { head: u8, inside: Vec<Part> },
    Expression { tokens: Vec<(u8, u16)> },
    Text(String),
}

const PIECES: [&str; 28] = [
    "{{ x }}",
    "{% set x = x ~ x %}",
    "{% set x = x + x %}",
    "{% set x = x * 2 %}",
    "{% set n.x = n.x + n.x %}",
    "{% set n.x = [n.x, n.x] %}",
    "{% set n.x = {'a': n.x} %}",
    "{% set n.x = n %}",
    "{{ n }}",
    "{{ n.x|tojson }}",
    "{% set x = x|replace('a', x) %}",
    "{% set x = [x, x]|join(x) %}",
    "{{ m(x) }}",
    "{{ loop(x) }}",
    "{{ caller() }}",
    "{{ x|indent(99999999) }}",
    "{{ x|batch(99999999, x)|list }}",
    "{{ '%99999999s'|format(x) }}",
    "{{ x[::-1] }}",
    "{% set x = x.split('') %}",
    "{% set x = x|list %}",
    "{% set x = messages|map('tojson')|list %}",
    "{{ x == n }}",
    "{{ n.x in [n.x] }}",
    "{% set x = x|groupby('a') %}",
    "{% set x = dict(a=x) %}",
    "{{ x|pprint }}",
    "{% break %}",
];
const HEADS: [(&str, &str); 8] = [
    ("{% for i in range(99) %}", "{% endfor %}"),
    ("{% for x in [x, x] recursive %}", "{% endfor %}"),
    ("{% if x %}", "{% else %}{% endif %}"),
    ("{% macro m(x) %}", "{% endmacro %}"),
    ("{% set x %}", "{% endset %}"),
    ("{% filter upper %}", "{% endfilter %}"),
    ("{% call m(x) %}", "{% endcall %}"),
    ("{% block b %}", "{% endblock %}"),
];
const TOKENS: [&str; 30] = [
    "x",
    "n",
    "1",
    "'a'",
    "99999999",
    " + ",
    " ~ ",
    " * ",
    " ** ",
    "-",
    " not ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".a",
    "|upper",
    "|join(x)",
    " is defined",
    " in ",
    " == ",
    " if ",
    " else ",
    " and ",
    "|list",
    "[1:]",
];

fn write(parts: &[Part], depth: u8, out: &mut String) {
    for part in parts.iter().take(32) {
        if out.len() > 1 << 18 {
            return;
        }
        match part {
            Part::Piece(piece) => out.push_str(PIECES[usize::from(*piece) % PIECES.len()]),
            Part::Repeat { piece, times } => {
                let piece = PIECES[usize::from(*piece) % PIECES.len()];
                out.push_str(&piece.repeat(usize::from(*times % 4096)));
            }
            Part::Block { head, inside } if depth < 40 => {
                let (begin, end) = HEADS[usize::from(*head) % HEADS.len()];
                out.push_str(begin);
                write(inside, depth + 1, out);
                out.push_str(end);
            }
            Part::Block { .. } => {}
            Part::Expression { tokens } => {
                out.push_str("{{ x");
                for (token, times) in tokens.iter().take(16) {
                    out.push_str(&TOKENS[usize::from(*token) % TOKENS.len()].repeat(usize::from(*times % 2048)));
                }
                out.push_str(" }}");
            }
            Part::Text(text) => out.push_str(text),
        }
    }
}

fuzz_target!(|parts: Vec<Part>| {
    let mut source = "{% set x = 'abc' %}{% set n = namespace(x=['a']) %}".to_owned();
    write(&parts, 0, &mut source);
    let Ok(template) = ChatTemplate::new(&source, Some("<s>".to_owned()), None) else { return };
    let _ = template.render(&[Message::user("hello <b>")], GenerationPrompt::Add);
});
