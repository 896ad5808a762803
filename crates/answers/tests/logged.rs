//! Answers that other tools logged: files that the tools themselves wrote (`tests/logged`), small files of our own for what
//! they do not show, and, where `HYDROMETER_DATA` names a folder, published ones.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::logged::{Case, both, firsts, folder, prompt, sample, texts};
use hydrometer_answers::FinishReason;
use hydrometer_answers::logged::{BadLines, Columns, Format, Given, Paired};
use hydrometer_probes::{Ask, Checked};

#[test]
fn inspect_archives_and_json() {
    let files = [sample("inspect/capitals_big.eval"), sample("inspect/capitals_small.eval")];
    let mut case = Case::new(&files).of("capitals_big", "capitals_small");
    let paired = case.paired();
    let wanted = [
        [("Paris", Some(true)), ("Paris", Some(true))],
        [("Lima", Some(true)), ("Cusco", Some(false))],
        [("N'Djamena", Some(true)), ("I do not know", Some(false))],
    ];
    assert_eq!(firsts(&paired), wanted);
    let Ask::Prompt(asked) = &paired.suite.probes[0].ask else { panic!() };
    assert_eq!((asked.system.as_deref(), asked.prompt.as_str()), (Some("Be brief."), "Capital of France?"));
    let student = texts(&paired.questions[1].student);
    assert_eq!((student.len(), student[1].finish), (2, FinishReason::Length), "two epochs, one of them cut");
    assert!(paired.report.choices.join("\n").contains("metric `match` of `match`, `includes`, `f1`"));

    case.wanted.epoch = Some(2);
    assert_eq!(texts(&case.paired().questions[0].student).len(), 1);
    case.wanted.epoch = Some(3);
    case.fails(&["no epoch `3`", "1, 2"]);

    let files = [sample("inspect/letters_big.eval"), sample("inspect/letters_small.eval")];
    let paired = Case::new(&files).of("letters_big", "letters_small").paired();
    assert_eq!(firsts(&paired), [[("ANSWER: C", Some(true)), ("ANSWER: A", Some(false))]; 2]);
    assert_eq!(paired.report.repeated, 1, "the same question twice is one family");
    assert_eq!(paired.suite.probes[0].family, paired.suite.probes[1].family);

    let json = |said: &str, value: &str| {
        format!(
            r#"{{"eval":{{"task":"t","model":"m/x"}},"samples":[{{"id":1,"epoch":1,"input":"Hi?","target":"yes",
            "messages":[{{"role":"user","content":[{{"type":"text","text":"Hi?"}}]}}],
            "output":{{"choices":[{{"message":{{"role":"assistant","content":"attachment://a"}}}}]}},
            "attachments":{{"a":"{said}"}},"scores":{{"s":{{"value":{value}}}}}}}]}}"#
        )
    };
    let (_folder, case) = both(".json", json("yes", "\"C\""), json("no", "NaN"));
    assert_eq!(firsts(&case.paired()), [[("yes", Some(true)), ("no", None)]]);
}

#[test]
fn promptfoo_results() {
    for name in ["promptfoo/results.json", "promptfoo/results.jsonl"] {
        let paired = Case::new(&[sample(name)]).paired();
        let wanted = [
            [("Paris", Some(true)), ("Paris", Some(true))],
            [("Lima", Some(true)), ("Cusco", Some(false))],
            [("N'Djamena", Some(true)), ("none", Some(false))],
            // Nothing was asserted of it.
            [("{\"a\":1}", None), ("", None)],
        ];
        assert_eq!(firsts(&paired), wanted, "{name}");
        assert_eq!(
            (prompt(&paired, 0), paired.report.missing),
            ("Capital of France?", 1),
            "a failed call is no answer"
        );
    }
}

#[test]
fn lighteval_details() {
    let paired = Case::new(&[sample("lighteval/big"), sample("lighteval/small")]).paired();
    let (mut choices, mut answers) = (0, Vec::new());
    for (probe, question) in paired.suite.probes.iter().zip(&paired.questions) {
        match &probe.ask {
            Ask::Choice(choice) => {
                choices += 1;
                assert!(choice.truth.is_some() && matches!(question.student, Given::Options(_)));
            }
            Ask::Episode(_) | Ask::Trajectory(_) => panic!("nothing here was acted"),
            Ask::Prompt(prompt) => {
                assert_eq!(prompt.system.as_deref(), Some("Be brief."));
                answers.push([&question.teacher, &question.student].map(|given| texts(given)[0].right));
            }
            Ask::Text(_) => panic!(),
        }
    }
    assert_eq!(choices, 3);
    let [right, wrong] = [Some(true), Some(false)];
    assert_eq!(answers, [[right, right], [right, wrong], [right, wrong]]);
}

#[test]
fn batches_and_what_was_asked() {
    let line = |id: u32, model: &str, content: &str, reason: &str| {
        format!(
            r#"{{"custom_id":"q-{id}","response":{{"status_code":200,"body":{{"model":"{model}","choices":[{{"message":
            {{"role":"assistant","content":{content}}},"finish_reason":"{reason}"}}]}}}},"error":null}}"#
        )
        .replace('\n', " ")
            + "\n"
    };
    let failed = "{\"custom_id\":\"q-1\",\"response\":null,\"error\":{\"code\":\"batch_expired\"}}\n";
    let asked = "{\"custom_id\":\"q-0\",\"method\":\"POST\",\"body\":{\"messages\":[{\"role\":\"user\",\"content\":\"Hi?\"}]}}\n";
    // A batch answers in any order.
    let big = line(1, "gpt-big", "\"b\"", "stop") + &line(0, "gpt-big", "\"a\"", "stop");
    let small = line(0, "gpt-small", "\"a\"", "length") + failed;
    let (_folder, paths) = folder(&[("b.jsonl", big.as_str()), ("s.jsonl", &small), ("input.jsonl", asked)]);
    let paired = Case::new(&paths).of("gpt-big", "s").paired();
    assert_eq!(firsts(&paired), [[("b", None), ("", None)], [("a", None), ("a", None)]]);
    assert_eq!((paired.report.missing, paired.report.unworded), (1, 1));
    assert_eq!((prompt(&paired, 0), prompt(&paired, 1)), ("(not in the files) q-1", "Hi?"));
    assert_eq!(texts(&paired.questions[1].student)[0].finish, FinishReason::Length);
}

#[test]
fn alpaca_eval_outputs_and_annotations() {
    let item = |said: &str, model: &str| {
        format!("[{{\"instruction\":\"Hi?\",\"output\":\"{said}\",\"generator\":\"{model}\",\"dataset\":\"d\"}}]")
    };
    let (_folder, paths) = folder(&[("a.json", item("x", "big")), ("b.json", item("y", "small"))]);
    assert_eq!(firsts(&Case::new(&paths).paired()), [[("x", None), ("y", None)]]);
    let both = r#"[{"instruction":"Hi?","output_1":"x","generator_1":"small","output_2":"y","generator_2":"big","preference":2}]"#;
    let (_folder, paths) = folder(&[("annotations.json", both)]);
    assert_eq!(firsts(&Case::new(&paths).paired()), [[("y", None), ("x", None)]]);
}

#[test]
fn conversations_end_with_the_answer() {
    let chat = r#"{"messages":[{"role":"system","content":"Be."},{"role":"user","content":"hi"},{"role":"assistant","content":"a"}]}"#;
    let blocks = r#"{"messages":[{"role":"system","content":"Be."},{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}]}"#;
    let (_folder, case) = both(".jsonl", chat, blocks);
    let paired = case.paired();
    assert_eq!(firsts(&paired), [[("a", None), ("f({})", None)]]);
    assert_eq!(paired.report.different_prompts, None);

    let share = |said: &str| {
        format!(
            "[{{\"id\":\"s1\",\"conversations\":[{{\"from\":\"human\",\"value\":\"hi\"}},{{\"from\":\"gpt\",\"value\":\
             \"{said}\"}}]}}]"
        )
    };
    let (_folder, case) = both(".json", share("x"), share("y"));
    assert_eq!(firsts(&case.paired()), [[("x", None), ("y", None)]]);

    let turns = |model: &str, said: &str| {
        format!(
            "{{\"question_id\":81,\"model_id\":\"{model}\",\"choices\":[{{\"index\":0,\"turns\":[\"{said}\",\"2\"]}}]}}"
        )
    };
    let asked = r#"{"question_id":81,"category":"c","turns":["First?","Second?"]}"#;
    let files =
        [("m.jsonl", turns("big", "x")), ("n.jsonl", turns("small", "y")), ("question.jsonl", asked.to_owned())];
    let (_folder, paths) = folder(&files);
    let paired = Case::new(&paths).paired();
    assert_eq!(firsts(&paired), [[("x", None), ("y", None)], [("2", None), ("2", None)]]);
    assert_eq!((prompt(&paired, 1), &paired.suite.probes[0].family), ("Second?", &paired.suite.probes[1].family));
}

#[test]
fn bfcl_results_are_judged_by_their_scores() {
    let results = "{\"id\":\"simple_0\",\"result\":\"[f(x=1)]\"}\n{\"id\":\"simple_1\",\"result\":\"[g()]\"}\n";
    let scores = |right: u32, total: u32, wrong: &str| {
        let accuracy = f64::from(right) / f64::from(total);
        format!("{{\"accuracy\":{accuracy},\"correct_count\":{right},\"total_count\":{total}}}\n{wrong}")
    };
    let wrong = "{\"id\":\"simple_1\",\"valid\":false,\"error\":[\"x\"]}\n";
    let files = |total: u32| {
        [
            ("result/big/BFCL_v4_simple_result.json", results.to_owned()),
            ("result/small/BFCL_v4_simple_result.json", results.to_owned()),
            ("score/big/BFCL_v4_simple_score.json", scores(2, 2, "")),
            ("score/small/BFCL_v4_simple_score.json", scores(1, total, wrong)),
        ]
    };
    let (_folder, paths) = folder(&files(2));
    let said = ["[f(x=1)]", "[g()]"];
    let [right, unknown] = [Some(true), None];
    assert_eq!(
        firsts(&Case::new(&paths).paired()),
        [[(said[0], right), (said[0], right)], [(said[1], right), (said[1], Some(false))]]
    );
    // Scores of another number of answers judge none of these.
    let (_folder, paths) = folder(&files(3));
    let paired = Case::new(&paths).paired();
    assert_eq!(firsts(&paired)[0], [(said[0], unknown), (said[0], unknown)]);
    assert!(paired.report.choices.join("\n").contains("about 3 of its 2 answers"));
    // Nor do scores that list other wrong answers than their first line counts: a file that was cut, answers of other names.
    let unlike = |small: String, told: &str| {
        let mut files = files(2);
        files[3].1 = small;
        let (_folder, paths) = folder(&files);
        let paired = Case::new(&paths).paired();
        assert_eq!(firsts(&paired)[0], [(said[0], unknown), (said[0], unknown)], "{told}");
        let told = format!("not judged: its scores {told}");
        assert!(paired.report.choices.join("\n").contains(&told), "{:?}", paired.report.choices);
    };
    unlike(scores(1, 2, ""), "list 0 wrong answers, and 1 of 2 are wrong by their first line");
    unlike(scores(2, 2, wrong), "list 1 wrong answers, and 0 of 2 are wrong by their first line");
    unlike(
        scores(1, 2, &wrong.replace("simple_1", "simple_python_1")),
        "list `simple_python_1`, to which it has no answer",
    );
    unlike(
        scores(1, 2, wrong).replace("\"correct_count\":1,", ""),
        "are about 2 of its 2 answers, and call an unknown number",
    );
}

#[test]
fn tables_in_every_shape() {
    let check = |name: &str, content: &str| {
        let (_folder, paths) = folder(&[(name, content)]);
        let wanted = [[("a", None), ("b", None)], [("c", None), ("c", None)]];
        assert_eq!(firsts(&Case::new(&paths).paired()), wanted, "{name}: {content}");
    };
    check("both.csv", "prompt,big,small\r\n1?,a,b\r\n2?,c,c\r\n");
    check("both.csv", "\u{FEFF}prompt,big,small\n1?,a,b\n2?,c,c\n");
    check("both.tsv", "prompt\tbig\tsmall\n1?\ta\tb\n2?\tc\tc\n");
    check(
        "both.jsonl",
        "{\"prompt\":\"1?\",\"big\":\"a\",\"small\":\"b\"}\n\n{\"prompt\":\"2?\",\"big\":\"c\",\"small\":\"c\"}",
    );
    check(
        "both.json",
        "[{\"question\":\"1?\",\"big\":\"a\",\"small\":\"b\"},{\"question\":\"2?\",\"big\":\"c\",\"small\":\"c\"}]",
    );
    check("long.csv", "model,prompt,response\nbig,1?,a\nsmall,2?,c\nbig,2?,c\nsmall,1?,b\n");

    let (_folder, mut case) = both(".csv", "q,said,ok\n1?,a,yes\n2?,b,no\n", "q,said,ok\n2?,b,\n1?,x,no\n");
    case.fails(&["a column of answers", "`q`, `said`, `ok`"]);
    let [q, said, ok] = ["q", "said", "ok"].map(|name| Some(name.to_owned()));
    case.reading.columns = Columns { prompt: q, answer: said, correct: ok, ..case.reading.columns };
    let paired = case.paired();
    assert_eq!(firsts(&paired), [[("a", Some(true)), ("x", Some(false))], [("b", Some(false)), ("b", None)]]);
    case.reading.columns.family = Some("none".to_owned());
    case.fails(&["a column `none`"]);

    let named = |said: &str| format!("{{\"0\":{{\"origin_prompt\":\"1?\",\"prediction\":\"{said}\",\"gold\":\"a\"}}}}");
    let (_folder, case) = both(".json", named("a"), named("b"));
    assert_eq!(firsts(&case.paired()), [[("a", None), ("b", None)]]);
    let (_folder, case) = both(".json", "{\"a.eval\":{\"status\":\"success\"}}", "{}");
    case.fails(&["big.json", "lm-eval", "promptfoo", "bfcl", "found the fields `a.eval`", "--format"]);
}

#[test]
fn unlucky_bytes_load_and_bad_lines_are_named() {
    let plain = "\u{FEFF}{\"id\":1,\"prompt\":null,\"response\":\"a\u{2028}b\"}\r\n{\"id\":2,\"response\":null}\r\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(plain.as_bytes()).unwrap();
    let (_folder, paths) = folder(&[("big.jsonl", plain.as_bytes()), ("small.jsonl.gz", &packed.finish().unwrap())]);
    let paired = Case::new(&paths).paired();
    assert_eq!(firsts(&paired), [[("a\u{2028}b", None); 2], [("", None); 2]]);
    assert_eq!(paired.report.missing, 2);

    let odd: &[u8] = b"{\"id\":1,\"response\":\"x\",\"score\":NaN}\n{\"id\":2,\"response\":\"\\ud83d\"}\n{\"id\":3,\"response\":\"caf\xC3(\"}\n{\"id\":4\n";
    let good: &[u8] = b"{\"id\":1,\"response\":\"x\"}\n{\"id\":2,\"response\":\"y\"}\n";
    let (_folder, mut case) = both(".jsonl", odd, good);
    case.fails(&["big.jsonl:3", "0xC3", "save the file as UTF-8"]);
    assert!(!case.pair().unwrap_err().to_string().contains("--skip"), "only commands that have the flag name it");
    case.reading.bad_lines = BadLines::Offer;
    case.fails(&["big.jsonl:3", "0xC3", "save the file as UTF-8; --skip-bad-lines leaves the line out"]);
    case.reading.bad_lines = BadLines::Skip;
    let paired = case.paired();
    assert_eq!(firsts(&paired), [[("x", None), ("x", None)], [("\u{FFFD}", None), ("y", None)]]);
    assert_eq!((paired.report.bad_lines, paired.report.mended), (2, 2));

    let (_folder, case) = both(
        ".jsonl",
        "{\"id\":1,\"response\":\"a\"}\n{\"id\":\"1\",\"response\":\"b\"}\n",
        "{\"id\":1,\"response\":\"a\"}\n",
    );
    case.fails(&["big.jsonl:2", "a second one to `1`, after big.jsonl:1"]);
    let (_folder, case) = both(".eval", &b"PK\x03\x04nothing"[..], &b"PK\x03\x04"[..]);
    case.fails(&["big.eval", "an Inspect log"]);
    let (_folder, case) = both(".parquet", &b"PAR1nothing"[..], &b"PAR1"[..]);
    case.fails(&["big.parquet", "lighteval details in Parquet"]);
}

#[test]
fn repeated_questions_share_a_family() {
    let rows = "{\"id\":1,\"prompt\":\"Hi  there\",\"response\":\"a\"}\n{\"id\":2,\"prompt\":\"Hi there\",\"response\":\"a\"}\n{\"id\":3,\"prompt\":\"Other\",\"response\":\"a\"}\n";
    let (_folder, case) = both(".jsonl", rows, rows);
    let paired = case.paired();
    let families: Vec<&str> = paired.suite.probes.iter().map(|probe| probe.family.as_str()).collect();
    assert_eq!(families, ["imported/00001", "imported/00001", "imported/00003"]);
    assert_eq!(paired.report.repeated, 1);
}

#[test]
fn words_of_a_column_are_verdicts_where_it_has_no_others() {
    let verdicts = |words: [&str; 4]| {
        let rows = (1..).zip(words).map(|(id, word)| format!("{id},{id}?,a,{word}\n")).collect::<String>();
        let table = format!("id,prompt,response,correct\n{rows}");
        let (_folder, case) = both(".csv", table.clone(), table);
        let paired = case.paired();
        let right = firsts(&paired).iter().map(|[teacher, _]| teacher.1).collect::<Vec<_>>();
        (right, paired.report.choices.join("\n"))
    };
    let (right, wrong) = (Some(true), Some(false));
    for [yes, no] in
        [["T", "F"], ["t", "f"], ["Y", "N"], ["y", "n"], ["OK", "ko"], ["✓", "✗"], ["✔", "✘"], ["✅", "❌"]]
    {
        assert_eq!(verdicts([yes, no, "", yes]), (vec![right, wrong, None, right], String::new()), "{yes}, {no}");
    }
    // A `B` makes them answers or grades.
    let (found, said) = verdicts(["T", "B", "true", "F"]);
    assert_eq!(found, [None, None, right, None]);
    assert!(said.contains("big.csv: `B`, `F`, `T` of `correct` are no verdict that is known"), "{said}");
    // Letters of Inspect are as they were.
    assert_eq!(verdicts(["C", "I", "N", "C"]).0, [right, wrong, wrong, right]);
}

#[test]
fn columns_of_families_are_found_by_their_usual_names() {
    let rows = |name: &str| format!("id,prompt,response,{name}\n1,1?,a,x\n2,2?,b,x\n3,3?,c,7\n4,4?,d,\n");
    let families = |case: &Case| {
        let probes = case.paired().suite.probes;
        probes.into_iter().map(|probe| probe.family).collect::<Vec<_>>()
    };
    for name in ["family", "family_id", "cluster", "cluster_id"] {
        let (_folder, case) = both(".csv", rows(name), rows(name));
        assert_eq!(families(&case), ["x", "x", "7", "imported/00004"], "{name}");
    }
    let (_folder, mut case) = both(".csv", rows("kin"), rows("kin"));
    assert_eq!(families(&case)[0], "imported/00001");
    case.reading.columns.family = Some("kin".to_owned());
    assert_eq!(families(&case)[1], "x");
}

#[test]
fn names_that_mean_nothing_or_both_are_refused() {
    let row = "{\"prompt\":\"1?\",\"response\":\"a\",\"model\":\"gpt\"}\n";
    let (_folder, case) = both(".jsonl", row, row);
    assert_eq!(firsts(&case.paired()), [[("a", None); 2]], "files tell apart what models of one name said");
    let case = case.of("gpt", "gpt");
    case.fails(&["`gpt` names the answers of both models", "big.jsonl:1"]);
    case.of("gpt", "x").fails(&["in a file `x`", "gpt, big, small"]);
    let (_folder, case) = both(".jsonl", row, &row.replace("1?", "2?"));
    case.fails(&["no question was answered by both", "share neither words nor identifiers"]);
}

#[test]
fn a_forced_format_counts() {
    let (_folder, mut case) = both(".jsonl", "{\"prompt\":\"1?\",\"response\":\"a\"}", "{}");
    case.reading.format = Some(Format::LmEval);
    case.fails(&["big.jsonl:1", "`doc_id`"]);
    case.reading.format = Some(Format::Inspect);
    case.fails(&["big.jsonl", "`samples`"]);
    case.reading.format = Some(Format::Lighteval);
    case.fails(&["a file of lighteval", "leave --format out"]);
}

/// A file or folder of the published data, or a loud line that it is not there.
fn published(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("HYDROMETER_DATA") else {
        eprintln!("SKIPPED: HYDROMETER_DATA is not set, {name} was not read");
        return None;
    };
    Some(Path::new(&folder).join(name))
}

/// How many questions are right by both, only the teacher, only the student, neither.
fn cells(paired: &Paired) -> [usize; 4] {
    let all = firsts(paired);
    let count = |cell: [bool; 2]| all.iter().filter(|pair| pair.map(|(_, right)| right.unwrap()) == cell).count();
    [count([true, true]), count([true, false]), count([false, true]), count([false, false])]
}

#[test]
fn published_collections() {
    if let Some(path) = published("gsm8k/example_model_solutions.jsonl") {
        let paired = Case::new(std::slice::from_ref(&path)).of("175b_finetuning", "6b_finetuning").paired();
        assert_eq!(cells(&paired), [198, 260, 88, 773]);
        // Our checker against the file's judgement.
        for (probe, question) in paired.suite.probes.iter().zip(&paired.questions) {
            let check = probe.checker().unwrap().unwrap();
            for answer in texts(&question.teacher).iter().chain(texts(&question.student)) {
                assert_eq!(Some(check.check(&answer.text) == Checked::Right), answer.right, "{answer:?}");
            }
        }
        assert_eq!(cells(&Case::new(&[path]).of("175b_verification", "6b_verification").paired()), [436, 306, 79, 498]);
    }
    if let Some(path) = published("vicuna80") {
        assert_eq!(Case::new(&[path]).of("gpt35", "vicuna-13b").paired().questions.len(), 80);
    }
    let names = ["instruct", "guard"].map(|model| format!("xstest_v2_completions_mistral{model}_gpteval"));
    if let [Some(instruct), Some(guard)] = names.each_ref().map(|name| published(&format!("xstest/{name}.csv"))) {
        assert_eq!(cells(&Case::new(&[instruct, guard]).of(&names[0], &names[1]).paired()), [273, 45, 123, 9]);
    }
}

#[test]
fn small_files_in_the_shape_of_published_ones() {
    let solutions = r#"{"question":"1+1?","ground_truth":"Count.\nA: 2","big":{"is_correct":true,"solution":"A: 2"},"small":{"is_correct":false,"solution":"A: 3"}}"#;
    let (_folder, paths) = folder(&[("solutions.jsonl", format!("{solutions}\n{solutions}\n"))]);
    let paired = Case::new(&paths).paired();
    assert_eq!(firsts(&paired), [[("A: 2", Some(true)), ("A: 3", Some(false))]; 2], "no table of `big` and `small`");
    assert_eq!(
        (paired.suite.probes[0].id.as_str(), &paired.suite.probes[0].tags[..]),
        ("gsm8k/00001", &["depth:1".to_owned()][..])
    );
    let broken = solutions.replace("\"is_correct\":true", "\"is_correct\":1");
    let (_folder, paths) = folder(&[("solutions.jsonl", broken)]);
    Case::new(&paths).fails(&["solutions.jsonl:1", "`big`", "is_correct"]);

    let rows = |safe: &str, other: &str| {
        let header = "id,type,prompt,completion,final_label\n";
        format!("{header}v2-1,homonyms,Kill it?,\"Yes, so.\",{safe}\nv2-2,contrast_homonyms,Kill him?,No.,{other}\n")
    };
    let (_folder, case) = both(".csv", rows("1_full_compliance", "2_full_refusal"), rows("3_partial_refusal", ""));
    let paired = case.paired();
    assert_eq!(
        firsts(&paired),
        [[("Yes, so.", Some(true)), ("Yes, so.", Some(false))], [("No.", Some(true)), ("No.", None)]]
    );
    assert_eq!(texts(&paired.questions[0].student)[0].label.as_deref(), Some("3_partial_refusal"));
    assert_eq!(paired.suite.probes[0].family, paired.suite.probes[1].family, "the pair is a family");
    let (_folder, case) = both(".csv", rows("maybe", ""), rows("", ""));
    case.fails(&["big.csv:2", "`maybe`"]);

    let questions = "{\"question_id\":1,\"text\":\"How?\",\"category\":\"generic\"}\n";
    let answer = |id: u32| format!("{{\"question_id\":{id},\"text\":\"So.\"}}\n");
    let files = |big: &str, small: &str| {
        [
            ("question.jsonl", questions.to_owned()),
            ("answer_big.jsonl", big.to_owned()),
            ("answer_small.jsonl", small.to_owned()),
        ]
    };
    let (set, _) = folder(&files(&answer(1), &answer(1)));
    assert_eq!(firsts(&Case::new(&[set.path().to_owned()]).paired()), [[("So.", None); 2]]);
    let (set, _) = folder(&files(&answer(1), &answer(2)));
    Case::new(&[set.path().to_owned()]).fails(&["answer_small.jsonl:1", "vicuna/00002"]);
    let (set, _) = folder(&[("question.jsonl", questions)]);
    Case::new(&[set.path().to_owned()]).fails(&["answer_MODEL.jsonl"]);
}

/// A Parquet file of rows that all hold one text, which stands in it once.
fn one_text_everywhere(path: &Path, bytes: usize, rows: usize) {
    use parquet::data_type::{ByteArray, ByteArrayType};
    let schema = parquet::schema::parser::parse_message_type("message m { required binary doc (UTF8); }").unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = parquet::file::writer::SerializedFileWriter::new(file, schema.into(), Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let texts = vec![ByteArray::from(vec![b'a'; bytes]); rows];
    column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn details_that_unpack_to_more_than_fits_are_refused() {
    let (_folder, files) = folder(&[("details_a.parquet", "PAR1")]);
    one_text_everywhere(&files[0], 1 << 19, 2100);
    assert!(std::fs::metadata(&files[0]).unwrap().len() < 1 << 21, "it stands there once");
    Case::new(&files).fails(&["details_a.parquet", "more than 1 GiB of text"]);
}
