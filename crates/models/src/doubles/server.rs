//! The scripted server: a test double that speaks HTTP on this machine. What it answers is a function; how it answers may be
//! wrong in every way that a server can be.
//!
//! ```
//! use hydrometer_models::{ScriptedServer, Served};
//!
//! let server = ScriptedServer::start(|asked| match asked.number {
//!     0 => Served::json(503, &serde_json::json!({"error": {"message": "loading"}})).header("retry-after", "2"),
//!     _ => Served::chat("big", "yes", "stop"),
//! })
//! .unwrap();
//! assert!(server.address().starts_with("http://127.0.0.1:"));
//! assert!(server.asked().is_empty());
//! ```

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

/// Largest question in bytes.
const LARGEST: usize = 16 << 20;

/// One question that came in.
#[derive(Clone, Debug)]
pub struct AskedServer {
    /// How many came before it.
    pub number: usize,
    /// `GET`, `HEAD` or `POST`.
    pub method: String,
    /// `/v1/chat/completions`.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; null where it is no JSON.
    pub body: Value,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl AskedServer {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// What the last message says.
    #[must_use]
    pub fn last_message(&self) -> &str {
        self.body["messages"].as_array().and_then(|messages| messages.last()?["content"].as_str()).unwrap_or_default()
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Served {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Bytes that are promised beyond those that are sent.
    torn: usize,
}

impl Served {
    /// Any bytes.
    #[must_use]
    pub fn bytes(status: u16, body: impl Into<Vec<u8>>) -> Served {
        Served { status, headers: Vec::new(), body: body.into(), torn: 0 }
    }

    /// A JSON value.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Served {
        Served::bytes(status, body.to_string()).header("content-type", "application/json")
    }

    /// A chat completion of this model with this text and `finish_reason`.
    #[must_use]
    pub fn chat(model: &str, text: &str, finish: &str) -> Served {
        let message = json!({"role": "assistant", "content": text});
        let choice = json!({"index": 0, "message": message, "finish_reason": finish});
        let usage = json!({"prompt_tokens": 5, "completion_tokens": 1});
        Served::json(200, &json!({"object": "chat.completion", "model": model, "choices": [choice], "usage": usage}))
    }

    /// A message of Anthropic's, with this text and `stop_reason`.
    #[must_use]
    pub fn message(model: &str, text: &str, stop: &str) -> Served {
        let content = json!([{"type": "text", "text": text}]);
        let usage = json!({"input_tokens": 5, "output_tokens": 1});
        Served::json(
            200,
            &json!({"type": "message", "model": model, "content": content, "stop_reason": stop, "usage": usage}),
        )
    }

    /// An answer of Gemini's, with this text and `finishReason`.
    #[must_use]
    pub fn candidate(model: &str, text: &str, finish: &str) -> Served {
        let candidate = json!({"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish});
        let usage = json!({"promptTokenCount": 5, "candidatesTokenCount": 1});
        Served::json(200, &json!({"candidates": [candidate], "modelVersion": model, "usageMetadata": usage}))
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Served {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a promise of more bytes than come; the connection ends there.
    #[must_use]
    pub fn torn(self) -> Served {
        Served { torn: 100, ..self }
    }
}

/// A server on this machine, for as long as it is held.
pub struct ScriptedServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<thread::JoinHandle<()>>,
}

struct Shared {
    script: Box<dyn Fn(&AskedServer) -> Served + Send + Sync>,
    asked: Mutex<Vec<AskedServer>>,
    connections: AtomicUsize,
    ended: AtomicBool,
}

impl ScriptedServer {
    /// Starts a server that answers by this script.
    ///
    /// # Errors
    /// The system gives no port.
    pub fn start(script: impl Fn(&AskedServer) -> Served + Send + Sync + 'static) -> io::Result<ScriptedServer> {
        ScriptedServer::listen(TcpListener::bind("127.0.0.1:0")?, script)
    }

    /// Starts one where another one stood: at what its [`ScriptedServer::address`] was.
    ///
    /// # Errors
    /// The address is none of this machine, or it is taken.
    pub fn start_at(
        address: &str,
        script: impl Fn(&AskedServer) -> Served + Send + Sync + 'static,
    ) -> io::Result<ScriptedServer> {
        ScriptedServer::listen(TcpListener::bind(address.trim_start_matches("http://"))?, script)
    }

    fn listen(
        listener: TcpListener,
        script: impl Fn(&AskedServer) -> Served + Send + Sync + 'static,
    ) -> io::Result<ScriptedServer> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Box::new(script),
            asked: Mutex::default(),
            connections: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let of_thread = shared.clone();
        let listening = thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.ended.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                of_thread.connections.fetch_add(1, Ordering::SeqCst);
                let shared = of_thread.clone();
                // A client that goes away is none of the server's concern.
                thread::spawn(move || serve(&shared, stream).ok());
            }
        });
        Ok(ScriptedServer { address, shared, listening: Some(listening) })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The questions so far.
    #[must_use]
    pub fn asked(&self) -> Vec<AskedServer> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections were made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // So that the one who waits for connections sees it.
        let _ = TcpStream::connect(self.address);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

/// Answers the questions of one connection, one after the other.
fn serve(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    while let Some(([method, path], headers, body)) = receive(&mut reader)? {
        let asked = {
            let mut all = shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let (bytes, body) = (body.clone(), serde_json::from_slice(&body).unwrap_or(Value::Null));
            let asked = AskedServer { number: all.len(), method, path, headers, body, bytes };
            all.push(asked.clone());
            asked
        };
        let Served { status, headers, body, torn } = (shared.script)(&asked);
        let mut answer = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n", body.len() + torn);
        for (name, value) in headers {
            answer += &format!("{name}: {value}\r\n");
        }
        // Of a file that is only asked about the headers come.
        let body = if asked.method == "HEAD" { Vec::new() } else { body };
        stream.write_all(&[answer.as_bytes(), b"\r\n", &body].concat())?;
        stream.flush()?;
        if torn > 0 {
            break;
        }
    }
    Ok(())
}

type Received = ([String; 2], Vec<(String, String)>, Vec<u8>);

/// The next question; `None` where the client has no more.
fn receive(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let asked = [words.next().unwrap_or_default(), words.next().unwrap_or_default()];
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0).min(LARGEST)];
    reader.read_exact(&mut body)?;
    Ok(Some((asked, headers, body)))
}
