//! Where a call may go: by name, never by a number in disguise, never to a private network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names that only mean something inside a network.
const INNER_SUFFIXES: [&str; 7] = [
    ".local",
    ".internal",
    ".localdomain",
    ".lan",
    ".home.arpa",
    ".intranet",
    ".corp",
];

/// The host and port of a call, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    host: String,
    port: Option<u16>,
    secure: bool,
    loopback: bool,
}

impl Target {
    /// Checks the part of an address between `scheme://` and the path.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in lower case.
    pub(super) fn parse(secure: bool, authority: &str) -> Result<Target, String> {
        if authority.contains('@') {
            return Err("an address carries no user and no password".to_owned());
        }
        let (host, port) = split_port(authority)?;
        let host = host.to_ascii_lowercase();
        let loopback = match host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            Some(inner) => {
                let address: Ipv6Addr = inner
                    .parse()
                    .map_err(|_| format!("`{host}` is not an address"))?;
                check_address(IpAddr::V6(address))?
            }
            None => check_host(&host)?,
        };
        if !(secure || loopback) {
            return Err("only https is called".to_owned());
        }
        Ok(Target {
            host,
            port,
            secure,
            loopback,
        })
    }

    /// Whether a list of hosts allows it. `api.example.com` allows the usual port,
    /// `api.example.com:8443` that one, `*.example.com` every name below. This machine itself is
    /// allowed only where it is listed by name.
    pub(super) fn is_allowed(&self, hosts: &[String]) -> bool {
        hosts.iter().any(|entry| {
            let entry = entry.trim().to_ascii_lowercase();
            let Ok((host, port)) = split_port(&entry) else {
                return false;
            };
            let usual = if self.secure { 443 } else { 80 };
            if port.unwrap_or(usual) != self.port.unwrap_or(usual) {
                return false;
            }
            match host.strip_prefix("*.") {
                None => host == self.host,
                Some(parent) => {
                    !self.loopback
                        && self
                            .host
                            .strip_suffix(parent)
                            .is_some_and(|below| below.len() > 1 && below.ends_with('.'))
                }
            }
        })
    }

    /// Scheme, host and port, as an address begins.
    pub(super) fn origin(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Host and port.
    pub(super) fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    let bracket = authority.rfind(']').unwrap_or(0);
    match authority.rfind(':').filter(|colon| *colon > bracket) {
        None => Ok((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at_checked(colon).unwrap_or((authority, ""));
            let port = port.strip_prefix(':').unwrap_or_default();
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let number = port.parse::<u16>().ok().filter(|port| digits && *port > 0);
            number
                .map(|number| (host, Some(number)))
                .ok_or_else(|| format!("`{port}` is not a port"))
        }
    }
}

/// Whether the host is this machine itself; an error for what must not be called.
fn check_host(host: &str) -> Result<bool, String> {
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return check_address(IpAddr::V4(address));
    }
    let labels: Vec<&str> = host.split('.').collect();
    let well_formed = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if host.len() > 253 || !labels.iter().all(well_formed) {
        return Err(format!("`{host}` is not the name of a host"));
    }
    let last = labels.last().copied().unwrap_or_default();
    // 2130706433, 0x7f000001 and 127.1 all mean 127.0.0.1 to some resolver.
    if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
        return Err(format!(
            "`{host}` is a number in disguise: write the name of the host"
        ));
    }
    if host == "localhost" || host.ends_with(".localhost") {
        return Ok(true);
    }
    if labels.len() < 2 || INNER_SUFFIXES.iter().any(|suffix| host.ends_with(suffix)) {
        return Err(format!("`{host}` is a name of a private network"));
    }
    Ok(false)
}

/// Whether an address is this machine itself; an error for private networks and the like.
fn check_address(address: IpAddr) -> Result<bool, String> {
    let address = address.to_canonical();
    if address.is_loopback() {
        return Ok(true);
    }
    let inner = match address {
        IpAddr::V4(v4) => is_inner_v4(v4),
        IpAddr::V6(v6) => is_inner_v6(v6),
    };
    if inner {
        return Err(format!(
            "{address} belongs to a private or reserved network"
        ));
    }
    Ok(false)
}

fn is_inner_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
}

fn is_inner_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is handed out; parts of it embed IPv4 addresses or document things.
    let global = first & 0xe000 == 0x2000;
    let tunnels = first == 0x2002 || (first == 0x2001 && (second < 0x0200 || second == 0x0db8));
    !global || tunnels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(authority: &str) -> String {
        Target::parse(true, authority).expect_err(authority)
    }

    #[test]
    fn private_and_disguised_addresses_are_refused() {
        for authority in [
            "10.0.0.1",
            "172.16.5.4",
            "192.168.1.1:8080",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[fe80::1]",
            "[fc00::1]",
            "[::ffff:10.0.0.1]",
            "[2002:a00:1::]",
            "[64:ff9b::a00:1]",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "127.1",
            "0177.0.0.1",
            "1.2.3.4.5",
            "metadata.google.internal",
            "printer.local",
            "intranet",
            "user@example.com",
            "user:pass@example.com",
            "example.com:0",
            "example.com:99999",
            "example.com:+443",
            "exa mple.com",
            "exámple.com",
            "-a.example.com",
            "",
            "a..b",
        ] {
            assert!(!refused(authority).is_empty(), "{authority}");
        }
    }

    #[test]
    fn plain_http_reaches_only_this_machine() {
        assert_eq!(
            Target::parse(false, "example.com").unwrap_err(),
            "only https is called"
        );
        for authority in [
            "localhost:8080",
            "127.0.0.1:1",
            "[::1]:9",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(
                Target::parse(false, authority).unwrap().loopback,
                "{authority}"
            );
        }
    }

    #[test]
    fn a_list_allows_hosts_by_name_and_port() {
        let allowed = |authority: &str, hosts: &[&str]| {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            Target::parse(true, authority).unwrap().is_allowed(&hosts)
        };
        assert!(allowed("api.example.com", &["api.example.com"]));
        assert!(allowed("API.example.com:443", &[" Api.Example.com "]));
        assert!(allowed("api.example.com:8443", &["api.example.com:8443"]));
        assert!(allowed("api.example.com", &["*.example.com"]));
        assert!(allowed("localhost:9", &["localhost:9"]));
        assert!(!allowed("api.example.com:8443", &["api.example.com"]));
        assert!(!allowed("example.com", &["*.example.com"]));
        assert!(!allowed("evilexample.com", &["*.example.com"]));
        assert!(!allowed("a.localhost", &["*.localhost"]));
        assert!(!allowed("api.example.com", &[]));
    }
}
