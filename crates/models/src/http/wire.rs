//! One question over HTTP and what came back: the only place that knows the client.

use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Longest time that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(15);
/// Longest time from the question to the last byte of the answer.
const DEADLINE: Duration = Duration::from_secs(600);
/// Connections that are kept open.
const KEPT: usize = 256;
/// Largest answer in bytes: the results of a batch are many.
const LARGEST: u64 = 512 << 20;

/// A question on its way.
pub(super) struct Sent<'a> {
    pub url: &'a str,
    pub headers: &'a [(String, String)],
    /// Without one it is fetched, not posted.
    pub body: Option<&'a [u8]>,
}

/// What came back, whatever it says.
#[derive(Debug)]
pub(super) struct Came {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Came {
    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

/// Why nothing came.
#[derive(Debug)]
pub(super) struct Broken {
    pub reason: String,
    pub again: Again,
}

/// Whether it makes sense to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    No,
}

impl Broken {
    fn of(error: &ureq::Error) -> Broken {
        let again = if is_distrust(error) { Again::No } else { Again::Yes };
        Broken { reason: in_words(error), again }
    }
}

/// Whether the certificate of a server is not trusted, which does not pass.
fn is_distrust(error: &ureq::Error) -> bool {
    let of_tls = |error: &rustls::Error| matches!(error, rustls::Error::InvalidCertificate(_));
    match error {
        ureq::Error::Rustls(error) => of_tls(error),
        ureq::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref()).is_some_and(of_tls),
        _ => false,
    }
}

/// A client that keeps its connections.
pub(super) struct Wire(ureq::Agent);

impl Wire {
    /// A client for addresses of this kind. Proxies are those of the environment; none stands between this machine and
    /// itself.
    ///
    /// # Errors
    /// An address with TLS, and the system has no certificates.
    pub(super) fn new(secure: Secure, place: Place) -> Result<Wire, String> {
        agent(secure, place, DEADLINE).map(Wire)
    }

    /// Sends it.
    ///
    /// # Errors
    /// Nothing came, or not all of it: in words.
    pub(super) fn send(&self, sent: &Sent<'_>) -> Result<Came, Broken> {
        let mut response = match sent.body {
            Some(body) => {
                let headers = sent.headers.iter();
                let request =
                    headers.fold(self.0.post(sent.url), |to, (name, value)| to.header(name.as_str(), value.as_str()));
                request.send(body)
            }
            None => {
                let headers = sent.headers.iter();
                let request =
                    headers.fold(self.0.get(sent.url), |to, (name, value)| to.header(name.as_str(), value.as_str()));
                request.call()
            }
        }
        .map_err(|error| Broken::of(&error))?;
        let status = response.status().as_u16();
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let body = response.body_mut().with_config().limit(LARGEST).read_to_vec();
        let body = body.map_err(|error| Broken {
            reason: format!("the answer broke off: {}", in_words(&error)),
            again: Again::Yes,
        })?;
        Ok(Came { status, headers, body })
    }
}

/// A client that follows no redirect: it would carry a key to a place that nobody named. Nothing may take longer than `deadline`.
///
/// # Errors
/// An address with TLS, and the system has no certificates.
pub(crate) fn agent(secure: Secure, place: Place, deadline: Duration) -> Result<ureq::Agent, String> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(deadline))
        .max_idle_connections(KEPT)
        .max_idle_connections_per_host(KEPT)
        .user_agent(concat!("hydrometer/", env!("CARGO_PKG_VERSION")));
    let config = match place {
        Place::ThisMachine => config.proxy(None),
        Place::Elsewhere => config,
    };
    let config = match secure {
        Secure::No => config,
        Secure::Tls => config.tls_config(tls()?),
    };
    Ok(config.build().new_agent())
}

/// Whether an address wants TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secure {
    No,
    Tls,
}

/// Where a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    ThisMachine,
    Elsewhere,
}

impl Place {
    /// Where the host of an address stands; its port and what is in front of it count for nothing.
    pub(crate) fn of(host: &str) -> Place {
        let host = host.split_once("://").map_or(host, |(_, host)| host);
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let here = name == "localhost"
            || name == "[::1]"
            || name.parse().is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback());
        if here { Place::ThisMachine } else { Place::Elsewhere }
    }
}

/// TLS with the certificates that this system trusts.
fn tls() -> Result<TlsConfig, String> {
    let found = rustls_native_certs::load_native_certs();
    let certificates: Vec<_> = found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    if certificates.is_empty() {
        return Err(
            "this system has no certificates that TLS could trust; name a file of them with SSL_CERT_FILE".into()
        );
    }
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(certificates)))
        .build())
}

pub(crate) fn in_words(error: &ureq::Error) -> String {
    match error {
        error if is_distrust(error) => format!(
            "the server's certificate is not trusted ({error}); name a file with the certificate of its authority in SSL_CERT_FILE"
        ),
        ureq::Error::Timeout(what) => format!("no answer in time ({what})"),
        ureq::Error::HostNotFound => "there is no host of this name".to_owned(),
        ureq::Error::Io(error) => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_lowercase()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// What comes of a question to a server that sends this and nothing more.
    fn broken(said: &'static [u8]) -> Broken {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (ended, end) = std::sync::mpsc::channel::<()>();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 4]).unwrap();
            stream.write_all(said).unwrap();
            // The connection stays open until the client has given up.
            end.recv().unwrap_err();
        });
        let wire = Wire(agent(Secure::No, Place::ThisMachine, Duration::from_millis(300)).unwrap());
        let found = wire.send(&Sent { url: &url, headers: &[], body: Some(b"{}") }).unwrap_err();
        drop(ended);
        server.join().unwrap();
        found
    }

    #[test]
    fn a_server_that_never_answers_is_given_up_and_may_be_asked_again() {
        let check = |said: &'static [u8], expected: &str| {
            let Broken { reason, again } = broken(said);
            assert!(reason.starts_with(expected) && reason.contains("no answer in time"), "{reason}");
            assert_eq!(again, Again::Yes);
        };
        check(b"", "no answer in time (");
        check(
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"choices\"",
            "the answer broke off: no answer in time (",
        );
    }
}
