//! What POD's refusals mean. It publishes no error numbers, so they are known by their words.

use values::normalize_text;

/// One refusal by its words.
struct Known {
    /// Words that the message holds; compared folded.
    words: &'static str,
    /// Our code.
    code: &'static str,
    /// Whether the invoice may already be as we want it, so that it is read again first.
    doubtful: bool,
}

const fn known(words: &'static str, code: &'static str) -> Known {
    Known {
        words,
        code,
        doubtful: false,
    }
}

const fn doubtful(words: &'static str, code: &'static str) -> Known {
    Known {
        words,
        code,
        doubtful: true,
    }
}

/// Those about another invoice first, because their words hold those of the others.
const KNOWN: &[Known] = &[
    known("فاکتور بستانکار پرداخت نشده است", "offset_source_unpaid"),
    known("فاکتور بستانکار یافت نشد", "offset_source_not_found"),
    known(
        "فاکتور بستانکار آماده برای مسدودی",
        "offset_source_reserved",
    ),
    known("مجوز انجام این عملیات را ندارید", "forbidden"),
    known(
        "اعتبار کافی جهت انجام عملیات مسدودی را ندارید",
        "insufficient_funds",
    ),
    doubtful("اجازه پرداخت این فاکتور را ندارید", "scheduled_future"),
    doubtful("در انتظار پرداخت توسط تضمین ارائه شده", "scheduled_future"),
    doubtful("قبلا برای پرداخت در آینده ثبت شده است", "already_scheduled"),
    doubtful("فاکتور قبلا پرداخت شده است", "already_paid"),
    doubtful("فاکتور منتظر تایید نمی باشد", "not_awaiting_verification"),
    known(
        "کد وارد شده معتبر نمی باشد و یا منقضی شده است",
        "url_expired",
    ),
    known("فاکتور یافت نشد", "link_not_found"),
];

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    /// Our code; `refused` where the words are not known.
    pub(super) code: &'static str,
    /// Whether to read the invoice again before believing it.
    pub(super) doubtful: bool,
}

/// The meaning of a message.
pub(super) fn meaning(message: &str) -> Meaning {
    let folded = fold(message);
    let found = KNOWN
        .iter()
        .find(|known| folded.contains(&fold(known.words)));
    found.map_or(
        Meaning {
            code: "refused",
            doubtful: true,
        },
        |known| Meaning {
            code: known.code,
            doubtful: known.doubtful,
        },
    )
}

/// Whether a message holds one of these pieces of text.
pub(super) fn holds(message: &str, pieces: &[String]) -> bool {
    let folded = fold(message);
    pieces.iter().any(|piece| folded.contains(&fold(piece)))
}

/// The text without what people write differently: letters of Arabic keyboards, spaces and
/// joiners, vowel marks, dots.
pub(super) fn fold(text: &str) -> String {
    let dropped = |c: &char| {
        c.is_whitespace()
            || matches!(c,
                '\u{200b}'..='\u{200f}' | '\u{0640}' | '\u{064b}'..='\u{0655}' | '\u{feff}'
                | '.' | '،' | '؛' | ',' | '!')
    };
    normalize_text(text)
        .chars()
        .filter(|c| !dropped(c))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, meaning};

    #[test]
    fn every_known_refusal_is_known_in_any_spelling() {
        for known in KNOWN {
            let arabic = known.words.replace('ی', "ي").replace('ک', "ك");
            let joined = known.words.replace("نمی باشد", "نمی\u{200c}باشد");
            let spaced = format!("  {}.  ", known.words.replace(' ', "  "));
            for text in [known.words, &arabic, &joined, &spaced] {
                assert_eq!(meaning(text).code, known.code, "{text}");
            }
        }
        assert_eq!(meaning("فاکتور قبلاً پرداخت شده است.").code, "already_paid");
        assert_eq!(meaning("").code, "refused");
        assert_eq!(meaning("خطای ناشناخته").code, "refused");
    }
}
