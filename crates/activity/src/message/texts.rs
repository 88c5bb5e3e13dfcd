//! What a message says: texts of one's own, by medium and language.

use std::collections::BTreeMap;

use expression::{Facts, Reads, Template};
use host::Medium;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use values::Locale;

use crate::problem::{Place, Problem, codes};
use crate::settings::Check;

/// The token that every text about a link must carry.
const LINK_ADDRESS: &str = "link.url";

/// A subject is cut here; longer ones are folded or lost by mail programs.
const SUBJECT_CHARS_MAX: usize = 120;

/// What a message says: `default`, one text for everybody, or texts by medium and language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum MessageSetting {
    /// `default`, or one text for every medium and language.
    Text(String),
    /// Texts by medium.
    ByMedium(MediaTexts),
}

impl MessageSetting {
    /// Whether it says anything in a medium.
    pub(crate) fn has(&self, medium: Medium) -> bool {
        match self {
            MessageSetting::Text(_) => true,
            MessageSetting::ByMedium(media) => match medium {
                Medium::Sms => media.sms.is_some(),
                Medium::Email => media.email.is_some(),
            },
        }
    }
}

/// Texts by medium.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MediaTexts {
    /// The text message: one text, or one by language.
    #[serde(default)]
    sms: Option<PlainTexts>,
    /// The e-mail: one text, or one by language.
    #[serde(default)]
    email: Option<EmailTexts>,
}

/// A plain text, perhaps by language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum PlainTexts {
    /// One text for everybody.
    Same(String),
    /// One text per language.
    ByLanguage(ByLanguage<String>),
}

impl PlainTexts {
    /// Compiles the texts at `place`.
    pub(crate) fn compile(&self, place: &Place, check: &mut Check<'_>) -> Option<Texts> {
        Writer {
            about_link: false,
            check,
        }
        .plain(self, place)
    }
}

/// An e-mail, perhaps by language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum EmailTexts {
    Same(EmailText),
    ByLanguage(ByLanguage<EmailText>),
}

/// One e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum EmailText {
    Body(String),
    Full(FullEmail),
}

/// An e-mail with its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FullEmail {
    /// The subject line; without one, the first line of the body.
    #[serde(default)]
    subject: Option<String>,
    /// The text.
    body: String,
}

/// One text per language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Deserialize<'de>"))]
pub(crate) struct ByLanguage<T> {
    /// English.
    #[serde(default)]
    en: Option<T>,
    /// Persian.
    #[serde(default)]
    fa: Option<T>,
    /// Russian.
    #[serde(default)]
    ru: Option<T>,
}

impl<T> ByLanguage<T> {
    fn entries(&self) -> impl Iterator<Item = (Locale, &T)> {
        [
            (Locale::En, &self.en),
            (Locale::Fa, &self.fa),
            (Locale::Ru, &self.ru),
        ]
        .into_iter()
        .filter_map(|(locale, text)| text.as_ref().map(|text| (locale, text)))
    }
}

/// One text, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// The subject line of an e-mail.
    pub(crate) subject: Option<Template>,
    /// The text.
    pub(crate) body: Template,
}

/// The texts of one medium.
#[derive(Debug, Clone)]
pub(crate) enum Texts {
    /// One text in no particular language.
    Same(Text),
    /// A text per language.
    ByLanguage(BTreeMap<Locale, Text>),
}

/// Texts of one's own, by medium; a medium without one has the default text, if there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnTexts {
    sms: Option<Texts>,
    email: Option<Texts>,
}

/// A text as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// The language it is in.
    pub(crate) locale: Locale,
    /// The subject line of an e-mail.
    pub(crate) subject: Option<String>,
    /// The text.
    pub(crate) body: String,
}

impl Text {
    fn reads(&self) -> impl Iterator<Item = &Reads> {
        self.subject.iter().chain([&self.body]).map(Template::reads)
    }
}

impl OwnTexts {
    /// What the texts read.
    pub(crate) fn reads(&self) -> Vec<&Reads> {
        self.sms
            .iter()
            .chain(&self.email)
            .flat_map(Texts::reads)
            .collect()
    }

    /// Compiles the texts at `place`. With `about_link`, each must carry the link's address.
    pub(crate) fn compile(
        setting: &MessageSetting,
        about_link: bool,
        place: &Place,
        check: &mut Check<'_>,
    ) -> OwnTexts {
        let mut writer = Writer { about_link, check };
        match setting {
            MessageSetting::Text(word) if about_link && word.trim() == "default" => {
                OwnTexts::default()
            }
            MessageSetting::Text(text) => {
                let text = writer.text(None, text, place).map(Texts::Same);
                OwnTexts {
                    sms: text.clone(),
                    email: text,
                }
            }
            MessageSetting::ByMedium(media) => OwnTexts {
                sms: media
                    .sms
                    .as_ref()
                    .and_then(|sms| writer.plain(sms, &place.key("sms"))),
                email: media
                    .email
                    .as_ref()
                    .and_then(|email| writer.email(email, &place.key("email"))),
            },
        }
    }

    /// The texts of a medium, if it has its own.
    pub(crate) fn of(&self, medium: Medium) -> Option<&Texts> {
        match medium {
            Medium::Sms => self.sms.as_ref(),
            Medium::Email => self.email.as_ref(),
        }
    }
}

impl Texts {
    /// What the texts read.
    pub(crate) fn reads(&self) -> Vec<&Reads> {
        match self {
            Texts::Same(text) => text.reads().collect(),
            Texts::ByLanguage(texts) => texts.values().flat_map(Text::reads).collect(),
        }
    }

    /// The text in the first of the languages that it exists in.
    pub(crate) fn render(
        &self,
        medium: Medium,
        languages: &[Locale],
        facts: &Facts,
    ) -> Result<Rendered, String> {
        let first = languages.first().copied().unwrap_or_default();
        let (locale, text) = match self {
            Texts::Same(text) => (first, text),
            Texts::ByLanguage(texts) => languages
                .iter()
                .find_map(|locale| texts.get(locale).map(|text| (*locale, text)))
                .ok_or_else(|| "the message has no text in any language".to_owned())?,
        };
        let render = |template: &Template| {
            template
                .render(facts, locale)
                .map_err(|error| error.to_string())
        };
        let body = render(&text.body)?;
        let subject = match (medium, &text.subject) {
            (Medium::Sms, _) => None,
            (Medium::Email, Some(subject)) => Some(one_line(&render(subject)?)),
            (Medium::Email, None) => Some(first_line(&body)),
        };
        Ok(Rendered {
            locale,
            subject,
            body,
        })
    }
}

/// A subject must not smuggle a line break into the headers of an e-mail.
pub(super) fn one_line(text: &str) -> String {
    // Spaces that keep an amount on one line stay.
    let breaks = |c: char| c.is_whitespace() && c != '\u{a0}';
    let words: Vec<&str> = text.split(breaks).filter(|word| !word.is_empty()).collect();
    let words = words.join(" ");
    words
        .chars()
        .filter(|c| !c.is_control())
        .take(SUBJECT_CHARS_MAX)
        .collect()
}

fn first_line(body: &str) -> String {
    one_line(
        body.lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default(),
    )
}

struct Writer<'a, 'b> {
    about_link: bool,
    check: &'a mut Check<'b>,
}

impl Writer<'_, '_> {
    fn plain(&mut self, texts: &PlainTexts, place: &Place) -> Option<Texts> {
        match texts {
            PlainTexts::Same(text) => self.text(None, text, place).map(Texts::Same),
            PlainTexts::ByLanguage(texts) => {
                let compiled = texts.entries().map(|(locale, text)| {
                    (locale, self.text(None, text, &place.key(locale.code())))
                });
                let compiled: Vec<_> = compiled.collect();
                self.languages(compiled, place)
            }
        }
    }

    fn email(&mut self, texts: &EmailTexts, place: &Place) -> Option<Texts> {
        match texts {
            EmailTexts::Same(text) => self.mail(text, place).map(Texts::Same),
            EmailTexts::ByLanguage(texts) => {
                let compiled = texts
                    .entries()
                    .map(|(locale, text)| (locale, self.mail(text, &place.key(locale.code()))));
                let compiled: Vec<_> = compiled.collect();
                self.languages(compiled, place)
            }
        }
    }

    fn mail(&mut self, text: &EmailText, place: &Place) -> Option<Text> {
        match text {
            EmailText::Body(body) => self.text(None, body, place),
            EmailText::Full(FullEmail { subject, body }) => {
                let subject = match subject {
                    Some(text) => Some(self.check.template(&place.key("subject"), text)?),
                    None => None,
                };
                self.text(subject, body, &place.key("body"))
            }
        }
    }

    fn text(&mut self, subject: Option<Template>, body: &str, place: &Place) -> Option<Text> {
        if body.trim().is_empty() {
            self.check
                .error(codes::MISSING_TEXT, place, "the text is empty");
            return None;
        }
        let body = self.check.template(place, body)?;
        if self.about_link && !body.uses(LINK_ADDRESS) {
            self.check.report(
                Problem::new(
                    codes::TEXT_WITHOUT_LINK,
                    place,
                    "the text does not carry the link: nobody could pay from it",
                )
                .with_hint("put {{ link.url }} where the address belongs"),
            );
            return None;
        }
        Some(Text { subject, body })
    }

    fn languages(&mut self, texts: Vec<(Locale, Option<Text>)>, place: &Place) -> Option<Texts> {
        if texts.is_empty() {
            self.check.error(
                codes::MISSING_TEXT,
                place,
                "there is no text in any language",
            );
            return None;
        }
        let written: Vec<Locale> = texts.iter().map(|(locale, _)| *locale).collect();
        for missing in self
            .check
            .context
            .locales
            .iter()
            .filter(|locale| !written.contains(locale))
        {
            self.check.report(
                Problem::new(
                    codes::MISSING_LANGUAGE,
                    place,
                    format!("the project speaks {missing}, this message does not"),
                )
                .with_hint("a reader of that language gets the text in another one")
                .as_warning(),
            );
        }
        let texts = texts
            .into_iter()
            .filter_map(|(locale, text)| Some((locale, text?)))
            .collect();
        Some(Texts::ByLanguage(texts))
    }
}
