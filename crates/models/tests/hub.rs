//! Models of the Hugging Face hub, from a stand-in that speaks HTTP: redirects, ranges, checksums, refusals, and the layout of the
//! cache.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hydrometer_models::{
    AskedServer, EngineOptions, Fetched, Fetching, ModelError, Network, NoTime, Precision, ScriptedServer,
    SentenceEncoder, Served, fetch, open_with,
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use serde_json::json;

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const TOKEN: &str = "hf_sesame";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The checksum of a large file.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// The checksum of a small one: the hash under which Git keeps it.
fn git(bytes: &[u8]) -> String {
    let whole = [format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat();
    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, &whole).as_ref())
}

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

fn is_large(name: &str) -> bool {
    name.ends_with(".gguf") || name.ends_with(".safetensors")
}

/// The part of a file that is asked for.
fn part(asked: &AskedServer, bytes: &[u8]) -> Served {
    let from =
        asked.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match from {
        Some(from) if from < bytes.len() => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            Served::bytes(206, &bytes[from..]).header("content-range", &range)
        }
        Some(_) => Served::bytes(416, ""),
        None => Served::bytes(200, bytes),
    }
}

/// What the hub answers; large files are kept by the server at `elsewhere`.
fn hub(files: &Files, elsewhere: &str, asked: &AskedServer) -> Served {
    if asked.path.starts_with("/api/models/org/name/revision/") {
        let siblings: Vec<_> = files.keys().map(|name| json!({"rfilename": name})).collect();
        return Served::json(200, &json!({"sha": COMMIT, "siblings": siblings}));
    }
    let named = asked.path.strip_prefix("/org/name/resolve/").and_then(|rest| rest.split_once('/'));
    let moved = asked.path.strip_prefix("/moved/");
    let Some(bytes) = named.map(|(_, name)| name).or(moved).and_then(|name| files.get(name)) else {
        return Served::bytes(404, "")
            .header("x-error-code", "EntryNotFound")
            .header("x-error-message", "no such entry");
    };
    let name = named.map(|(_, name)| name).or(moved).unwrap_or_default();
    if is_large(name) {
        return Served::bytes(302, "")
            .header("x-repo-commit", COMMIT)
            .header("x-linked-etag", &format!("\"{}\"", sha256(bytes)))
            .header("x-linked-size", &bytes.len().to_string())
            .header("etag", "\"of the redirect\"")
            .header("location", &format!("{elsewhere}/kept/{name}?signed=1"));
    }
    // A small file is moved within the hub first.
    if moved.is_none() {
        return Served::bytes(307, "").header("x-repo-commit", COMMIT).header("location", &format!("/moved/{name}"));
    }
    part(asked, bytes).header("x-repo-commit", COMMIT).header("etag", &format!("W/\"{}\"", git(bytes)))
}

/// A hub, the server that keeps its large files, and a cache.
pub(crate) struct Bench {
    pub(crate) hub: ScriptedServer,
    pub(crate) store: ScriptedServer,
    pub(crate) home: tempfile::TempDir,
}

impl Bench {
    /// `change` may answer in the place of either server.
    pub(crate) fn new(
        files: Files,
        change: impl Fn(&AskedServer, &Files) -> Option<Served> + Send + Sync + Clone + 'static,
    ) -> Bench {
        let (of_store, of_hub) = (files.clone(), files);
        let instead = change.clone();
        let store = ScriptedServer::start(move |asked| {
            let name = asked.path.strip_prefix("/kept/").and_then(|path| path.split('?').next()).unwrap_or_default();
            instead(asked, &of_store).unwrap_or_else(|| part(asked, &of_store[name]))
        })
        .unwrap();
        let elsewhere = store.address();
        let hub = ScriptedServer::start(move |asked| {
            change(asked, &of_hub).unwrap_or_else(|| self::hub(&of_hub, &elsewhere, asked))
        })
        .unwrap();
        Bench { hub, store, home: tempfile::tempdir().unwrap() }
    }

    fn plain(files: Files) -> Bench {
        Bench::new(files, |_, _| None)
    }

    fn network(&self, more: &[(&'static str, &'static str)]) -> Network {
        let mut variables: BTreeMap<&str, String> =
            more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        variables.insert("HF_ENDPOINT", self.hub.address());
        variables.insert("HF_HOME", self.home.path().display().to_string());
        Network::new(move |name| variables.get(name).cloned()).timed_by(Arc::new(NoTime))
    }

    pub(crate) fn fetch(&self, name: &str) -> Result<Fetched, ModelError> {
        fetch(name, &self.network(&[("HF_TOKEN", TOKEN)]))
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.home.path().join("hub/models--org--name")
    }
}

pub(crate) fn files(named: &[(&str, &[u8])]) -> Files {
    named.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
}

fn reference(name: &str) -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name);
    let mut found = Files::new();
    for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
        if entry.is_dir() {
            for inner in fs::read_dir(&entry).unwrap().map(|entry| entry.unwrap().path()) {
                let inner_name = inner.file_name().unwrap().to_str().unwrap().to_owned();
                found.insert(format!("{name}/{inner_name}"), fs::read(inner).unwrap());
            }
        } else {
            found.insert(name, fs::read(entry).unwrap());
        }
    }
    found
}

#[test]
fn a_file_is_fetched_once_into_the_layout_of_the_hubs_own_tools() {
    let gguf = vec![7; 3000];
    let bench = Bench::plain(files(&[("q4/m.gguf", &gguf)]));
    let fetched = bench.fetch("hf:org/name/q4/m.gguf").unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), gguf);
    assert_eq!(fetched.path, bench.repo().join("snapshots").join(COMMIT).join("q4/m.gguf"));
    assert_eq!((fetched.name.as_str(), fetched.spec.as_str()), ("m", &*format!("hf:org/name@{COMMIT}/q4/m.gguf")));
    assert_eq!(fs::read(bench.repo().join("blobs").join(sha256(&gguf))).unwrap(), gguf);
    assert_eq!(fs::read_to_string(bench.repo().join("refs/main")).unwrap(), COMMIT);
    #[cfg(unix)]
    assert_eq!(fs::read_link(&fetched.path).unwrap(), PathBuf::from(format!("../../../blobs/{}", sha256(&gguf))));
    // Once.
    let asked = bench.hub.asked().len();
    assert_eq!(bench.fetch("hf:org/name/q4/m.gguf").unwrap(), fetched);
    assert_eq!(bench.fetch(&format!("hf:org/name@{COMMIT}/q4/m.gguf")).unwrap().path, fetched.path);
    assert_eq!(bench.hub.asked().len(), asked);
}

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let bench = Bench::plain(files(&[("m.gguf", &[7; 100])]));
    bench.fetch("hf:org/name/m.gguf").unwrap();
    let bearer = format!("Bearer {TOKEN}");
    assert!(bench.hub.asked().iter().all(|asked| asked.header("authorization") == Some(bearer.as_str())));
    assert!(!bench.store.asked().is_empty());
    assert!(bench.store.asked().iter().all(|asked| asked.header("authorization").is_none()));
    // Also one that stands in a file of the hub's own tools.
    let bench = Bench::plain(files(&[("m.gguf", &[7; 100])]));
    fs::write(bench.home.path().join("token"), "hf_other\n").unwrap();
    fetch("hf:org/name/m.gguf", &bench.network(&[])).unwrap();
    assert_eq!(bench.hub.asked()[0].header("authorization"), Some("Bearer hf_other"));
}

#[test]
fn what_broke_off_goes_on_where_it_ended() {
    let gguf: Vec<u8> = (0..40_000u32).map(|number| (number % 251) as u8).collect();
    let half = gguf[..25_000].to_vec();
    let bench = Bench::new(files(&[("m.gguf", &gguf)]), move |asked, _| {
        (asked.path.starts_with("/kept/") && asked.number == 0).then(|| Served::bytes(200, half.clone()).torn())
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let network = bench.network(&[]).telling(move |fetching: &Fetching| tell.lock().unwrap().push(fetching.clone()));
    assert_eq!(fs::read(fetch("hf:org/name/m.gguf", &network).unwrap().path).unwrap(), gguf);
    let ranges: Vec<_> = bench.store.asked().iter().map(|asked| asked.header("range").map(str::to_owned)).collect();
    assert_eq!(ranges, [None, Some("bytes=25000-".to_owned())]);
    let told = told.lock().unwrap();
    assert!(told.iter().all(|fetching| fetching.total == 40_000 && fetching.file == "m.gguf"));
    assert!(
        told.windows(2).all(|pair| pair[0].done <= pair[1].done) && told.last().unwrap().done == 40_000,
        "{told:?}"
    );
    // What another process left is not fetched again.
    let bench = Bench::plain(files(&[("m.gguf", &gguf)]));
    let incomplete = bench.repo().join("blobs").join(format!("{}.incomplete", sha256(&gguf)));
    fs::create_dir_all(incomplete.parent().unwrap()).unwrap();
    fs::write(&incomplete, &gguf[..30_000]).unwrap();
    assert_eq!(fs::read(bench.fetch("hf:org/name/m.gguf").unwrap().path).unwrap(), gguf);
    assert_eq!(bench.store.asked()[0].header("range"), Some("bytes=30000-"));
    assert!(!incomplete.exists());
}

#[test]
fn a_server_without_ranges_and_a_connection_that_never_lasts() {
    let gguf = vec![7; 5000];
    let bench = Bench::new(files(&[("m.gguf", &gguf)]), |asked, files| {
        let kept = asked.path.starts_with("/kept/");
        let whole = Served::bytes(200, files["m.gguf"].clone());
        kept.then(|| if asked.number == 0 { Served::bytes(200, vec![7; 2000]).torn() } else { whole })
    });
    assert_eq!(fs::read(bench.fetch("hf:org/name/m.gguf").unwrap().path).unwrap(), gguf);

    let bench = Bench::new(files(&[("m.gguf", &gguf)]), |asked, _| {
        asked.path.starts_with("/kept/").then(|| Served::bytes(200, vec![7; 2000]).torn())
    });
    let error = bench.fetch("hf:org/name/m.gguf").unwrap_err();
    assert!(matches!(&error, ModelError::NoAnswer { .. }), "{error}");
    assert!(error.to_string().contains("2000 of 5000 bytes are kept, and the same command goes on"), "{error}");
    assert!(!bench.repo().join("snapshots").exists());
}

#[test]
fn bytes_with_another_checksum_are_no_file() {
    for (name, size) in [("m.gguf", 4000), ("config.json", 40)] {
        let bench = Bench::new(files(&[(name, &vec![7; size])]), move |asked, _| {
            let fetched =
                asked.method == "GET" && (asked.path.starts_with("/kept/") || asked.path.starts_with("/moved/"));
            fetched.then(|| Served::bytes(200, vec![8; size]))
        });
        let error = bench.fetch(&format!("hf:org/name/{name}")).unwrap_err().to_string();
        assert!(error.contains("they changed on the way and were removed"), "{error}");
        let blobs = fs::read_dir(bench.repo().join("blobs")).unwrap().count();
        assert_eq!((blobs, bench.repo().join("snapshots").exists()), (0, false));
    }
}

#[test]
fn a_whole_model_is_fetched_and_opened() {
    let options = EngineOptions { precision: Precision::F32 };
    for model in ["tiny-llama", "tiny-qwen2"] {
        let mut files = reference(model);
        files.insert("README.md".to_owned(), b"read me".to_vec());
        files.insert("pytorch_model.bin".to_owned(), b"the same again".to_vec());
        let bench = Bench::plain(files);
        let opened = open_with("hf:org/name@main", &options, &bench.network(&[])).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(model);
        let local = open_with(folder.to_str().unwrap(), &options, &Network::without_keys()).unwrap();
        let (ours, theirs) = (opened.identity(), local.identity());
        assert_eq!((&ours.weights, &ours.tokenizer, ours.key()), (&theirs.weights, &theirs.tokenizer, theirs.key()));
        assert_eq!((ours.name.as_str(), ours.spec.as_str()), ("name", &*format!("hf:org/name@{COMMIT}")));
        let asked = bench.hub.asked();
        assert!(asked.iter().all(|asked| !asked.path.contains("README") && !asked.path.contains(".bin")));
        // Without the hub what is there serves, and so it does where nothing may be asked.
        let home = bench.home.path().display().to_string();
        let of = |name: &str, more: &[(&str, &str)]| {
            let mut variables = vec![("HF_HOME".to_owned(), home.clone())];
            variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            let network =
                Network::new(move |name| variables.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone()));
            fetch(name, &network.timed_by(Arc::new(NoTime)))
        };
        let gone = ScriptedServer::start(|_| Served::bytes(500, "")).unwrap().address();
        assert!(of("hf:org/name", &[("HF_ENDPOINT", gone.as_str())]).is_ok());
        assert!(of("hf:org/name", &[("HF_HUB_OFFLINE", "1")]).is_ok());
        let error = of("hf:org/other", &[("HF_HUB_OFFLINE", "1")]).unwrap_err().to_string();
        assert!(error.contains("HF_HUB_OFFLINE forbids"), "{error}");
    }
}

#[test]
fn a_sentence_encoder_is_fetched_with_the_folders_of_its_layers() {
    let bench = Bench::plain(reference("tiny-bert"));
    let fetched = bench.fetch("hf:org/name").unwrap();
    assert!(fetched.path.join("1_Pooling/config.json").exists());
    SentenceEncoder::open(&fetched.path).unwrap();
}

#[test]
fn refusals_say_what_to_do() {
    let check = |status: u16, code: &'static str, token: Option<&'static str>, expected: &str| {
        let bench = Bench::new(files(&[("m.gguf", &[7; 10])]), move |_, _| {
            Some(Served::bytes(status, "").header("x-error-code", code))
        });
        let more: Vec<_> = token.map(|token| ("HF_TOKEN", token)).into_iter().collect();
        for name in ["hf:org/name", "hf:org/name/m.gguf"] {
            let error = fetch(name, &bench.network(&more)).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains(expected) && !error.contains(TOKEN), "{error}");
        }
    };
    check(401, "", None, "no token was sent: put one into HF_TOKEN");
    check(401, "", Some(TOKEN), "is the token in HF_TOKEN allowed to read org/name?");
    check(403, "GatedRepo", Some(TOKEN), "the model is gated: accept its terms at http://127.0.0.1");
    check(404, "RepoNotFound", None, "there is no such model");
    check(404, "RevisionNotFound", None, "there is no revision `main`");
    check(404, "EntryNotFound", None, "there is no such file");
    check(503, "", None, "HTTP 503 (asked 5 times)");
    check(200, "", None, "");
}

#[test]
fn what_a_hub_says_cannot_leave_the_cache() {
    // Names of files that would be elsewhere are not wanted, and neither is an ETag that is no name.
    let bench = Bench::plain(files(&[("../../evil/config.json", b"{}"), ("m.gguf", &[7; 10])]));
    assert!(bench.fetch("hf:org/name").is_ok());
    assert!(bench.hub.asked().iter().all(|asked| !asked.path.contains("evil")));
    let bench = Bench::new(files(&[("m.gguf", &[7; 10])]), |asked, _| {
        let facts =
            Served::bytes(200, "0123456789").header("x-repo-commit", COMMIT).header("etag", "\"../../../evil\"");
        asked.path.contains("/resolve/").then_some(facts)
    });
    let error = bench.fetch("hf:org/name/m.gguf").unwrap_err().to_string();
    assert!(error.contains("expected a checksum from the hub"), "{error}");
}
