//! Chat templates made to take the stack, the memory or the time of the process: each is refused with a reason.
#![allow(clippy::unwrap_used, reason = "test code")]

use hydrometer_models::{ChatTemplate, GenerationPrompt, Message};

fn render(source: &str) -> Result<String, String> {
    let template = ChatTemplate::new(source, Some("<s>".to_owned()), None).map_err(|e| e.to_string())?;
    template.render(&[Message::user("hello")], GenerationPrompt::Add).map_err(|e| e.to_string())
}

fn check(source: &str, expected: &str) {
    let start: String = source.chars().take(60).collect();
    let error = render(source).map(|text| text.len()).unwrap_err();
    assert!(error.starts_with("chat template: ") && error.contains(expected), "{start}: {error}");
    assert!(error.len() < 400 && !error.contains('\n'), "{start}: {error}");
}

/// A tag of as many pieces as are read, and one of ten times as many.
fn check_chain(first: &str, piece: &str, words: usize, last: &str) {
    let chain = |n: usize| format!("{{{{ {first}{}{last} }}}}", piece.repeat(n));
    check(&chain(15_000 / words), "words in the tag at line 1");
    // Either outcome will do, as long as it is one.
    let _ = render(&chain(1_400 / words));
}

#[test]
fn long_chains_are_refused_before_they_are_read() {
    check_chain("", "not ", 1, "x");
    check_chain("", "-", 1, "1");
    check_chain("x", ".a", 2, "");
    check_chain("x", "[0]", 3, "");
    check_chain("1", "+1", 2, "");
    check_chain("1", "**1", 2, "");
    check_chain("1", "*1", 2, "");
    check_chain("'a'", "~'a'", 2, "");
    check_chain("x", "|trim", 2, "");
    check_chain("x", " is defined", 2, "");
    check_chain("x", " if x else x", 4, "");
    check_chain("x", " and x", 2, "");
    check_chain("x", "()", 2, "");
    check_chain("", "(", 1, &format!("1{}", ")".repeat(100)));
    check_chain("", "[", 1, "");
    check_chain("", "{1:", 3, "");
    check("{{ (1, *messages) }}{{ range(*messages) }}", "star");
}

#[test]
fn blocks_in_blocks_are_refused() {
    check(&"{% if x %}".repeat(5000), "recursion");
    check(&format!("{{% if x %}}{}{{% endif %}}", "{% elif x %}".repeat(5000)), "branches (elif)");
    check(&"x".repeat(200_000), "its length in bytes");
    let most = format!("{{% if x %}}{}{{% endif %}}fine", "{% elif x %}".repeat(500));
    assert_eq!(render(&most).unwrap(), "fine");
}

#[test]
fn what_grows_without_end_is_refused() {
    let memory = "more text than it may";
    let twice = |step: &str| format!("{{% set x = 'abcdefgh' %}}{}", step.repeat(60));
    check(&twice("{% set x = x ~ x %}"), memory);
    check(&twice("{% set x = x + x %}"), memory);
    check(&twice("{% set x = x * 2 %}"), memory);
    check(&twice("{% set x %}{{ x }}{{ x }}{% endset %}"), memory);
    check(&twice("{% set x = x|replace('a', x) %}"), memory);
    check(&twice("{% set x = x.replace('a', x) %}"), memory);
    check(&twice("{% set x = [x, x]|join(x) %}"), memory);
    check(&twice("{% set x = x.join([x, x, x]) %}"), memory);
    check(&twice("{% set x = '%s%s'|format(x, x) %}"), memory);
    check(&twice("{% set x = '{0}{0}'.format(x) %}"), memory);
    check(&twice("{% set x = [x, x]|map('upper')|join %}"), memory);
    check(&twice("{% set x = (x|list + x|list)|join %}"), memory);
    check(&twice("{% filter upper %}{% set x = x|upper ~ x|lower %}{% endfilter %}"), memory);
    check("{% set n = namespace(x='abcdefgh') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}", memory);
    check("{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}", memory);
    check("{% macro m(x, n) %}{% if n %}{{ m(x ~ x, n - 1) }}{% endif %}{% endmacro %}{{ m('abcdefgh', 60) }}", memory);
    check("{% for a in range(999) %}{% for b in range(999) %}0123456789abcdef{% endfor %}{% endfor %}", memory);
    check(
        "{% set x %}{% for a in range(9999) %}{% for b in range(99) %}0123456789abcdef{% endfor %}{% endfor %}{% endset %}",
        memory,
    );
    // Worked out by the compiler, were it let.
    for times in ["99999999", "9999 * 9999", "(10 ** 8)"] {
        check(&format!("{{{{ 'a' * {times} }}}}"), memory);
        check(&format!("{{{{ {times} * 'a' }}}}"), memory);
        check(&format!("{{% if 'b' in ['a'] * {times} %}}x{{% endif %}}"), memory);
    }
    check("{{ 'a\na'|indent(999999999) }}", memory);
    check("{{ 'a\na'|indent(width=999999999) }}", memory);
    check("{{ '%999999999d'|format(1) }}", memory);
    check("{{ '%*d'|format(999999999, 1) }}", memory);
    check("{{ '{:>999999999}'.format('a') }}", memory);
    check("{{ [1]|batch(999999999, 'a') }}", memory);
    check("{{ [1]|slice(999999999) }}", memory);
}

#[test]
fn values_in_values_without_end_are_refused() {
    let deep = |step: &str| format!("{{% set n = namespace(x=[1]) %}}{{% for i in range(5000) %}}{step}{{% endfor %}}");
    check(&deep("{% set n.x = [n.x] %}"), "nests values too deeply");
    check(&deep("{% set n.x = {'a': n.x} %}"), "nests values too deeply");
    check(&deep("{% set n.x = (n.x,) %}"), "nests values too deeply");
    check(&deep("{% set n.x = [n.x, n.x] %}"), "more text than it may");
    check("{% set n = namespace() %}{% set n.x = n %}{{ n }}", "a namespace inside another value");
    check("{% set n = namespace() %}{% set m = namespace(x=n) %}{{ m }}", "a namespace inside another value");
    check("{% set n = namespace() %}{% set n.x = [n] %}{{ n }}", "a namespace inside another value");
}

#[test]
fn it_ends() {
    check(&format!("{}x{}", "{% for a in range(999) %}".repeat(5), "{% endfor %}".repeat(5)), "");
    check("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "");
    check("{% block a %}{{ self.a() }}{% endblock %}", "");
    check("{% include 'chat' %}", "");
    check("{% extends 'chat' %}", "");
    check("{% import 'chat' as a %}", "");
    check("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "");
}

/// What the checks put between must not be seen.
#[test]
fn ordinary_templates_render_as_before() {
    let check = |source: &str, expected: &str| assert_eq!(render(source).unwrap(), expected, "{source}");
    check("{{ 2 * 3 * 4 }}{{ '=' * 5 }}{{ 2 ** 3 }}", "24=====8");
    check("{% for i in range(3) if i != 1 %}{{ loop.index }}{{ i }}{% else %}none{% endfor %}", "1022");
    check("{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(3, b=4) }}", "1234");
    check("{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}x{% endcall %}", "[x]");
    check("{% for a in [1, [2, [3]]] recursive %}{{ loop(a) if a is iterable else a }}{% endfor %}", "123");
    check("{% set n = namespace(a=1) %}{% for i in [1, 2] %}{% set n.a = n.a + i %}{% endfor %}{{ n.a }}", "4");
    check("{% set a, b = 1, 2 %}{{ a }}{{ b }}{{ [1, 2, 3][1:]|join(', ') }}", "122, 3");
    check("{{ 'a\nb'|indent(width=2) }}|{{ 'a-b'.split('-')|join(d='+') }}", "a\n  b|a+b");
    check("{{ '%s-%s'|format('a', 'b') }}{{ '{} {x}'.format(1, x=2) }}{{ ', '.join(['a', 'b']) }}", "a-b1 2a, b");
    check("{{ {'a': 1}.items()|list }}{{ {'b': 2}|items|first|first }}", "[('a', 1)]b");
    check("{% block a %}x{% if true %}{% for i in [1] %}{{ i }}{% endfor %}{% endif %}{% endblock %}", "x1");
    check("{{ messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|list|length }}", "1");
}
