//! An SMS provider on this machine, and a plain client that reaches it.

use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use transport::{HttpClient, HttpError, HttpRequest, HttpResponse};

/// A provider that gives scripted answers, one per connection; an empty one hangs up.
pub(crate) struct Provider {
    pub(crate) address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    pub(crate) async fn with(answers: Vec<String>) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let bytes = one_message(&mut stream).await.unwrap();
                notes
                    .lock()
                    .unwrap()
                    .push(String::from_utf8(bytes).unwrap());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Provider { address, heard }
    }

    /// The requests so far, as they came over the wire.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// An answer over the wire.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

/// Head and body of a request or an answer.
async fn one_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            let at = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            if bytes.len() >= at.unwrap() + 4 + length {
                return Ok(bytes);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// A client for this machine. It shows a request in its errors, as a careless one would.
pub(crate) struct PlainClient;

#[async_trait]
impl HttpClient for PlainClient {
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let rest = request.url.strip_prefix("http://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap();
        let mut stream = TcpStream::connect(authority)
            .await
            .map_err(|error| HttpError::NotSent(format!("{error} at {}", request.url)))?;
        let mut head = format!(
            "{} /{path} HTTP/1.1\r\nhost: {authority}\r\n",
            request.method
        );
        for (name, value) in &request.headers {
            assert!(!value.contains(['\r', '\n']), "{name} is split");
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", request.body.len()));
        let lost = |error: io::Error| HttpError::Unknown(format!("{error}: {head}"));
        let mut bytes = head.clone().into_bytes();
        bytes.extend_from_slice(&request.body);
        stream.write_all(&bytes).await.map_err(lost)?;
        let bytes = one_message(&mut stream).await.map_err(lost)?;
        let at = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        };
        Ok(HttpResponse {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            headers: head.lines().skip(1).map(header).collect(),
            body: bytes[at + 4..].to_vec(),
        })
    }
}
