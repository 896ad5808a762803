//! Planted defects on distributions that are known exactly.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use hydrometer_models::{ActingDefect, Block, Defect, Model, Planted, Scripted, Sequence};
use proptest::prelude::*;

/// Sixteen pieces with a head, a shoulder and a tail; after `a` the order is turned round.
fn teacher() -> Box<dyn Model> {
    let pieces: Vec<String> = ('a'..='p').map(|c| c.to_string()).collect();
    let row = |turned: bool| {
        let shares = [0.5, 0.3, 0.1, 0.04, 0.02, 0.01, 0.008, 0.006, 0.005, 0.004, 0.003, 0.002, 0.001, 0.0005, 0.0004];
        let named = shares
            .iter()
            .enumerate()
            .map(|(at, share)| format!("{} = {share}", pieces[if turned { 15 - at } else { at }]));
        named.collect::<Vec<_>>().join(", ")
    };
    let text = format!(
        "vocabulary = {pieces:?}\n[default]\nprobabilities = {{ {} }}\n[[rule]]\nafter = \"a\"\nprobabilities = {{ {} }}",
        row(false),
        row(true)
    );
    Box::new(Scripted::parse(Path::new("teacher.toml"), &text).unwrap())
}

fn planted(defect: &str) -> Planted {
    Planted::new(defect.parse().unwrap(), teacher())
}

/// Logits of these rows of one block.
fn read(model: &dyn Model, sequences: &[(&[u32], &[u32])]) -> Vec<Vec<f32>> {
    let sequences = sequences.iter().map(|(t, r)| Sequence { tokens: t.to_vec(), rows: r.to_vec() }).collect();
    let block = Block { sequences };
    let mut out = vec![f32::NAN; block.rows() * 16];
    model.scores().unwrap().score(&block).unwrap().read(0..block.rows(), &mut out).unwrap();
    out.chunks(16).map(<[f32]>::to_vec).collect()
}

fn one(model: &dyn Model) -> Vec<f32> {
    read(model, &[(&[1], &[0])]).remove(0)
}

fn softmax(row: &[f32]) -> Vec<f64> {
    let weights: Vec<f64> = row.iter().map(|logit| f64::from(*logit).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

fn entropy(p: &[f64]) -> f64 {
    p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6, "{a} is not {b}");
}

#[test]
fn null_is_the_teacher() {
    assert_eq!(one(&planted("null")), one(&*teacher()));
}

#[test]
fn temperature_divides_the_logits() {
    let (cold, plain) = (one(&planted("temperature=0.5")), one(&*teacher()));
    for (cold, plain) in cold.iter().zip(plain) {
        assert_eq!(*cold, 2.0 * plain);
    }
}

#[test]
fn a_truncated_tail_has_no_mass_and_the_rest_keeps_its_proportions() {
    // 0.5 + 0.3 is below 0.85, with 0.1 it is not: three tokens stay.
    let p = softmax(&one(&planted("tail_truncated=0.85")));
    close(p[0], 0.5 / 0.9);
    close(p[1], 0.3 / 0.9);
    close(p[2], 0.1 / 0.9);
    assert!(p[3..].iter().all(|p| *p == 0.0), "{p:?}");
    // At exactly 0.5 the first token is enough.
    assert_eq!(one(&planted("tail_truncated=0.5")).iter().filter(|logit| logit.is_finite()).count(), 1);
}

#[test]
fn a_permuted_tail_keeps_mass_and_entropy_and_loses_the_tokens() {
    let (before, after) = (softmax(&one(&*teacher())), softmax(&one(&planted("tail_permuted=0.75"))));
    assert_eq!(before[..2], after[..2]);
    close(entropy(&before), entropy(&after));
    close(before[2..].iter().sum::<f64>(), after[2..].iter().sum::<f64>());
    let mut sorted = after[2..].to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    assert_eq!(sorted, before[2..]);
    let moved = before[2..].iter().zip(&after[2..]).filter(|(a, b)| a != b).count();
    assert!(moved >= 8, "{moved} of 14 moved");
}

#[test]
fn permutations_differ_from_context_to_context() {
    let model = planted("tail_permuted=0.75");
    let rows = read(&model, &[(&[1, 2, 3, 4], &[0, 1, 2, 3])]);
    assert!(rows[1..].iter().all(|row| *row != rows[0]), "{rows:?}");
    // At the same position too: it is the tokens that count.
    let rows = read(&model, &[(&[1, 2], &[1]), (&[3, 2], &[1]), (&[1, 2], &[1])]);
    assert_ne!(rows[0], rows[1]);
    assert_eq!(rows[0], rows[2]);
}

#[test]
fn a_nucleus_that_is_reached_exactly_is_reached() {
    let text = "vocabulary = [\"a\", \"b\", \"c\", \"d\"]\n[default]\nlogits = {}\notherwise = 1.5";
    let even = Box::new(Scripted::parse(Path::new("even.toml"), text).unwrap());
    let model = Planted::new(Defect::TailTruncated(0.5), even);
    let block = Block { sequences: vec![Sequence { tokens: vec![0], rows: vec![0] }] };
    let mut row = [f32::NAN; 4];
    model.scores().unwrap().score(&block).unwrap().read(0..1, &mut row).unwrap();
    // Half the mass is two of four tokens; ties go to the lowest id.
    assert_eq!(row, [1.5, 1.5, f32::NEG_INFINITY, f32::NEG_INFINITY]);
}

#[test]
fn greedy_puts_its_mass_on_the_most_probable_token() {
    let p = softmax(&one(&planted("greedy=0.99")));
    close(p[0], 0.99);
    close(p[1], 0.01 * 0.3 / 0.5);
    let p = softmax(&one(&planted("greedy")));
    assert!((p[0] - 0.999_999).abs() < 1e-7, "{}", p[0]);
    // A token that has more already keeps it.
    assert_eq!(one(&planted("greedy=0.4")), one(&*teacher()));
    // Without any other token there is nothing to move.
    let certain = Planted::new("greedy".parse().unwrap(), Box::new(planted("tail_truncated=0.5")));
    close(softmax(&one(&certain))[0], 1.0);
}

#[test]
fn noise_has_the_asked_deviation() {
    let model = planted("noise=0.25");
    let tokens: Vec<u32> = (0..512).map(|i| i % 15 + 1).collect();
    let rows: Vec<u32> = (0..512).collect();
    let (noisy, plain) = (read(&model, &[(&tokens, &rows)]), read(&*teacher(), &[(&tokens, &rows)]));
    let draws: Vec<f64> = noisy.iter().flatten().zip(plain.iter().flatten()).map(|(a, b)| f64::from(a - b)).collect();
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let deviation = (draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n).sqrt();
    // 8,192 draws: the standard error of the mean is 0.0028, of the deviation 0.0020.
    assert!(mean.abs() < 0.012, "{mean}");
    assert!((deviation - 0.25).abs() < 0.009, "{deviation}");
    let tails = draws.iter().filter(|d| d.abs() > 0.5).count() as f64 / n;
    assert!((tails - 0.0455).abs() < 0.01, "a normal draw is beyond two deviations in 4.55 %, here {tails}");
}

#[test]
fn identity_records_the_surgery_and_keeps_the_hashes() {
    let (inner, model) = (teacher(), planted("temperature=0.7"));
    let (before, after) = (inner.identity(), model.identity());
    assert_eq!(after.surgery.as_deref(), Some("temperature=0.7"));
    assert_eq!(after.spec, "planted:temperature=0.7(scripted:teacher.toml)");
    assert_eq!(after.name, "teacher with temperature=0.7");
    assert_eq!((&after.weights, &after.tokenizer), (&before.weights, &before.tokenizer));
    let nested = Planted::new("noise".parse().unwrap(), Box::new(model));
    assert_eq!(nested.identity().surgery.as_deref(), Some("temperature=0.7, then noise=0.1"));
    assert_eq!(nested.identity().spec, "planted:noise=0.1(planted:temperature=0.7(scripted:teacher.toml))");
}

#[test]
fn specifications_are_read_from_outside_in() {
    let (defect, inner) = Defect::parse_spec("noise=0.2(planted:greedy(some (odd) name.gguf))").unwrap();
    assert_eq!((defect, inner), (Defect::Noise(0.2), "planted:greedy(some (odd) name.gguf)"));
    let check = |text: &str, expect: Defect| assert_eq!(text.parse::<Defect>().unwrap(), expect);
    check("null", Defect::Null);
    check("temperature", Defect::Temperature(0.7));
    check("tail_truncated", Defect::TailTruncated(0.9));
    check("tail_permuted=0.99", Defect::TailPermuted(0.99));
    check("greedy", Defect::Greedy(0.999_999));
    check("noise", Defect::Noise(0.1));
}

#[test]
fn wrong_specifications_say_what_is_known() {
    let check = |spec: &str, expect: &str| {
        let text = Defect::parse_spec(spec).unwrap_err().to_string();
        assert!(text.contains(expect), "{text}");
    };
    check(
        "melted(x)",
        "unknown defect `melted`; known: null, temperature, tail_truncated, tail_permuted, greedy, noise",
    );
    check("greedy=1(x)", "the dose of `greedy` is `1`, expected a number between 0 and 1");
    check("tail_permuted=0(x)", "a number between 0 and 1");
    check("noise=NaN(x)", "the dose of `noise` is `NaN`");
    check("noise=(x)", "the dose of `noise` is ``");
    check("null=1(x)", "takes no dose");
    check("noise", "no model in parentheses");
    check("noise(x", "the last character is no `)`");
    check("noise()", "no model in the parentheses");
}

#[test]
fn every_defect_prints_as_it_is_read() {
    // Those in how a model acts are read elsewhere.
    for name in Defect::names().into_iter().filter(|name| !ActingDefect::NAMES.contains(name)) {
        let defect: Defect = name.parse().unwrap();
        assert_eq!(defect.to_string().parse::<Defect>().unwrap(), defect);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A row depends on the tokens up to it and on nothing else: not on batching, what follows, or how it is read.
    #[test]
    fn surgery_does_not_depend_on_batching(
        tokens in prop::collection::vec(0u32..16, 2..12),
        before in prop::collection::vec(0u32..16, 1..6),
        defect in prop::sample::select(vec!["noise=0.5", "tail_permuted=0.6", "tail_truncated", "greedy", "temperature"]),
    ) {
        let model = planted(defect);
        let rows: Vec<u32> = (0..tokens.len() as u32).collect();
        let alone = read(&model, &[(&tokens, &rows)]);
        let together = read(&model, &[(&before, &[0]), (&tokens, &rows)]);
        prop_assert_eq!(&alone, &together[1..]);
        let last = tokens.len() - 1;
        let prefix = read(&model, &[(&tokens[..last], &[last as u32 - 1])]);
        prop_assert_eq!(&prefix[0], &alone[last - 1]);
        let block = Block { sequences: vec![Sequence { tokens, rows }] };
        let mut logits = model.scores().unwrap().score(&block).unwrap();
        for row in (0..=last).rev() {
            let mut out = [0.0; 16];
            logits.read(row..row + 1, &mut out).unwrap();
            prop_assert_eq!(&out[..], &alone[row][..]);
        }
        let again = model.scores().unwrap().rerun(&block).map(|mut logits| {
            let mut out = vec![0.0; block.rows() * 16];
            logits.read(0..block.rows(), &mut out).unwrap();
            out
        });
        prop_assert_eq!(again.unwrap(), alone.concat());
    }
}
