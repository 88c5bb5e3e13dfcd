//! Against servers on this machine that answer by a script.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use activity::{HttpClient, HttpError, HttpRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{HttpPlug, Reach};

fn request(url: String) -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        url,
        headers: vec![("x-key".to_owned(), "k-1".to_owned())],
        body: b"{}".to_vec(),
        timeout: values::TimeDelta::seconds(5),
        response_bytes_max: 64,
    }
}

/// A server that reads one request, gives the answer and hangs up. What it read comes back.
async fn server(answer: &'static [u8]) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = vec![0; 4096];
        let length = stream.read(&mut read).await.unwrap();
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8_lossy(&read[..length]).into_owned()
    });
    (address, task)
}

#[tokio::test]
async fn an_answer_comes_back_with_its_status_headers_and_body() {
    let answer = b"HTTP/1.1 201 Created\r\nX-Id: 7\r\ncontent-length: 2\r\n\r\nok";
    let (address, task) = server(answer).await;
    let plug = HttpPlug::with_loopback().unwrap();
    let response = plug
        .send(&request(format!("http://{address}/a")))
        .await
        .unwrap();
    assert_eq!(
        (response.status, response.body.as_slice()),
        (201, b"ok".as_slice())
    );
    assert!(
        response
            .headers
            .contains(&("x-id".to_owned(), "7".to_owned()))
    );
    let sent = task.await.unwrap();
    assert!(
        sent.starts_with("POST /a HTTP/1.1\r\n") && sent.contains("x-key: k-1\r\n"),
        "{sent}"
    );
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let answer =
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (address, _task) = server(answer).await;
    let plug = HttpPlug::with_loopback().unwrap();
    let error = plug
        .send(&request(format!("http://{address}/")))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, HttpError::Refused(words) if words.contains("redirect")),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_beyond_its_bound_is_cut_off_and_not_trusted() {
    let answer = b"HTTP/1.1 200 OK\r\n\r\n\
        0123456789012345678901234567890123456789012345678901234567890123456789";
    let (address, _task) = server(answer).await;
    let plug = HttpPlug::with_loopback().unwrap();
    let error = plug
        .send(&request(format!("http://{address}/")))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        HttpError::Unknown("the answer is longer than 64 bytes".to_owned())
    );
}

/// Clause 38: what may have arrived is unknown, what certainly did not is not.
#[tokio::test]
async fn where_a_request_failed_decides_what_is_known() {
    let plug = HttpPlug::with_loopback().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let error = plug
        .send(&request(format!("http://{closed}/")))
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::NotSent(_)), "{error}");

    let (hangs_up, _task) = server(b"").await;
    let error = plug
        .send(&request(format!("http://{hangs_up}/")))
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Unknown(_)), "{error}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut slow = request(format!("http://{}/", silent.local_addr().unwrap()));
    slow.timeout = values::TimeDelta::from_std(Duration::from_millis(100)).unwrap();
    let error = plug.send(&slow).await.unwrap_err();
    assert!(matches!(error, HttpError::Unknown(_)), "{error}");
}

#[tokio::test]
async fn the_public_plug_calls_nothing_inside() {
    let plug = HttpPlug::new().unwrap();
    for url in [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2130706433/",
        "https://localhost/",
        "http://example.com/",
        "ftp://example.com/",
        "https://user:secret@example.com/",
    ] {
        let error = plug.send(&request(url.to_owned())).await.unwrap_err();
        assert!(matches!(error, HttpError::Refused(_)), "{url}: {error}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn only_addresses_of_the_open_internet_are_public() {
    let allowed = |text: &str| Reach::Public.allows(text.parse::<IpAddr>().unwrap());
    for inside in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!allowed(inside), "{inside}");
    }
    for outside in [
        "1.1.1.1",
        "93.184.216.34",
        "2606:4700::1111",
        "64:ff9b::101:101",
        "2002:101:101::",
    ] {
        assert!(allowed(outside), "{outside}");
    }
    assert!(Reach::PublicAndLoopback.allows("127.0.0.1".parse().unwrap()));
    assert!(!Reach::PublicAndLoopback.allows("10.0.0.1".parse().unwrap()));
}
