//! Signed texts that carry their content: the token of the Invoice API and the body of a fiscal
//! request. Both are made by hand, because `MD5` and `SHA256` are no names that a JWT library knows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::digest::{Algorithm, TokenNames};

/// A token over a JSON payload.
pub(super) fn sign(algorithm: Algorithm, names: TokenNames, key: &str, payload: &str) -> String {
    let name = algorithm.token_name(names);
    let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"JWT","alg":"{name}"}}"#));
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(algorithm.keyed(key, &signed));
    format!("{signed}.{signature}")
}

/// The body of a fiscal request: the payload, and the digest's hexadecimal text, both in base64.
pub(super) fn fiscal(algorithm: Algorithm, password: &str, payload: &str) -> String {
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let digest = algorithm.hex(&format!("{payload}{password}"));
    format!("{payload}.{}", URL_SAFE_NO_PAD.encode(digest))
}
