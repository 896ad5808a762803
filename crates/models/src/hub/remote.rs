//! The hub over HTTP: what a repository holds, and where a file of it is. A token goes to the hub's own host and nowhere else.

use std::cell::OnceCell;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::cache::home;
use super::{Fetching, HubName};
use crate::ModelError;
use crate::error::shown;
use crate::http::{Clock, Network, Place, Secret, Secure, agent, in_words};

/// Where the hub is.
const ENDPOINT: &str = "https://huggingface.co";
/// Redirects that are followed.
const REDIRECTS: usize = 8;
/// How often a question is asked at most.
const ATTEMPTS: u32 = 5;
/// The wait before the second attempt; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest time that a part of a file may take; then the rest of it is asked for.
const PART: Duration = Duration::from_secs(600);
/// Largest list of files in bytes.
const LARGEST: u64 = 64 << 20;

/// The hub, as one repository is asked for.
pub(super) struct Hub<'n> {
    name: &'n HubName,
    endpoint: String,
    token: Option<Secret>,
    offline: bool,
    network: &'n Network,
    plain: OnceCell<Agent>,
    tls: OnceCell<Agent>,
}

/// What a repository holds.
pub(super) struct Listing {
    pub commit: String,
    pub names: Vec<String>,
}

/// What is known of a file before it is fetched.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub commit: Option<String>,
    pub etag: Option<String>,
    pub size: Option<u64>,
}

/// Why there is no answer: nobody answered, or the hub refused.
pub(super) enum Unanswered {
    Unreached(String),
    Refused(String),
}

impl<'n> Hub<'n> {
    /// The hub that the variables name.
    pub(super) fn of(name: &'n HubName, network: &'n Network) -> Result<Hub<'n>, ModelError> {
        let variable = |name: &str| (network.variable)(name).filter(|value| !value.trim().is_empty());
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned()).trim_end_matches('/').to_owned();
        if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
            let reason =
                format!("HF_ENDPOINT: expected an address with http:// or https://, found {}", shown(&endpoint));
            return Err(ModelError::Request { reason });
        }
        let is_on = |value: String| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on");
        let token = match Secret::find("HF_TOKEN", &variable)? {
            Some(token) => Some(token),
            None => kept_token(&variable)?,
        };
        let offline = variable("HF_HUB_OFFLINE").is_some_and(is_on);
        Ok(Hub { name, endpoint, token, offline, network, plain: OnceCell::new(), tls: OnceCell::new() })
    }

    /// Whether nothing may be asked.
    pub(super) fn is_offline(&self) -> bool {
        self.offline
    }

    /// A refusal of this repository.
    pub(super) fn refused(&self, reason: String) -> ModelError {
        ModelError::Refused { endpoint: self.name.to_string(), reason }
    }

    /// The repository, as it was named.
    pub(super) fn named(&self) -> String {
        self.name.to_string()
    }

    /// Tells how far a file is.
    pub(super) fn tell(&self, fetching: &Fetching) {
        if let Some(told) = &self.network.told {
            told(fetching);
        }
    }

    /// Lets time pass before another attempt.
    pub(super) fn pause(&self, attempts: u32) {
        let clock: &dyn Clock = &*self.network.clock;
        clock.wait((FIRST_WAIT * 2u32.pow(attempts.saturating_sub(1).min(5))).mul_f64(1.0 - 0.25 * clock.jitter()));
    }

    /// What a revision holds.
    pub(super) fn listing(&self, revision: &str) -> Result<Listing, ModelError> {
        let url = format!(
            "{}/api/models/{}/revision/{}",
            self.endpoint,
            self.name.repo,
            escaped(&revision.replace('/', "%2F"))
        );
        let listed = self.again(|| {
            let (_, mut response) = self.ask(Method::Get, &url, None)?;
            response
                .body_mut()
                .with_config()
                .limit(LARGEST)
                .read_to_vec()
                .map_err(|error| Unanswered::Unreached(in_words(&error)))
        })?;
        let wrong = || {
            self.refused(format!(
                "expected a list of files at {url}, found {}",
                shown(&String::from_utf8_lossy(&listed))
            ))
        };
        let listed: Value = serde_json::from_slice(&listed).map_err(|_| wrong())?;
        let commit = listed["sha"].as_str().filter(|commit| super::cache::is_commit(commit)).ok_or_else(wrong)?;
        let files = listed["siblings"].as_array().ok_or_else(wrong)?;
        let names = files.iter().filter_map(|file| file["rfilename"].as_str()).filter(|name| super::is_inside(name));
        Ok(Listing { commit: commit.to_owned(), names: names.map(str::to_owned).collect() })
    }

    /// What is known of a file.
    pub(super) fn facts(&self, revision: &str, file: &str) -> Result<Facts, ModelError> {
        let url = self.url(revision, file);
        self.again(|| Ok(self.ask(Method::Head, &url, None)?.0))
    }

    /// A file from this byte on: whether the hub begins there, and what comes.
    pub(super) fn file(&self, revision: &str, file: &str, from: u64) -> Result<Response<Body>, Unanswered> {
        Ok(self.ask(Method::Get, &self.url(revision, file), Some(from))?.1)
    }

    fn url(&self, revision: &str, file: &str) -> String {
        let revision = escaped(&revision.replace('/', "%2F"));
        format!("{}/{}/resolve/{revision}/{}", self.endpoint, self.name.repo, escaped(file))
    }

    /// Asks until there is an answer or a refusal.
    fn again<T>(&self, ask: impl Fn() -> Result<T, Unanswered>) -> Result<T, ModelError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match ask() {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::Refused(reason)) => return Err(self.refused(reason)),
                Err(Unanswered::Unreached(reason)) if attempts == ATTEMPTS => {
                    return Err(ModelError::NoAnswer { endpoint: self.name.to_string(), reason, attempts });
                }
                Err(Unanswered::Unreached(_)) => self.pause(attempts),
            }
        }
    }

    /// One question, with the redirects that it takes. Facts are those of the hub; what another host says of a file counts for
    /// nothing.
    fn ask(&self, method: Method, url: &str, from: Option<u64>) -> Result<(Facts, Response<Body>), Unanswered> {
        let (mut url, mut facts) = (url.to_owned(), Facts::default());
        for _ in 0..=REDIRECTS {
            let is_hub = host(&url) == host(&self.endpoint);
            let response = self.send(method, &url, from, is_hub)?;
            let header =
                |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let status = response.status().as_u16();
            let moved = header("location").filter(|_| (300..400).contains(&status));
            if is_hub && status < 400 {
                facts.commit = facts.commit.or_else(|| header("x-repo-commit"));
                let own = |name: &str| if moved.is_none() { header(name) } else { None };
                facts.etag = facts.etag.or_else(|| header("x-linked-etag")).or_else(|| own("etag"));
                let size = header("x-linked-size").or_else(|| own("content-length"));
                facts.size = facts.size.or_else(|| size?.trim().parse().ok());
            }
            let Some(to) = moved else {
                return if status < 400 || status == 416 {
                    Ok((facts, response))
                } else {
                    Err(self.refusal(status, &response, is_hub))
                };
            };
            let next = joined(&url, &to).ok_or_else(|| Unanswered::Refused(format!("a redirect to {}", shown(&to))))?;
            // The facts are whole: who keeps the bytes is asked for them only when they are fetched.
            if method == Method::Head && host(&next) != host(&self.endpoint) {
                return Ok((facts, response));
            }
            url = next;
        }
        Err(Unanswered::Refused(format!("more than {REDIRECTS} redirects")))
    }

    fn send(&self, method: Method, url: &str, from: Option<u64>, is_hub: bool) -> Result<Response<Body>, Unanswered> {
        let agent = self.agent(url).map_err(Unanswered::Refused)?;
        let request = match method {
            Method::Get => agent.get(url),
            Method::Head => agent.head(url),
        };
        // Sizes are those of the file, not of a packed copy.
        let mut request = request.header("accept-encoding", "identity");
        if let Some(from) = from.filter(|from| *from > 0) {
            request = request.header("range", format!("bytes={from}-"));
        }
        if let Some(token) = self.token.as_ref().filter(|_| is_hub) {
            request = request.header("authorization", format!("Bearer {}", token.expose()));
        }
        request.call().map_err(|error| Unanswered::Unreached(in_words(&error)))
    }

    fn agent(&self, url: &str) -> Result<&Agent, String> {
        let (cell, secure) =
            if url.starts_with("https://") { (&self.tls, Secure::Tls) } else { (&self.plain, Secure::No) };
        if let Some(agent) = cell.get() {
            return Ok(agent);
        }
        let made = agent(secure, Place::of(host(url)), PART)?;
        Ok(cell.get_or_init(|| made))
    }

    /// What a refusal means, and what to do.
    fn refusal(&self, status: u16, response: &Response<Body>, is_hub: bool) -> Unanswered {
        let header =
            |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (code, said) = (header("x-error-code"), header("x-error-message"));
        let said = if said.is_empty() { String::new() } else { format!(" ({})", shown(said)) };
        let (repo, endpoint) = (&self.name.repo, &self.endpoint);
        let what = match (status, code) {
            (429 | 500.., _) => return Unanswered::Unreached(format!("HTTP {status}{said}")),
            (_, "GatedRepo") => format!(
                "the model is gated{said}: accept its terms at {endpoint}/{repo}, and put a token of that account into HF_TOKEN"
            ),
            (_, "RevisionNotFound") => format!("there is no revision {}{said}", shown(&self.name.revision)),
            (_, "EntryNotFound") => format!("there is no such file in the repository{said}"),
            (401, _) if self.token.is_none() && is_hub => format!(
                "HTTP 401{said}: there is no such model, or it is private; no token was sent: put one into HF_TOKEN"
            ),
            (401 | 403, _) if is_hub => {
                format!("HTTP {status}{said}: is the token in HF_TOKEN allowed to read {repo}?")
            }
            (404, _) => format!("HTTP 404{said}: there is no such model, revision or file"),
            _ => format!("HTTP {status}{said}"),
        };
        Unanswered::Refused(what)
    }
}

/// How a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    Head,
}

/// The token that the hub's own tools keep in a file.
fn kept_token(variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Secret>, ModelError> {
    let path = variable("HF_TOKEN_PATH").map(std::path::PathBuf::from).or_else(|| Some(home(variable)?.join("token")));
    let Some(path) = path.filter(|path| path.exists()) else { return Ok(None) };
    let in_file = |name: &str| (name == "HF_TOKEN_FILE").then(|| path.display().to_string());
    Secret::find("HF_TOKEN", &in_file)
}

/// `http://host:port` of an address.
fn host(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    &url[..end]
}

/// Where a redirect from an address leads.
fn joined(url: &str, to: &str) -> Option<String> {
    match to {
        _ if to.starts_with("http://") || to.starts_with("https://") => Some(to.to_owned()),
        _ if to.starts_with("//") => None,
        _ if to.starts_with('/') => Some(format!("{}{to}", host(url))),
        _ => None,
    }
}

/// A path as it stands in an address; what is escaped already stays.
fn escaped(path: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b'%' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(byte).collect()
}
