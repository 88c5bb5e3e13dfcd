//! SMS through a provider's HTTP interface.

mod answer;
mod settings;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use host::{Delivery, Destination, Error, Message, Messenger};
use transport::{HttpClient, HttpRequest};
use values::{Mobile, TimeDelta, has_bidi_or_control};

use crate::error::SetupError;
use crate::parts::Parts;
use crate::template::{Filling, JsonTemplate, Template, percent};
use crate::{OPERATION, SecretsOf};

use answer::Judge;
pub use settings::{Accepted, Method, Numbers, SmsSettings, Unclear};

/// A longer answer of a provider is no answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A channel for SMS: one HTTP request per message, as the settings say.
pub struct SmsOverHttp {
    client: Arc<dyn HttpClient>,
    recipe: Recipe,
}

/// The settings, read and with their secrets.
pub(crate) struct Recipe {
    method: Method,
    url: Template,
    headers: Vec<(String, Template)>,
    body: Body,
    numbers: Numbers,
    parts_max: usize,
    timeout: TimeDelta,
    judge: Judge,
}

/// What a request carries.
pub(crate) enum Body {
    Nothing,
    Json(JsonTemplate),
    Form(Vec<(String, Template)>),
}

impl SmsOverHttp {
    /// A channel that sends through this client.
    ///
    /// # Errors
    ///
    /// [`SetupError`] where the settings do not fit, as [`SmsSettings::check`] says, and where a
    /// secret is missing.
    pub fn new(
        settings: &SmsSettings,
        secrets: SecretsOf<'_>,
        client: Arc<dyn HttpClient>,
    ) -> Result<SmsOverHttp, SetupError> {
        Ok(SmsOverHttp {
            client,
            recipe: settings.recipe(&|reference| secrets(reference))?,
        })
    }

    /// The request for a message; what is wrong with the message shows here.
    fn request(&self, key: &str, message: &Message) -> Result<HttpRequest, Error> {
        let refused = |what: &str| Error::rejected(OPERATION, what);
        let Destination::Mobile(mobile) = &message.to else {
            return Err(refused("an SMS goes to a mobile number"));
        };
        let recipe = &self.recipe;
        let parts = Parts::of(&message.body).count;
        if parts == 0 {
            return Err(refused("the text is empty"));
        }
        if parts > recipe.parts_max {
            let max = recipe.parts_max;
            return Err(refused(&format!(
                "the text takes {parts} parts, at most {max} are sent"
            )));
        }
        if has_bidi_or_control(key).is_some() || !key.is_ascii() {
            return Err(refused("the key has characters that no header takes"));
        }
        let number = recipe.numbers.write(mobile);
        let filling = Filling {
            to: &number,
            text: &message.body,
            key,
        };
        let mut headers: Vec<(String, String)> = recipe
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.fill(filling, str::to_owned)))
            .collect();
        let body = match &recipe.body {
            Body::Nothing => Vec::new(),
            Body::Json(json) => {
                content_type(&mut headers, "application/json; charset=utf-8");
                json.fill(filling).to_string().into_bytes()
            }
            Body::Form(fields) => {
                content_type(
                    &mut headers,
                    "application/x-www-form-urlencoded; charset=utf-8",
                );
                let pair = |(name, value): &(String, Template)| {
                    let value = value.fill(filling, str::to_owned);
                    format!("{}={}", percent(name), percent(&value))
                };
                let pairs: Vec<String> = fields.iter().map(pair).collect();
                pairs.join("&").into_bytes()
            }
        };
        Ok(HttpRequest {
            method: recipe.method.name().to_owned(),
            url: recipe.url.fill(filling, percent),
            headers,
            body,
            timeout: recipe.timeout,
            response_bytes_max: ANSWER_BYTES_MAX,
        })
    }
}

fn content_type(headers: &mut Vec<(String, String)>, kind: &str) {
    let named = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
    if !headers.iter().any(named) {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
}

impl Numbers {
    /// A number in this form.
    fn write(self, mobile: &Mobile) -> String {
        let number = mobile.as_str();
        let digits = number.trim_start_matches('+');
        match self {
            Numbers::E164 => number.to_owned(),
            Numbers::Digits => digits.to_owned(),
            Numbers::National => match (digits.strip_prefix("98"), digits.strip_prefix('7')) {
                (Some(rest), _) => format!("0{rest}"),
                (None, Some(rest)) => format!("8{rest}"),
                // Of other countries the national form is not known.
                (None, None) => number.to_owned(),
            },
        }
    }
}

impl fmt::Debug for SmsOverHttp {
    /// Without address, headers and body: secrets may stand in each of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsOverHttp")
            .field("method", &self.recipe.method)
            .field("numbers", &self.recipe.numbers)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Messenger for SmsOverHttp {
    /// Sends one request. A repeat sends the same request with the same key; whether that sends a
    /// second SMS is up to the provider.
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, Error> {
        let request = self.request(key, message)?;
        match self.client.send(&request).await {
            Ok(response) => self.recipe.judge.answered(&response),
            Err(error) => Err(self.recipe.judge.failed(&error)),
        }
    }
}
