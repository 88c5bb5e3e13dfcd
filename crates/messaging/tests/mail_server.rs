//! A mail server on this machine that says what its script says.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a server does at a command.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    /// Replies so, in place of what it would say.
    Says(&'static str),
    /// Hangs up.
    HangsUp,
    /// Says nothing more, while time flies.
    Freezes,
}

/// At which command it does so: `connect`, `EHLO`, `AUTH`, `MAIL`, `RCPT`, `DATA`, `.` or `QUIT`.
pub(crate) type Script = Vec<(&'static str, Does)>;

pub(crate) struct MailServer {
    pub(crate) port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub(crate) async fn with(script: Script) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A client that hangs up ends its conversation, not the server.
                let _ = converse(stream, &script, &notes).await;
            }
        });
        MailServer { port, heard }
    }

    /// Every line so far.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// Letters that came whole, without what was added on the way.
    pub(crate) fn letters(&self) -> Vec<String> {
        let lines = self.heard().join("\n");
        let letters = lines.split("DATA\n").skip(1);
        letters
            .filter_map(|letter| letter.split_once("\n.\n"))
            .map(|(letter, _)| letter.to_owned())
            .collect()
    }
}

async fn converse(
    stream: TcpStream,
    script: &Script,
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut command = "connect".to_owned();
    loop {
        let scripted = script.iter().find(|(at, _)| *at == command);
        let reply = match scripted.map(|(_, does)| *does) {
            Some(Does::HangsUp) => return Ok(()),
            Some(Does::Freezes) => {
                tokio::time::pause();
                std::future::pending::<()>().await;
                return Ok(());
            }
            Some(Does::Says(reply)) => reply,
            None => match command.as_str() {
                "connect" => "220 mail.example ready",
                "EHLO" => "250-mail.example\r\n250 AUTH PLAIN LOGIN",
                "AUTH" => "235 welcome",
                "DATA" => "354 go on",
                "." => "250 queued as 42",
                "QUIT" => "221 bye",
                _ => "250 ok",
            },
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        let in_letter = command == "DATA" && reply.starts_with('3');
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.strip_suffix("\r\n").expect("lines end as they must");
            assert!(!line.contains(['\r', '\n']), "a bare line end in {line:?}");
            heard.lock().unwrap().push(line.to_owned());
            if !in_letter || line == "." {
                command = line.split(' ').next().unwrap_or_default().to_owned();
                break;
            }
        }
    }
}
