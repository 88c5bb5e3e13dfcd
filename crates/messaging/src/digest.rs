//! A message's key in the forms that providers take.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// 32 hexadecimal digits: the first 128 bits of SHA-256 over the key.
pub(crate) fn hex(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    let mut text = String::with_capacity(32);
    for byte in digest.iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A whole number that fits every JSON reader: the first 53 bits of SHA-256, never zero.
pub(crate) fn number(key: &str) -> u64 {
    let digest = Sha256::digest(key.as_bytes());
    let first = digest
        .iter()
        .take(8)
        .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    (first >> 11).max(1)
}

#[cfg(test)]
mod tests {
    use super::{hex, number};

    #[test]
    fn the_forms_of_a_key_are_those_of_its_sha_256() {
        // SHA-256("abc") = ba7816bf 8f01cfea 414140de 5dae2223 …
        assert_eq!(hex("abc"), "ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(number("abc"), 0xba78_16bf_8f01_cfea >> 11);
    }
}
