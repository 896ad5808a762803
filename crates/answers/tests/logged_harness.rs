//! Samples that lm-evaluation-harness logged: texts, choices and likelihoods, filters, metrics, and the document that tells questions
//! apart.
#![allow(clippy::unwrap_used, reason = "test code")]

use crate::support::logged::{Case, both, firsts, prompt, sample, texts};
use hydrometer_answers::logged::{Given, GivenText, Paired, Unanswered};
use hydrometer_answers::{FinishReason, NotCompared};
use hydrometer_probes::Ask;

#[test]
fn lm_eval_writes_texts_choices_and_likelihoods() {
    let paired = Case::new(&[sample("lm-eval/big"), sample("lm-eval/small")]).paired();
    let of = |start: &str| -> Vec<usize> {
        let probes = paired.suite.probes.iter().enumerate();
        probes.filter(|(_, probe)| probe.id.starts_with(start)).map(|(place, _)| place).collect()
    };
    let generated = of("capitals_gen/");
    assert_eq!(generated.len(), 3);
    let question = &paired.questions[generated[0]];
    assert_eq!(prompt(&paired, generated[0]), "Q: Capital of France?\nA:");
    let flexible = GivenText {
        text: "lol".to_owned(),
        finish: FinishReason::Stop,
        label: Some("lol".to_owned()),
        right: Some(false),
    };
    assert_eq!(texts(&question.teacher), [flexible], "the strict filter found nothing in it");
    let choices = paired.report.choices.join("\n");
    assert!(choices.contains("capitals_gen: filter `flexible` of `flexible`, `strict`"), "{choices}");
    assert!(choices.contains("capitals_mc: metric `acc` of `acc`, `acc_norm`"), "{choices}");

    let first = &of("capitals_mc/")[0];
    let Ask::Choice(choice) = &paired.suite.probes[*first].ask else { panic!() };
    assert_eq!((choice.options.as_slice(), choice.truth), (&["Paris", "Lyon", "Nice"].map(str::to_owned)[..], Some(0)));
    let Given::Options(values) = &paired.questions[*first].teacher else { panic!() };
    assert_eq!(values, &[-0.117_134_293_208_517_98, -0.220_460_536_867_828_52, -0.794_582_971_710_575_9]);

    let rolling = of("capitals_roll/");
    assert_eq!(paired.questions[rolling[0]].teacher, Given::Likelihood(-0.680_589_132_562_256_5));
    let Ask::Text(text) = &paired.suite.probes[of("capitals_ll/")[0]].ask else { panic!() };
    assert_eq!((text.context.as_deref(), text.text.as_str()), (Some("Capital of France?"), " Paris"));
}

/// A line of lm-evaluation-harness: identifier, document, filter, what the filter left, the verdict.
fn line(id: u32, doc: &str, filter: &str, left: &str, score: &str) -> String {
    format!(
        "{{\"doc_id\":{id},\"doc\":{{\"q\":\"{doc}\"}},\"target\":\"2\",\"arguments\":{{\"gen_args_0\":{{\
         \"arg_0\":\"Q: {doc}\",\"arg_1\":{{}}}}}},\"resps\":[[\"so {left}\"]],\"filtered_resps\":[\"{left}\"],\
         \"filter\":\"{filter}\",\"metrics\":[\"exact_match\"],\"exact_match\":{score}}}\n"
    )
}

#[test]
fn the_same_filter_counts_for_both() {
    let two = |first: &str, second: &str| {
        let score = |filter: &str| if filter == "strict" { "0.0" } else { "1.0" };
        line(0, "1+1", first, "2", score(first)) + &line(0, "1+1", second, "2", score(second))
    };
    let (_folder, mut case) = both("/samples_t_2026-01-01T00.jsonl", two("strict", "loose"), two("loose", "strict"));
    assert_eq!(firsts(&case.paired()), [[("so 2", Some(false)), ("so 2", Some(false))]]);
    case.wanted.filter = Some("loose".to_owned());
    assert_eq!(firsts(&case.paired()), [[("so 2", Some(true)), ("so 2", Some(true))]]);
    case.wanted.filter = Some("other".to_owned());
    case.fails(&["no filter `other`", "strict, loose"]);

    let other = line(0, "1+1", "other", "2", "1.0");
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", line(0, "1+1", "strict", "2", "1.0"), other);
    case.fails(&["no filter in common", "strict, other"]);
}

#[test]
fn content_joins_where_identifiers_disagree() {
    let big = line(0, "1+1", "none", "2", "1.0") + &line(1, "2+2", "none", "4", "1.0");
    let small = line(0, "2+2", "none", "4", "1.0") + &line(1, "1+1", "none", "3", "0.0");
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", big.clone(), small);
    let paired = case.paired();
    assert_eq!(firsts(&paired)[0], [("so 2", Some(true)), ("so 3", Some(false))]);
    assert_eq!((paired.report.by_content, paired.report.not_compared), (2, NotCompared::default()));

    // Another version of the data set under the same number is another question.
    let small = line(0, "1+1", "none", "2", "1.0") + &line(1, "3+3", "none", "6", "1.0");
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", big.clone(), small);
    let paired = case.paired();
    let NotCompared { teacher_alone, student_alone, .. } = paired.report.not_compared;
    assert_eq!((paired.questions.len(), paired.report.other_documents, teacher_alone, student_alone), (1, 1, 1, 1));
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", big.clone() + &big, big);
    case.fails(&[":3", "each answer once"]);
}

#[test]
fn what_one_model_did_not_answer_is_counted() {
    let lines = |ids: std::ops::Range<u32>| -> String {
        ids.map(|id| line(id, &format!("{id}+0"), "none", "2", "1.0")).collect()
    };
    let (_folder, mut case) = both("/samples_t_2026-01-01T00.jsonl", lines(0..5), lines(3..6));
    let alone = NotCompared { teacher_alone: 3, student_alone: 1, ..NotCompared::default() };
    assert_eq!((case.paired().report.not_compared, alone.lacking()), (alone, 3));
    // Somebody says that they were never asked: then they are not missed, and it is said.
    case.wanted.unanswered = Unanswered::NeverAsked;
    let report = case.paired().report;
    assert_eq!(report.not_compared, NotCompared { student_alone: 1, ..NotCompared::default() });
    assert!(report.choices.concat().contains("3 questions of the teacher were never put to the student"), "{report:?}");

    // Log-likelihoods that measured nothing are the student's, where the teacher's did.
    let measured = |id: u32| choice(id, ["-2", "-1"], ["False"; 2], "1.0");
    let nothing = choice(1, ["0.0", "0.0"], ["False"; 2], "0.0");
    let [both_measured, one] = [measured(0) + &measured(1), measured(0) + &nothing];
    let lacking = |big: String, small: String| {
        let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", big, small);
        case.paired().report.not_compared.unusable_of_student
    };
    assert_eq!(lacking(both_measured.clone(), one.clone()), 1);
    assert_eq!(lacking(one, both_measured.clone()), 0);
    // Python writes NaN, which no JSON can hold: the request is named.
    let unknown = measured(0) + &choice(1, ["-1", "-2"], ["False"; 2], "1.0").replace("\"-2\"", "NaN");
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", both_measured.clone(), unknown);
    case.fails(&[":2", "a log-likelihood in `resps` for request 2, found null", "NaN and Infinity are read as null"]);
    // So it is of a text's own log-likelihood, which is one request with one argument.
    let rolling = |value: &str| {
        format!(
            "{{\"doc_id\":\"0\",\"doc\":\"x\",\"arguments\":[[\"A text.\"]],\"resps\":[[{value}]],\"filtered_resps\":[{value}],\
             \"metrics\":[\"word_perplexity\"],\"word_perplexity\":[-3,2]}}\n"
        )
    };
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", rolling("-3.5"), rolling("-4"));
    assert_eq!(case.paired().questions[0].student, Given::Likelihood(-4.0), "an identifier may be a text");
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", rolling("-3.5"), rolling("NaN"));
    case.fails(&[":1", "a log-likelihood in `resps` for request 1, found null"]);
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", rolling("-3.5"), rolling("\"-inf\""));
    case.fails(&["all 0, or infinite, measured nothing"]);
    let impossible = choice(0, ["-inf", "-inf"], ["False"; 2], "0.0");
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", measured(0), impossible);
    case.fails(&["with log-likelihoods of which one is finite"]);
    // The student's metric contradicts what its log-likelihoods prefer.
    let contrary = choice(0, ["-2", "-1"], ["False"; 2], "0.0") + &measured(1);
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", measured(0) + &measured(1), contrary);
    assert_eq!(case.paired().report.not_compared.unjudged_of_student, 1);

    // A task that one of them was not given is named.
    let (folder, paths) = crate::support::logged::folder(&[
        ("big/samples_t_2026-01-01T00.jsonl", lines(0..2)),
        ("big/samples_u_2026-01-01T00.jsonl", lines(0..2)),
        ("small/samples_t_2026-01-01T00.jsonl", lines(0..2)),
    ]);
    let mut case = Case::new(&paths);
    let report = case.paired().report;
    assert!(
        report.choices.contains(&"nothing of 1 task that the teacher alone was given: `u`".to_owned()),
        "{report:?}"
    );
    assert_eq!(report.not_compared.lacking(), 2, "it is missing as a whole");
    case.wanted.unanswered = Unanswered::NeverAsked;
    assert_eq!(case.paired().report.not_compared, NotCompared::default());
    drop(folder);
}

#[test]
fn other_words_for_one_model_are_told() {
    let big = line(0, "1+1", "none", "2", "1.0");
    let small = big.replace("\"arg_0\":\"Q:", "\"arg_0\":\"<s>Q:");
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", big.clone(), small);
    let different = case.paired().report.different_prompts.unwrap();
    assert_eq!((different.prompts, different.first.as_str()), (1, "t/00000"));
    assert_eq!((different.teacher.as_str(), different.student.as_str()), ("Q: 1+1", "<s>Q: 1+1"));

    // A chat of one message is the same words as the plain text.
    let chat = r#""arg_0":["[{\"role\": \"user\", \"content\": \"Q: 1+1\"}]"]"#;
    let small = big.replace("\"arg_0\":\"Q: 1+1\"", chat);
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", big, small);
    assert_eq!(case.paired().report.different_prompts, None);
}

/// A choice of lm-evaluation-harness with two options.
fn choice(id: u32, logprobs: [&str; 2], greedy: [&str; 2], acc: &str) -> String {
    format!(
        "{{\"doc_id\":{id},\"doc\":{id},\"target\":\"1\",\"arguments\":[[\"Q{id}\",\" no\"],[\"Q{id}\",\" yes\"]],\
         \"resps\":[[[\"{}\",\"{}\"]],[[\"{}\",\"{}\"]]],\"filter\":\"none\",\"metrics\":[\"acc\"],\"acc\":{acc}}}\n",
        logprobs[0], greedy[0], logprobs[1], greedy[1]
    )
}

#[test]
fn the_metric_judges_and_not_the_boolean_beside_a_likelihood() {
    let big = choice(0, ["-2", "-1"], ["True", "False"], "1.0") + &choice(1, ["0.0", "0.0"], ["False"; 2], "0.0");
    let small = choice(0, ["-1", "-2"], ["False", "True"], "0.0") + &choice(1, ["-1", "-2"], ["False"; 2], "0.0");
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", big, small.clone());
    let paired = case.paired();
    let Ask::Choice(asked) = &paired.suite.probes[0].ask else { panic!() };
    assert_eq!(asked.truth, Some(1));
    assert_eq!(paired.questions[0].student, Given::Options(vec![-1.0, -2.0]));
    assert_eq!((paired.questions.len(), paired.report.unmeasured), (1, 1), "all zero is no measurement");

    // What the metric calls right is what the model preferred, whatever the target says; a metric that says otherwise on
    // the other side leaves the question without a truth.
    let big = choice(0, ["-1", "-2"], ["False"; 2], "1.0");
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", big, small);
    let paired = case.paired();
    let Ask::Choice(asked) = &paired.suite.probes[0].ask else { panic!() };
    assert_eq!((asked.truth, paired.report.contradicted_choices), (None, 1));

    let positive = choice(0, ["1", "-2"], ["False"; 2], "1.0");
    let (_folder, case) = both("/samples_t_2026-01-01T00.jsonl", positive.clone(), positive);
    case.fails(&[":1", "at most 0"]);
}

#[test]
fn fractions_judge_only_from_a_threshold_on() {
    let big = line(0, "a", "none", "2", "1.0") + &line(1, "b", "none", "2", "0.75");
    let small = line(0, "a", "none", "2", "0.0") + &line(1, "b", "none", "2", "0.25");
    let (_folder, mut case) = both("/samples_t_2026-01-01T00.jsonl", big, small);
    let paired = case.paired();
    let rights = |paired: &Paired| -> Vec<[Option<bool>; 2]> {
        firsts(paired).iter().map(|pair| pair.map(|(_, right)| right)).collect()
    };
    assert_eq!(rights(&paired), [[None; 2]; 2], "the whole metric is graded, also where it is 0 or 1");
    assert!(paired.report.choices.join("\n").contains("judges none"), "{:?}", paired.report.choices);
    case.wanted.threshold = Some(0.5);
    assert_eq!(rights(&case.paired()), [[Some(true), Some(false)]; 2]);
}
