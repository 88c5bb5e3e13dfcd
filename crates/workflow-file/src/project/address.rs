//! Addresses in the project file, as far as they say where a request goes.

use std::net::IpAddr;

/// The parts of an `http` or `https` address that decide what it may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address<'a> {
    /// The host as written, without brackets and port.
    host: &'a str,
    /// Whether it is `https`.
    pub(super) is_encrypted: bool,
    /// Whether nothing but a path follows the host.
    pub(super) is_bare: bool,
}

impl<'a> Address<'a> {
    /// The address, if the text is one without a user's name in it.
    pub(super) fn parse(text: &'a str) -> Option<Address<'a>> {
        let (rest, is_encrypted) = match text.strip_prefix("https://") {
            Some(rest) => (rest, true),
            None => (text.strip_prefix("http://")?, false),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let host = match authority.strip_prefix('[') {
            Some(inner) => inner.split_once(']')?.0,
            None => authority.split(':').next().unwrap_or_default(),
        };
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '\\');
        let good = !host.is_empty() && !text.contains(odd);
        good.then_some(Address {
            host,
            is_encrypted,
            is_bare: !path.contains(['?', '#']),
        })
    }

    /// Whether it is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn an_address_of_this_machine_is_told_from_one_that_looks_like_it() {
        let loopback =
            |text: &str| Address::parse(text).is_some_and(|address| address.is_loopback());
        for text in [
            "http://127.0.0.1:8080/api",
            "http://localhost",
            "https://[::1]:1/",
            "http://127.9.9.9?x",
        ] {
            assert!(loopback(text), "{text}");
        }
        for text in [
            "http://127.0.0.1.example.com/",
            "http://localhost.example/",
            "http://127.0.0.1@example.com/",
            "http://example.com/127.0.0.1",
            "http://example.com\\@127.0.0.1",
            "127.0.0.1",
            "ftp://127.0.0.1/",
            "http://",
        ] {
            assert!(!loopback(text), "{text}");
        }
    }
}
