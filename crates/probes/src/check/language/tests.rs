//! Sentences of our own in languages that share a script, and single words where the script decides.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::{KNOWN, Language};

fn is_of(code: &str, text: &str) -> bool {
    Language::of(code).unwrap().is_of(text)
}

/// A text is in its language and in no other that is known.
fn check(code: &str, text: &str) {
    let found: Vec<&str> = KNOWN.map(|(known, _)| known).into_iter().filter(|known| is_of(known, text)).collect();
    assert_eq!(found, [code], "{text}");
}

#[test]
fn languages_that_share_a_script_are_told_apart() {
    check("de", "Der Zug nach Hamburg fährt heute erst um neun Uhr ab.");
    check("it", "Il gatto dorme sulla sedia vicino alla finestra.");
    check("pt", "A reunião foi adiada para a próxima semana.");
    check("fi", "Kissa nukkuu tuolilla ikkunan vieressä.");
    check("vi", "Con mèo đang ngủ trên ghế cạnh cửa sổ.");
    check("en", "The cat is asleep on the chair by the window.");
    check("ru", "Завтра мы пойдём на рынок купить хлеба и яблок, а потом вернёмся домой готовить ужин.");
    check("bg", "Утре ще отидем на пазара да купим хляб и ябълки, а после ще се върнем вкъщи.");
    check("ar", "القطة نائمة على الكرسي بجانب النافذة.");
    check("fa", "گربه روی صندلی کنار پنجره خوابیده است.");
    check("ur", "بلی کھڑکی کے پاس کرسی پر سو رہی ہے۔");
    check("hi", "कल हम बाज़ार जाकर रोटी और सेब खरीदेंगे, फिर घर लौटकर सभी दोस्तों के लिए खाना बनाएंगे।");
    check("mr", "उद्या आपण बाजारात जाऊन भाकरी आणि सफरचंद विकत घेऊ, मग घरी परत येऊन जेवण बनवू.");
    check("ne", "भोलि हामी बजार गएर रोटी र स्याउ किन्नेछौं, त्यसपछि घर फर्केर खाना बनाउनेछौं।");
    // Capitals, and words of another language within it.
    check("de", "DER ZUG NACH HAMBURG FÄHRT HEUTE ERST UM NEUN UHR AB. [NAME]");
    check("hi", "<<रविवार>> कल हम IKEA और बाज़ार जाकर रोटी और सेब खरीदेंगे, फिर घर लौटकर खाना बनाएंगे।");
}

#[test]
fn one_word_is_enough_where_the_script_decides() {
    for (code, text) in [
        ("th", "ใช่"),
        ("gu", "હા"),
        ("pa", "ਹਾਂ"),
        ("kn", "ಹೌದು"),
        ("te", "అవును"),
        ("ta", "ஆம்"),
        ("bn", "হ্যাঁ"),
        ("ko", "네"),
        ("el", "ναι"),
        ("ja", "はい"),
        ("zh", "是的"),
    ] {
        check(code, text);
        check(code, &format!("1. \"{text}\", *{text}*: {text} (OK)"));
    }
}

#[test]
fn what_cannot_be_told_is_wrong() {
    let nothing = ["", " \n", "1234", "😀 — …", "\u{0}\u{FEFF}", "Ja.", "Guten Morgen!", "नमस्ते", "Да", "ok"];
    for text in nothing {
        for (code, _) in KNOWN {
            assert!(!is_of(code, text), "{text:?} as {code}");
        }
    }
}

#[test]
fn every_language_is_listed_once() {
    assert!(KNOWN.is_sorted_by(|a, b| a.0 < b.0));
    let listed = |lang: &whatlang::Lang| KNOWN.iter().filter(|(_, known)| known == lang).count() == 1;
    assert!(whatlang::Lang::all().iter().all(listed));
    assert!(Language::of("sw").is_none() && Language::of("DE").is_none());
    let error = serde_json::from_str::<Language>("\"sw\"").unwrap_err().to_string();
    assert!(error.contains("`sw` is no language that can be detected") && error.contains("af, ak"), "{error}");
    assert_eq!(serde_json::to_string(&serde_json::from_str::<Language>("\"zh\"").unwrap()).unwrap(), "\"zh\"");
}

proptest! {
    /// Whatever a model says: no panic, and at most one language.
    #[test]
    fn a_text_is_in_one_language_at_most(text in any::<String>(), letters in "[a-zåßđA-Zа-яءआ-हا-ي \u{130}\u{212A}]{0,80}") {
        for text in [&text, &letters] {
            let found = KNOWN.iter().filter(|(code, _)| is_of(code, text)).count();
            prop_assert!(found <= 1);
        }
    }
}
