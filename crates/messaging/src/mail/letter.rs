//! A message as the letter that goes over the wire.

use host::{Error, Message};
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use values::{Email, Locale};

use crate::OPERATION;
use crate::error::SetupError;
use crate::mail::settings::MailSettings;

/// A longer text is no message to a customer.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// A longer subject is no subject.
const SUBJECT_CHARS_MAX: usize = 400;
/// An invisible mark that turns the line it begins to the left.
const RIGHT_TO_LEFT: char = '\u{200f}';

/// Who letters are from.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

/// A letter and its receiver.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) to: Address,
    pub(crate) bytes: Vec<u8>,
}

impl Sender {
    pub(crate) fn new(settings: &MailSettings) -> Result<Sender, SetupError> {
        let mailbox = |key: &str, email: &Email, name: Option<String>| {
            let problem = "is no address in Latin letters";
            let address = address(email).ok_or_else(|| SetupError::unfit(key, problem))?;
            Ok(Mailbox::new(name, address))
        };
        Ok(Sender {
            from: mailbox("from", &settings.from, settings.from_name.clone())?,
            reply_to: settings
                .reply_to
                .as_ref()
                .map(|email| mailbox("reply_to", email, None))
                .transpose()?,
        })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.from.email
    }

    /// The domain of the sender's address.
    pub(crate) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// The letter; what is wrong with the message shows here.
    pub(crate) fn write(&self, to: &Email, id: &str, message: &Message) -> Result<Letter, Error> {
        let refused = |what: &str| Error::rejected(OPERATION, what);
        if message.body.is_empty() {
            return Err(refused("the text is empty"));
        }
        if message.body.len() > TEXT_BYTES_MAX {
            let max = TEXT_BYTES_MAX / 1024;
            return Err(refused(&format!("the text has more than {max} KiB")));
        }
        if message.body.contains('\0') {
            return Err(refused("the text has a zero character"));
        }
        let to = address(to).ok_or_else(|| refused("the address is not in Latin letters"))?;
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .message_id(Some(id.to_owned()))
            .raw_header(plain_header("Content-Language", message.locale.code()))
            // Answering machines leave such letters alone.
            .raw_header(plain_header("Auto-Submitted", "auto-generated"));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        if let Some(subject) = &message.subject {
            // A line break would end the subject and begin a header of somebody else's.
            if subject
                .chars()
                .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
            {
                return Err(refused(
                    "the subject has a line break or a control character",
                ));
            }
            if subject.chars().count() > SUBJECT_CHARS_MAX {
                return Err(refused(&format!(
                    "the subject has more than {SUBJECT_CHARS_MAX} characters"
                )));
            }
            builder = builder.subject(directed(subject, message.locale));
        }
        let text = directed(&message.body, message.locale);
        let letter = builder
            .singlepart(SinglePart::plain(text))
            .map_err(|error| refused(&format!("no letter can be made of it: {error}")))?;
        Ok(Letter {
            to,
            bytes: letter.formatted(),
        })
    }
}

fn plain_header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The address, where plain SMTP carries it.
fn address(email: &Email) -> Option<Address> {
    let text = email.as_str();
    text.is_ascii().then(|| text.parse().ok()).flatten()
}

/// Marks the lines of a Persian text that begin with Latin letters, such as a number of an
/// invoice: readers would turn them to the right. A line without Persian stays as it is, so that
/// an address on its own line is just that.
fn directed(text: &str, locale: Locale) -> String {
    if locale != Locale::Fa {
        return text.to_owned();
    }
    let mut directed = String::with_capacity(text.len() + 8);
    for line in text.split_inclusive('\n') {
        let first = line.chars().find(|c| c.is_alphabetic());
        if first.is_some_and(|first| !is_right_to_left(first)) && line.chars().any(is_right_to_left)
        {
            directed.push(RIGHT_TO_LEFT);
        }
        directed.push_str(line);
    }
    directed
}

fn is_right_to_left(c: char) -> bool {
    c.is_alphabetic()
        && matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

#[cfg(test)]
mod tests {
    use super::directed;
    use values::Locale;

    #[test]
    fn a_persian_line_that_begins_in_latin_is_marked() {
        for (text, marked) in [
            ("INV-1 پرداخت شد", "\u{200f}INV-1 پرداخت شد"),
            ("۱۲ ریال", "۱۲ ریال"),
            ("سلام INV-1", "سلام INV-1"),
            ("https://pay.example/1", "https://pay.example/1"),
            (
                "سلام\nA1 را بپردازید\nhttps://pay.example/1\n",
                "سلام\n\u{200f}A1 را بپردازید\nhttps://pay.example/1\n",
            ),
        ] {
            assert_eq!(directed(text, Locale::Fa), marked);
            assert_eq!(directed(text, Locale::Ru), text);
        }
    }
}
