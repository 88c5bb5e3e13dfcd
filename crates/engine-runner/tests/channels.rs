//! Messages that leave: through a provider and a mail server on this machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;

use crate::support::Place;

/// A message that does not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(60);

const CANARY: &str = "canary-7f3a";

const WORKFLOW: &str = "
workflow: notice
version: 1
entity: invoice
label: { en: Notice }
fields: { pay_days: { type: number } }
initial: remind
states:
  remind:
    label: { en: Remind }
    activity: send_message
    with:
      recipients: { sms: [contact], email: [contact] }
      message:
        sms: \"فاکتور {{ item.number }}\"
        email: { subject: \"فاکتور {{ item.number }}\", body: \"سلام\" }
    next: { success: told, error: failed }
  told: { label: { en: Told }, end: success }
  failed: { label: { en: Failed }, end: failed }
";

/// A provider that takes one message and says what came.
fn provider() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heard) = channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut text = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let lower = line.to_lowercase();
            if let Some(number) = lower.strip_prefix("content-length:") {
                length = number.trim().parse().unwrap();
            }
            text.push_str(&line);
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        text.push_str(&String::from_utf8(body).unwrap());
        let body = "{\"status\":0,\"id\":\"s7\"}";
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
        reader.get_mut().write_all(answer.as_bytes()).unwrap();
        tell.send(text).unwrap();
    });
    (port, heard)
}

/// A mail server that takes one letter and says what came.
fn mail_server() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heard) = channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        reader.get_mut().write_all(b"220 ready\r\n").unwrap();
        let mut text = String::new();
        let mut in_letter = false;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 {
                break;
            }
            text.push_str(&line);
            let reply = match line.split_whitespace().next() {
                Some("EHLO") => "250-me\r\n250 AUTH PLAIN\r\n",
                Some("AUTH") => "235 welcome\r\n",
                Some("DATA") => "354 go on\r\n",
                _ => "250 ok\r\n",
            };
            in_letter = (in_letter && line != ".\r\n") || line == "DATA\r\n";
            if !in_letter || line == "DATA\r\n" {
                reader.get_mut().write_all(reply.as_bytes()).unwrap();
            }
            if line == "QUIT\r\n" {
                break;
            }
        }
        tell.send(text).unwrap();
    });
    (port, heard)
}

fn place(sms: u16, smtp: u16) -> Place {
    let place = Place::with_project();
    place.write("notice.yaml", WORKFLOW.as_bytes());
    let channels = format!(
        "messages:
  sms:
    channel: http
    http:
      url: http://127.0.0.1:{sms}/send
      headers: {{ Authorization: Bearer env:SMS_TOKEN, Idempotency-Key: \"{{key}}\" }}
      json: {{ to: \"{{to}}\", text: \"{{text}}\" }}
      accepted: {{ pointer: /status, equals: 0 }}
      message_id: /id
  email:
    channel: smtp
    smtp: {{ host: 127.0.0.1, port: {smtp}, tls: none, user: crm, password: env:SMTP_PASSWORD, from: crm@crm.example }}
"
    );
    let project = place.read("charkh.yaml");
    place.write("charkh.yaml", format!("{project}\n{channels}").as_bytes());
    place
}

const RUN: &str = "run notice.yaml --items invoice.json --store data";

#[test]
fn a_message_reaches_its_provider_and_a_letter_its_server() {
    let (sms, texts) = provider();
    let (smtp, letters) = mail_server();
    let place = place(sms, smtp);
    let run = |words: &str| -> crate::support::Ran {
        let mut command = place.command(words);
        command
            .env("SMS_TOKEN", CANARY)
            .env("SMTP_PASSWORD", CANARY);
        command.output().unwrap().into()
    };
    let ran = run(RUN).expect(0);
    let text = texts.recv_timeout(PATIENCE).unwrap();
    assert!(text.contains("فاکتور INV-1042"), "{text}");
    assert!(text.contains("\"+989124445566\""), "{text}");
    assert!(
        text.to_lowercase()
            .contains(&format!("authorization: bearer {CANARY}\r\n"))
    );
    let letter = letters.recv_timeout(PATIENCE).unwrap();
    assert!(
        letter.contains("RCPT TO:<kazemi@parsplast.example>"),
        "{letter}"
    );
    assert!(letter.contains("Content-Language: fa"), "{letter}");
    let listed = run("messages --store data --json").expect(0);
    let rows = listed.json();
    let shown = rows.to_string();
    assert!(
        shown.contains("\"s7\"") && shown.contains("@crm.example>"),
        "{shown}"
    );
    assert!(!format!("{ran:?}{shown}").contains(CANARY));
    let sent = |row: &Json| row["status"] == "sent";
    assert!(
        rows["messages"].as_array().unwrap().iter().all(sent),
        "{shown}"
    );
}

#[test]
fn a_missing_secret_is_said_before_anything_runs() {
    let place = place(1, 1);
    let ran = place.run(RUN);
    assert_ne!(ran.exit, 0);
    assert!(
        ran.err.contains("secret_missing") && ran.err.contains("env:SMS_TOKEN"),
        "{}",
        ran.err
    );
}

#[test]
fn on_a_virtual_clock_nothing_leaves() {
    // Nobody listens there, and no secret is set.
    let place = place(1, 1);
    place.run(&format!("{RUN} --clock virtual")).expect(0);
    assert!(
        place
            .read("data/messages.jsonl")
            .contains("فاکتور INV-1042")
    );
}
