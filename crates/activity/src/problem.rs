//! What is wrong with an activity's settings, and where.

use std::collections::BTreeMap;

use expression::Schema;
use values::{AccountName, FieldType, Locale};

use crate::Account;

/// What settings are checked against.
#[derive(Debug, Clone, Copy)]
pub struct PrepareContext<'a> {
    /// The workflow's entity.
    pub entity: &'a str,
    /// Whether items of the entity have a final amount.
    pub financial: bool,
    /// The item's declared fields.
    pub fields: &'a BTreeMap<String, FieldType>,
    /// What expressions may name.
    pub schema: &'a Schema,
    /// The stages of the entity; empty when it has none.
    pub stages: &'a [String],
    /// The accounts of the project; `None` when the project is not known here.
    pub accounts: Option<&'a BTreeMap<AccountName, Account>>,
    /// The project's languages, the preferred one first.
    pub locales: &'a [Locale],
    /// Hosts that `call_service` may call; `None` when the project is not known here.
    pub allowed_hosts: Option<&'a [String]>,
}

/// One step from the settings' root to a place in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// The value of a key.
    Key(String),
    /// The key itself.
    KeyName(String),
    /// An element of a list, from 0.
    Index(usize),
}

/// How bad a mistake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Severity {
    /// It works, but most likely not as meant.
    Warning,
    /// The workflow cannot be used.
    #[default]
    Error,
}

/// One mistake in settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable code of the workflow file's list, such as `WF0301`.
    pub code: &'static str,
    /// Whether it stops the workflow.
    pub severity: Severity,
    /// What is wrong; lower case, no full stop.
    pub message: String,
    /// Where, from the settings' root.
    pub path: Vec<PathStep>,
    /// Where inside a text, for expressions and templates: line and column from 1, length in characters.
    pub inside: Option<(usize, usize, usize)>,
    /// How to mend it.
    pub hint: Option<String>,
    /// Text that would be right in the place of exactly that span.
    pub suggestion: Option<String>,
}

impl Problem {
    /// An error at a place.
    pub fn new(code: &'static str, place: &Place, message: impl Into<String>) -> Problem {
        Problem {
            code,
            severity: Severity::Error,
            message: message.into(),
            path: place.0.clone(),
            inside: None,
            hint: None,
            suggestion: None,
        }
    }

    /// The same, as a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Problem {
        self.severity = Severity::Warning;
        self
    }

    /// The same, with a way to mend it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with a text that would be right in its place.
    #[must_use]
    pub fn with_suggestion(mut self, suggestion: Option<String>) -> Problem {
        self.suggestion = suggestion;
        self
    }
}

/// A place in settings, built from the root downwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place(Vec<PathStep>);

impl Place {
    /// The settings as a whole.
    pub fn root() -> Place {
        Place::default()
    }

    /// The value of a key here.
    #[must_use]
    pub fn key(&self, key: &str) -> Place {
        self.then(PathStep::Key(key.to_owned()))
    }

    /// A key here, rather than its value.
    #[must_use]
    pub fn key_name(&self, key: &str) -> Place {
        self.then(PathStep::KeyName(key.to_owned()))
    }

    /// An element of the list here, from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Place {
        self.then(PathStep::Index(index))
    }

    fn then(&self, step: PathStep) -> Place {
        let mut steps = self.0.clone();
        steps.push(step);
        Place(steps)
    }
}

/// The known word nearest to a misspelt one, if one is near enough to be meant.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let allowed = 1 + written.chars().count() / 4;
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(written, word), word))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, word)| word.to_owned())
}

/// The codes of mistakes in settings. Each has a page in [`crate::problem_pages`].
pub mod codes {
    /// A key that the activity does not have.
    pub const UNKNOWN_SETTING: &str = "WF0401";
    /// A value of another type than the setting takes.
    pub const WRONG_TYPE: &str = "WF0402";
    /// A setting that must be there is not.
    pub const MISSING_SETTING: &str = "WF0403";
    /// A word that is not among the words of the setting.
    pub const UNKNOWN_WORD: &str = "WF0404";
    /// `amount: final` on an entity without a final amount.
    pub const NO_FINAL_AMOUNT: &str = "WF0405";
    /// A field that the workflow does not declare.
    pub const UNKNOWN_FIELD: &str = "WF0406";
    /// A field whose type the setting cannot use.
    pub const FIELD_OF_WRONG_TYPE: &str = "WF0407";
    /// An account that the project does not have.
    pub const UNKNOWN_ACCOUNT: &str = "WF0408";
    /// Money in another currency than the account's.
    pub const CURRENCY_OF_ANOTHER_ACCOUNT: &str = "WF0409";
    /// A text of one's own that does not carry the link's address.
    pub const TEXT_WITHOUT_LINK: &str = "WF0410";
    /// A token in a text that does not exist or does not close.
    pub const BAD_TOKEN: &str = "WF0411";
    /// An expression that is wrong.
    pub const BAD_EXPRESSION: &str = "WF0412";
    /// A constant that is not a mobile number.
    pub const BAD_NUMBER: &str = "WF0413";
    /// A constant that is not an e-mail address.
    pub const BAD_ADDRESS: &str = "WF0414";
    /// A constant that is not money.
    pub const BAD_MONEY: &str = "WF0415";
    /// A fixed amount that is zero or negative.
    pub const AMOUNT_NOT_POSITIVE: &str = "WF0416";
    /// A number of days that is not a whole number above zero.
    pub const BAD_DAYS: &str = "WF0417";
    /// A constant that is not a date.
    pub const BAD_DATE: &str = "WF0418";
    /// A secret written out in a workflow.
    pub const LITERAL_SECRET: &str = "WF0419";
    /// A host that the project does not allow.
    pub const HOST_NOT_ALLOWED: &str = "WF0420";
    /// A web address that must not be called.
    pub const BAD_URL: &str = "WF0421";
    /// A stage that the workflow does not declare.
    pub const UNKNOWN_STAGE: &str = "WF0422";
    /// Approving or rejecting something that has no approval.
    pub const NOT_FINANCIAL: &str = "WF0423";
    /// A constant that the field cannot hold.
    pub const BAD_CONSTANT: &str = "WF0424";
    /// Settings that do nothing, or two things to one field.
    pub const NOTHING_TO_DO: &str = "WF0425";
    /// A list of recipients without a recipient.
    pub const NO_RECIPIENTS: &str = "WF0426";
    /// A language of the project that a text does not have.
    pub const MISSING_LANGUAGE: &str = "WF0427";
    /// A medium with recipients and no text.
    pub const MISSING_TEXT: &str = "WF0428";
    /// An account that takes no links as the project stands.
    pub const ACCOUNT_CLOSED: &str = "WF0429";
    /// A field that a workflow cannot write.
    pub const READ_ONLY_FIELD: &str = "WF0430";
    /// A header that a workflow cannot set.
    pub const BAD_HEADER: &str = "WF0431";
    /// A path into an answer that is not a JSON pointer.
    pub const BAD_POINTER: &str = "WF0432";
    /// A length of time that cannot be read, or is too long.
    pub const BAD_DURATION: &str = "WF0433";
    /// Something that the gateway of the account does not offer.
    pub const NOT_OFFERED: &str = "WF0434";
    /// No state makes the payment link that is meant, or more than one does.
    pub const NO_SUCH_LINK: &str = "WF0435";
    /// A constant is beyond what the gateway takes.
    pub const BEYOND_LIMIT: &str = "WF0436";

    /// Every code, in order.
    pub const ALL: [&str; 36] = [
        UNKNOWN_SETTING,
        WRONG_TYPE,
        MISSING_SETTING,
        UNKNOWN_WORD,
        NO_FINAL_AMOUNT,
        UNKNOWN_FIELD,
        FIELD_OF_WRONG_TYPE,
        UNKNOWN_ACCOUNT,
        CURRENCY_OF_ANOTHER_ACCOUNT,
        TEXT_WITHOUT_LINK,
        BAD_TOKEN,
        BAD_EXPRESSION,
        BAD_NUMBER,
        BAD_ADDRESS,
        BAD_MONEY,
        AMOUNT_NOT_POSITIVE,
        BAD_DAYS,
        BAD_DATE,
        LITERAL_SECRET,
        HOST_NOT_ALLOWED,
        BAD_URL,
        UNKNOWN_STAGE,
        NOT_FINANCIAL,
        BAD_CONSTANT,
        NOTHING_TO_DO,
        NO_RECIPIENTS,
        MISSING_LANGUAGE,
        MISSING_TEXT,
        ACCOUNT_CLOSED,
        READ_ONLY_FIELD,
        BAD_HEADER,
        BAD_POINTER,
        BAD_DURATION,
        NOT_OFFERED,
        NO_SUCH_LINK,
        BEYOND_LIMIT,
    ];
}
