//! Endpoints behind a proxy of the environment: it is told the host alone, and those that `NO_PROXY` names are asked without it.

#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_models::{AskedServer, ScriptedServer, Served};
use support::{Desk, ended};

/// A proxy that opens a way to whatever is behind it, and stands at its other end, too.
fn serve(asked: &AskedServer) -> Served {
    match asked.method.as_str() {
        "CONNECT" => Served::bytes(200, ""),
        _ => Served::chat("big", "yes", "stop"),
    }
}

/// Collects one answer of this model: what the proxy is asked.
fn collected(proxy: &ScriptedServer, variable: &str, without: &str, model: &str) -> Vec<AskedServer> {
    let desk = Desk::new();
    desk.ask_letters(1);
    let arguments = ["collect", "--model", model, "--probes", "probes.jsonl", "--samples", "1", "--reruns", "0"];
    let mut command = desk.command(&arguments);
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env(variable, proxy.address()).env("NO_PROXY", without).env("OPENAI_API_KEY", "sesame-open");
    ended(0, &arguments, command.output().unwrap());
    proxy.asked()
}

#[test]
fn a_proxy_is_asked_for_the_way_and_not_told_the_key() {
    for variable in ["HTTPS_PROXY", "HTTP_PROXY"] {
        let proxy = ScriptedServer::start(serve).unwrap();
        let asked = collected(&proxy, variable, "", "openai:http://models.invalid:8000#big");
        let (ways, questions): (Vec<_>, Vec<_>) = asked.iter().partition(|asked| asked.method == "CONNECT");
        assert!(!ways.is_empty() && !questions.is_empty(), "{asked:?}");
        for way in ways {
            assert_eq!((way.path.as_str(), way.header("authorization")), ("models.invalid:8000", None));
        }
        assert!(questions.iter().all(|asked| asked.header("authorization") == Some("Bearer sesame-open")));
    }
}

#[test]
fn hosts_that_no_proxy_names_and_this_machine_are_asked_without_it() {
    let server = ScriptedServer::start(serve).unwrap();
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    // This machine by a name that does not say so.
    let elsewhere = format!("openai:http://0.0.0.0:{port}#big");
    let check = |without: &str, model: &str, expected: bool| {
        let proxy = ScriptedServer::start(serve).unwrap();
        let asked = collected(&proxy, "HTTPS_PROXY", without, model);
        assert_eq!(!asked.is_empty(), expected, "{model} {without:?}: {asked:?}");
    };
    check("", &elsewhere, true);
    check("0.0.0.0", &elsewhere, false);
    check("", &format!("openai:http://127.0.0.1:{port}#big"), false);
}
