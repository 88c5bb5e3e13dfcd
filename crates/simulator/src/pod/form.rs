//! Forms and queries as POD reads them.

/// Pairs in order, repeats included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(pub(super) Vec<(String, String)>);

impl Form {
    /// Reads the text of a form or a query; a pair that cannot be read is left out.
    pub(super) fn parse(text: &str) -> Form {
        let parts = text.split('&').filter(|part| !part.is_empty());
        Form(
            parts
                .filter_map(|part| {
                    let (name, value) = part.split_once('=').unwrap_or((part, ""));
                    Some((decoded(name)?, decoded(value)?))
                })
                .collect(),
        )
    }

    /// The only value of a name; an empty one and a repeated one are none.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let mut all = self.all(name);
        let first = all.next().filter(|value| !value.is_empty());
        if all.next().is_some() { None } else { first }
    }

    /// Every value of a name.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.one(name)?.parse().ok()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.one(name) == Some("true")
    }
}

/// An address with more pairs in its query.
pub(super) fn with_pairs(address: &str, pairs: &[(&str, String)]) -> String {
    let mut text = address.to_owned();
    for (name, value) in pairs {
        text.push(if text.contains('?') { '&' } else { '?' });
        text.push_str(name);
        text.push('=');
        text.push_str(&encoded(value));
    }
    text
}

pub(super) fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    });
    bytes.collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}
