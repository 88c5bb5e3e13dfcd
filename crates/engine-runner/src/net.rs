//! What every door to the network here has: bounded connections, requests as plain data, and
//! answers from plain data.

mod short_link;
mod socket;
mod token;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use charkh::transport::HttpResponse;

pub(crate) use short_link::{Lasting, ShortLinks};
pub(crate) use socket::{Bounds, Cut, Sockets};
pub(crate) use token::{Tokens, callback_token};

/// A longer body is refused.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// More bytes of headers are refused.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// A request as plain data.
#[derive(Debug)]
pub(crate) struct Received {
    /// HTTP method.
    pub(crate) method: String,
    /// The path, as it came.
    pub(crate) path: String,
    /// The query, as it came; empty for none.
    pub(crate) query: String,
    /// Headers in order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The raw body.
    pub(crate) body: Vec<u8>,
}

/// Why a request is not taken: with this status, and no word more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotTaken(pub(crate) StatusCode);

impl Received {
    /// Reads a request up to its bounds.
    pub(crate) async fn read(request: Request) -> Result<Received, NotTaken> {
        let (head, body) = request.into_parts();
        let mut headers = Vec::new();
        let mut bytes = 0_usize;
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            bytes = bytes.saturating_add(name.as_str().len() + value.len());
            headers.push((name.as_str().to_owned(), value));
        }
        let path = head.uri.path().to_owned();
        let query = head.uri.query().unwrap_or_default().to_owned();
        if bytes.saturating_add(path.len() + query.len()) > HEADER_BYTES_MAX {
            return Err(NotTaken(StatusCode::BAD_REQUEST));
        }
        let body = to_bytes(body, BODY_BYTES_MAX)
            .await
            .map_err(|_| NotTaken(StatusCode::BAD_REQUEST))?;
        Ok(Received {
            method: head.method.as_str().to_owned(),
            path,
            query,
            headers,
            body: body.to_vec(),
        })
    }
}

/// A short answer for a machine or a curious person.
pub(crate) fn plain(status: u16, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response
        .headers_mut()
        .insert(HeaderName::from_static("content-type"), kind);
    response
}

/// An answer with this body; headers about its length and the connection are not taken over.
pub(crate) fn answered(answer: &HttpResponse, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in &answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) else {
            continue;
        };
        let own = ["content-length", "transfer-encoding", "connection"];
        if !own.contains(&name.as_str()) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// The parameters of a query or a form, in order, repeats included.
pub(crate) fn parameters(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// Undoes the encoding of a parameter. What is no valid escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = match (first, after) {
            (b'%', [high, low, after @ ..]) => digit(*high)
                .zip(digit(*low))
                .map(|(high, low)| (high * 16 + low, after)),
            _ => None,
        };
        let (byte, after) = match escape {
            Some(escape) => escape,
            None if *first == b'+' => (b' ', after),
            None => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::parameters;

    #[test]
    fn parameters_keep_their_order_their_repeats_and_broken_escapes() {
        let read = parameters("OutSum=8.96&shp_a=%D8%A7+b&OutSum=9&empty&bad=%zz%4&&=x");
        let expected = [
            ("OutSum", "8.96"),
            ("shp_a", "ا b"),
            ("OutSum", "9"),
            ("empty", ""),
            ("bad", "%zz%4"),
            ("", "x"),
        ];
        let read: Vec<(&str, &str)> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(read, expected);
    }
}
