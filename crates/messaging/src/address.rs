//! Which machine an address leads to.

use std::net::IpAddr;

/// What an HTTP address says about its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// The host as written, without brackets and port.
    pub(crate) host: &'a str,
    /// The scheme, the host and the port: the part that no placeholder may stand in.
    pub(crate) origin: &'a str,
    /// Whether it is `https`.
    pub(crate) is_encrypted: bool,
}

impl<'a> Target<'a> {
    /// The target of an address, if it is one without a user's name in it.
    pub(crate) fn of(url: &'a str) -> Option<Target<'a>> {
        let (scheme, rest) = url.split_once("://")?;
        let is_encrypted = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..length)?;
        let host = match authority.strip_prefix('[') {
            Some(inner) => inner.split_once(']')?.0,
            None => authority.split(':').next().unwrap_or_default(),
        };
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '#');
        let good = !host.is_empty() && !url.contains(odd) && !authority.contains('@');
        good.then_some(Target {
            host,
            origin: url.get(..scheme.len() + 3 + length)?,
            is_encrypted,
        })
    }
}

/// Whether the host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{Target, is_loopback};

    #[test]
    fn a_target_is_told_from_one_that_looks_like_it() {
        for (url, host) in [
            ("https://sms.example/v1?x=@", "sms.example"),
            ("http://127.0.0.1:80/", "127.0.0.1"),
            ("https://[::1]:1", "::1"),
        ] {
            assert_eq!(Target::of(url).map(|target| target.host), Some(host));
        }
        for url in [
            "",
            "sms.example",
            "ftp://sms.example",
            "https://",
            "https://a@b/",
            "https://a\\@b/",
            "https://a b/",
            "https://a/\r\n",
        ] {
            assert_eq!(Target::of(url), None, "{url:?}");
        }
    }

    #[test]
    fn this_machine_has_few_names() {
        for host in ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example", "10.0.0.1", "127.0.0.1.example", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
