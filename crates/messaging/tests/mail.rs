//! E-mail through a server on this machine.

use host::{Error, Messenger as _};
use messaging::{MailOverSmtp, MailSettings};
use serde_json::{Value as Json, json};

use crate::mail_server::{Does, MailServer, Script};
use crate::{CANARY, fate, letter_to, secrets, text_to};

const KEY: &str = "invoice/INV-1/make_link/1/email/0";

fn channel(server: &MailServer, more: Json) -> MailOverSmtp {
    let mut settings = json!({
        "host": "127.0.0.1", "port": server.port, "tls": "none",
        "from": "billing@crm.example", "from_name": "شرکت نمونه",
        "user": "crm", "password": "env:MAIL",
    });
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    settings
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    MailOverSmtp::new(&MailSettings::read(&settings).unwrap(), &secrets).unwrap()
}

async fn after(script: Script, more: Json) -> (Result<Option<String>, Error>, MailServer) {
    let server = MailServer::with(script).await;
    let channel = channel(&server, more);
    let letter = letter_to("sara@example.com", "لینک پرداخت", "سلام");
    let sent = channel.send(KEY, &letter).await;
    (sent.map(|delivery| delivery.channel_ref), server)
}

/// The value of a header, its lines joined.
fn header(letter: &str, name: &str) -> String {
    let (head, _) = letter.split_once("\n\n").unwrap();
    let head = head.replace("\n ", " ");
    let line = head
        .lines()
        .find(|line| line.starts_with(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {head}"))[name.len() + 2..].to_owned()
}

/// The text of a letter in base64 or as it is.
fn body(letter: &str) -> String {
    let (_, body) = letter.split_once("\n\n").unwrap();
    match header(letter, "Content-Transfer-Encoding").as_str() {
        "base64" => String::from_utf8(from_base64(&body.replace('\n', ""))).unwrap(),
        "7bit" => body.to_owned(),
        other => panic!("{other} is not expected here"),
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    let (mut kept, mut bits) = (0_u32, 0_u32);
    for c in text.bytes().filter(|c| *c != b'=') {
        kept = (kept << 6) | u32::from(value(c));
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((kept >> bits) & 0xff).unwrap());
        }
    }
    bytes
}

/// A header of encoded words, with words that need no encoding after them.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    for word in text.split(' ') {
        let encoded = word
            .strip_prefix("=?utf-8?b?")
            .and_then(|word| word.strip_suffix("?="));
        match encoded {
            Some(encoded) => bytes.extend(from_base64(encoded)),
            None => bytes.extend([b" ", word.as_bytes()].concat()),
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_letter_arrives_in_persian_with_an_id_of_its_key() {
    let server = MailServer::with(Vec::new()).await;
    let channel = channel(&server, json!({ "reply_to": "sales@crm.example" }));
    let text = "سلام\nINV-1042 را بپردازید:\nhttps://pay.example/INV-1042\n.\n";
    let letter = letter_to("sara@example.com", "لینک پرداخت INV-1042", text);
    let delivery = channel.send(KEY, &letter).await.unwrap();
    let id = delivery.channel_ref.unwrap();
    let again = channel.send(KEY, &letter).await.unwrap();
    assert_eq!(again.channel_ref.as_ref(), Some(&id));
    let other = channel.send("another", &letter).await.unwrap();
    assert_ne!(other.channel_ref.as_ref(), Some(&id));
    let letters = server.letters();
    let letter = &letters[0];
    assert_eq!(header(letter, "Message-ID"), id);
    assert_eq!(header(&letters[1], "Message-ID"), id);
    assert!(id.ends_with("@crm.example>"), "{id}");
    assert_eq!(header(letter, "To"), "sara@example.com");
    assert_eq!(header(letter, "Reply-To"), "sales@crm.example");
    assert_eq!(header(letter, "Content-Type"), "text/plain; charset=utf-8");
    assert_eq!(header(letter, "Content-Language"), "fa");
    assert_eq!(header(letter, "Auto-Submitted"), "auto-generated");
    assert_eq!(decoded(&header(letter, "Subject")), "لینک پرداخت INV-1042");
    let (name, address) = header(letter, "From")
        .rsplit_once(' ')
        .map(|(name, address)| (name.to_owned(), address.to_owned()))
        .unwrap();
    assert_eq!(
        (decoded(&name).as_str(), address.as_str()),
        ("شرکت نمونه", "<billing@crm.example>")
    );
    let marked = text.replace("INV-1042 را", "\u{200f}INV-1042 را");
    assert_eq!(body(letter).replace("\r\n", "\n"), marked);
    let heard = server.heard();
    for line in [
        "EHLO crm.example",
        "MAIL FROM:<billing@crm.example>",
        "RCPT TO:<sara@example.com>",
        "QUIT",
    ] {
        assert!(heard.iter().any(|heard| heard == line), "{line}: {heard:?}");
    }
}

#[tokio::test]
async fn a_dot_alone_on_a_line_does_not_end_the_letter() {
    let server = MailServer::with(Vec::new()).await;
    let letter = letter_to(
        "sara@example.com",
        "x",
        "first\n.\nRCPT TO:<b@b.example>\n..\nlast",
    );
    channel(&server, json!({}))
        .send(KEY, &letter)
        .await
        .unwrap();
    let letters = server.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        body(&letters[0]),
        "first\n..\nRCPT TO:<b@b.example>\n...\nlast\n"
    );
}

#[tokio::test]
async fn a_reply_decides_what_is_done_next() {
    use Does::{HangsUp, Says};
    for (at, does, expected) in [
        ("connect", Says("421 too busy"), "later"),
        ("connect", Says("554 go away"), "never"),
        ("connect", HangsUp, "later"),
        ("connect", Says("<html>"), "later"),
        ("AUTH", Says("535 wrong password"), "never"),
        ("AUTH", Says("454 later"), "later"),
        ("MAIL", HangsUp, "later"),
        ("RCPT", Says("450 greylisted"), "later"),
        ("RCPT", Says("550 no such user"), "never"),
        ("DATA", Says("452 disk full"), "later"),
        ("DATA", HangsUp, "later"),
        (".", Says("451 try later"), "later"),
        (".", Says("554 this is spam"), "never"),
        (".", Says("what"), "unclear"),
        (".", HangsUp, "unclear"),
    ] {
        let (sent, _) = after(vec![(at, does)], json!({})).await;
        let error = sent.unwrap_err();
        assert_eq!(fate(&error), expected, "{at} {does:?}: {error}");
    }
    for does in [HangsUp, Says("500 what")] {
        let (sent, _) = after(vec![("QUIT", does)], json!({})).await;
        assert!(sent.is_ok(), "{sent:?}");
    }
}

#[tokio::test]
async fn a_server_that_freezes_before_the_letter_has_not_sent_it() {
    for at in ["connect", "EHLO", "DATA"] {
        let (sent, server) = after(vec![(at, Does::Freezes)], json!({})).await;
        let error = sent.unwrap_err();
        assert_eq!(fate(&error), "later", "{at}");
        assert!(server.letters().is_empty());
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_server_that_freezes_after_the_letter_may_have_sent_it() {
    let (sent, _) = after(vec![(".", Does::Freezes)], json!({})).await;
    let error = sent.unwrap_err();
    assert_eq!(fate(&error), "unclear", "{error}");
}

#[tokio::test]
async fn a_server_that_freezes_at_the_good_bye_has_sent_it() {
    let (sent, _) = after(vec![("QUIT", Does::Freezes)], json!({})).await;
    assert!(sent.is_ok(), "{sent:?}");
}

#[tokio::test]
async fn without_encryption_nothing_is_said_to_a_server() {
    for tls in ["starttls", "implicit"] {
        // The server here knows neither; an answer to a greeting of TLS would be noise.
        let more = json!({ "tls": tls });
        let (sent, server) = if tls == "starttls" {
            after(Vec::new(), more).await
        } else {
            after(vec![("connect", Does::HangsUp)], more).await
        };
        let error = sent.unwrap_err();
        assert_eq!(fate(&error), "later", "{error}");
        let heard = server.heard().join("\n");
        for word in ["AUTH", "MAIL", "RCPT", "DATA"] {
            assert!(!heard.contains(word), "{tls}: {heard}");
        }
    }
}

#[tokio::test]
async fn no_password_shows_in_an_error_or_in_debug() {
    // Base64 of the login, as a server might repeat it.
    for (at, reply) in [
        ("AUTH", "535 you sent AGNybQBjYW5hcnktN2YzYQ== canary-7f3a"),
        ("MAIL", "550 who is canary-7f3a"),
        (".", "554 canary-7f3a"),
    ] {
        let (sent, _) = after(vec![(at, Does::Says(reply))], json!({})).await;
        let error = sent.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains(CANARY) && !shown.contains("AGNybQ"),
            "{shown}"
        );
    }
    let server = MailServer::with(Vec::new()).await;
    assert!(!format!("{:?}", channel(&server, json!({}))).contains(CANARY));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is() {
    let server = MailServer::with(Vec::new()).await;
    let channel = channel(&server, json!({}));
    for message in [
        letter_to("a@example.com", "x\r\nBcc: b@b.example", "y"),
        letter_to("a@example.com", "x\nBcc: b@b.example", "y"),
        letter_to("a@example.com", "x\u{2028}y", "y"),
        letter_to("a@example.com", "x\0", "y"),
        letter_to("a@example.com", &"x".repeat(500), "y"),
        letter_to("a@example.com", "x", ""),
        letter_to("a@example.com", "x", "y\0"),
        letter_to("a@example.com", "x", &"y".repeat(10 * 1024 * 1024)),
        letter_to("علی@example.com", "x", "y"),
        text_to("+989121112233", "x"),
    ] {
        let error = channel.send(KEY, &message).await.unwrap_err();
        assert_eq!(fate(&error), "never", "{error}");
        assert!(error.to_string().len() < 200);
    }
    assert!(server.heard().is_empty());
    // An address that ends a header never becomes one.
    assert!(values::Email::parse("a@example.com\r\nBcc: b@b.example").is_err());
    let hostile = json!({ "email": "a@example.com\r\nBcc: b@b.example" });
    assert!(serde_json::from_value::<host::Destination>(hostile).is_err());
}

#[tokio::test]
async fn hostile_keys_make_no_header() {
    let server = MailServer::with(Vec::new()).await;
    let letter = letter_to("a@example.com", "x", "y");
    let delivery = channel(&server, json!({}))
        .send("k>\r\nBcc: <b", &letter)
        .await
        .unwrap();
    let id = delivery.channel_ref.unwrap();
    assert!(id.is_ascii() && !id.contains(['\r', '\n', ' ']), "{id}");
    assert!(!server.letters()[0].contains("Bcc"));
}
