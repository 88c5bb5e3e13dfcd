//! How many parts of an SMS a text takes.

/// The letters a part is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alphabet {
    /// The default alphabet of GSM: Latin and Greek letters, 7 bits each; ten signs take two units.
    Gsm7,
    /// UTF-16: everything else. A character beyond the first plane, such as most emoji, takes two
    /// units.
    Ucs2,
}

/// How a text is cut into parts, which is what providers charge for.
///
/// National shift tables of GSM are not counted with: providers differ in whether they use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parts {
    /// The letters it needs.
    pub alphabet: Alphabet,
    /// Units in all: 7-bit or 16-bit ones.
    pub units: usize,
    /// How many parts; an empty text has none.
    pub count: usize,
}

impl Alphabet {
    /// The units that fit into the only part, and into each of several.
    fn room(self) -> (usize, usize) {
        match self {
            Alphabet::Gsm7 => (160, 153),
            Alphabet::Ucs2 => (70, 67),
        }
    }

    fn units(self, c: char) -> usize {
        match self {
            Alphabet::Gsm7 => gsm_units(c).unwrap_or_default(),
            Alphabet::Ucs2 => c.len_utf16(),
        }
    }
}

impl Parts {
    /// Counts the parts of a text. A character of two units is never cut in two, so a part may
    /// end one unit early.
    pub fn of(text: &str) -> Parts {
        let is_gsm = text.chars().all(|c| gsm_units(c).is_some());
        let alphabet = if is_gsm {
            Alphabet::Gsm7
        } else {
            Alphabet::Ucs2
        };
        let (alone, each) = alphabet.room();
        let units: usize = text.chars().map(|c| alphabet.units(c)).sum();
        let count = match units {
            0 => 0,
            _ if units <= alone => 1,
            _ => {
                let mut full = 0_usize;
                let mut filled = 0_usize;
                for wide in text.chars().map(|c| alphabet.units(c)) {
                    if filled + wide > each {
                        full += 1;
                        filled = 0;
                    }
                    filled += wide;
                }
                full + 1
            }
        };
        Parts {
            alphabet,
            units,
            count,
        }
    }
}

/// The units of a character in the default alphabet; `None` where it has none there.
fn gsm_units(c: char) -> Option<usize> {
    const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
        ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const EXTENDED: &str = "\u{c}^{}\\[~]|€";
    if c.is_ascii_alphanumeric() || c == ' ' || BASIC.contains(c) {
        return Some(1);
    }
    EXTENDED.contains(c).then_some(2)
}
