//! Files that two models' answers were logged in, read and paired.
#![allow(clippy::unwrap_used, missing_docs, reason = "test code")]

use std::path::{Path, PathBuf};

use hydrometer_answers::logged::{
    BadLines, Columns, Given, GivenText, LoggedError, Paired, Reading, Wanted, pair, read,
};
use hydrometer_probes::Ask;

/// The models `big` and `small`, read as found, nothing chosen.
pub struct Case {
    pub files: Vec<PathBuf>,
    pub reading: Reading,
    pub wanted: Wanted,
}

impl Case {
    pub fn new(files: &[PathBuf]) -> Self {
        let columns = Columns { models: ["big", "small"].map(str::to_owned), ..Columns::default() };
        Self {
            files: files.to_vec(),
            reading: Reading { format: None, columns, bad_lines: BadLines::Refuse },
            wanted: Wanted::of("big", "small"),
        }
    }

    pub fn of(mut self, teacher: &str, student: &str) -> Self {
        [self.wanted.teacher, self.wanted.student] = [teacher, student].map(str::to_owned);
        self
    }

    pub fn pair(&self) -> Result<Paired, LoggedError> {
        pair(&read(&self.files, &self.reading)?, &self.wanted)
    }

    pub fn paired(&self) -> Paired {
        self.pair().unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn fails(&self, words: &[&str]) {
        let error = self.pair().unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{word:?} not in {error}");
        }
    }
}

pub fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logged").join(name)
}

/// A folder with these files, and their paths.
pub fn folder<B: AsRef<[u8]>>(files: &[(&str, B)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = files.iter().map(|(name, content)| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

/// Two files `big` and `small` with this ending.
pub fn both<B: AsRef<[u8]>>(ending: &str, big: B, small: B) -> (tempfile::TempDir, Case) {
    let names = [format!("big{ending}"), format!("small{ending}")];
    let (folder, paths) = folder(&[(names[0].as_str(), big), (names[1].as_str(), small)]);
    (folder, Case::new(&paths))
}

pub fn texts(given: &Given) -> &[GivenText] {
    let Given::Texts(texts) = given else { panic!("{given:?}") };
    texts
}

/// Text and verdict of the first answer of each model to each question.
pub fn firsts(paired: &Paired) -> Vec<[(&str, Option<bool>); 2]> {
    let first = |given| texts(given).first().map(|answer| (answer.text.as_str(), answer.right)).unwrap();
    paired.questions.iter().map(|question| [first(&question.teacher), first(&question.student)]).collect()
}

pub fn prompt(paired: &Paired, place: usize) -> &str {
    let Ask::Prompt(prompt) = &paired.suite.probes[place].ask else { panic!() };
    &prompt.prompt
}
