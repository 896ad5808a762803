//! Endpoints behind TLS: an authority that `SSL_CERT_FILE` names is trusted, another one is not.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// A server with TLS that answers every question with one word; its port.
fn serve() -> u16 {
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(file("server.pem")).unwrap().collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            // A client that does not trust the certificate goes away.
            let _ = answer(StreamOwned::new(connection, stream));
        }
    });
    port
}

fn answer(stream: impl Read + Write) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while stream.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    stream.read_exact(&mut vec![0; length])?;
    let choice = json!({"message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"});
    let body = json!({"model": "big", "choices": [choice]}).to_string();
    let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.get_mut().write_all(answer.as_bytes())?;
    stream.get_mut().flush()
}

fn collect(code: i32, authority: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let probe = json!({"id": "p", "family": "f", "axis": "a", "kind": "prompt", "prompt": "Are you there?"});
    fs::write(home.path().join("probes.jsonl"), probe.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    command
        .current_dir(home.path())
        .stdin(Stdio::null())
        .env("SSL_CERT_FILE", file(authority))
        .env_remove("SSL_CERT_DIR");
    command.args([
        "collect",
        "--model",
        &format!("openai:https://localhost:{}#big", serve()),
        "--probes",
        "probes.jsonl",
    ]);
    command.args(["--store", "kept", "--samples", "1", "--reruns", "0"]);
    let Output { status, stderr, .. } = command.output().unwrap();
    let talk = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{talk}");
    talk.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_authority_that_the_user_names_is_trusted() {
    assert!(collect(0, "ca.pem").contains("1 asked"));
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_at_once() {
    let talk = collect(2, "other.pem");
    assert!(talk.contains("the server's certificate is not trusted") && talk.contains("SSL_CERT_FILE"), "{talk}");
}
