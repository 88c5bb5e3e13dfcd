//! E-mail through SMTP.

mod letter;
mod settings;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use host::{Delivery, Destination, Error, Message, Messenger};
use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use values::{Secret, has_bidi_or_control};

use crate::error::SetupError;
use crate::{OPERATION, SecretsOf, digest};

use letter::{Letter, Sender};
pub use settings::{MailSettings, Tls};

/// A server that has taken a message gets this long for its good-bye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A channel for e-mail: one connection per message, so that it is known how far each one got.
pub struct MailOverSmtp {
    host: String,
    port: u16,
    tls: Tls,
    login: Option<(String, Secret)>,
    sender: Sender,
    hello: ClientId,
    timeout: Duration,
}

impl MailOverSmtp {
    /// A channel through this server.
    ///
    /// # Errors
    ///
    /// [`SetupError`] where the settings do not fit, as [`MailSettings::check`] says, and where
    /// the password is missing.
    pub fn new(
        settings: &MailSettings,
        secrets: SecretsOf<'_>,
    ) -> Result<MailOverSmtp, SetupError> {
        settings.check()?;
        let login = match (&settings.user, &settings.password) {
            (Some(user), Some(reference)) => {
                let secret = secrets(reference)
                    .ok_or_else(|| SetupError::SecretMissing(reference.clone()))?;
                Some((user.clone(), secret))
            }
            _ => None,
        };
        let sender = Sender::new(settings)?;
        Ok(MailOverSmtp {
            host: settings.host.clone(),
            port: settings.port(),
            tls: settings.tls,
            login,
            hello: ClientId::Domain(sender.domain().to_owned()),
            sender,
            timeout: settings.timeout()?,
        })
    }

    /// A connection on which the server waits for the content of a message.
    async fn connect(&self, to: Address) -> Result<AsyncSmtpConnection, Failure> {
        let tls = || TlsParameters::new(self.host.clone());
        let implicit = match self.tls {
            Tls::Implicit => Some(tls()?),
            Tls::Starttls | Tls::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            server,
            Some(self.timeout),
            &self.hello,
            implicit,
            None,
        )
        .await?;
        if self.tls == Tls::Starttls {
            connection.starttls(tls()?, &self.hello).await?;
        }
        if let Some((user, password)) = &self.login {
            let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
            let login = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            login.map_err(Failure::Login)?;
        }
        let from = self.sender.address().clone();
        connection
            .command(Mail::new(Some(from), Vec::new()))
            .await?;
        connection.command(Rcpt::new(to, Vec::new())).await?;
        connection.command(Data).await?;
        Ok(connection)
    }

    async fn deliver(&self, letter: Letter) -> Result<(), Error> {
        let before = tokio::time::timeout(self.timeout, self.connect(letter.to)).await;
        let mut connection = match before {
            Ok(Ok(connection)) => connection,
            Ok(Err(failure)) if failure.is_permanent() => {
                return Err(Error::rejected(OPERATION, self.words(&failure)));
            }
            // Without the content nothing can have been sent.
            Ok(Err(failure)) => {
                let words = format!("not sent: {}", self.words(&failure));
                return Err(Error::unavailable(OPERATION, words));
            }
            Err(_) => {
                return Err(Error::unavailable(OPERATION, "not sent: no answer in time"));
            }
        };
        let sent = tokio::time::timeout(self.timeout, connection.message(&letter.bytes)).await;
        match sent.map(|sent| sent.map_err(Failure::from)) {
            Ok(Ok(_)) => {
                // It is delivered whatever comes of this.
                let _ = tokio::time::timeout(GOODBYE, connection.quit()).await;
                Ok(())
            }
            Ok(Err(failure)) if failure.is_permanent() => {
                Err(Error::rejected(OPERATION, self.words(&failure)))
            }
            Ok(Err(failure)) if failure.is_transient() => {
                Err(Error::unavailable(OPERATION, self.words(&failure)))
            }
            Ok(Err(failure)) => {
                let words = format!("perhaps sent: {}", self.words(&failure));
                Err(Error::timeout(OPERATION, words))
            }
            Err(_) => Err(Error::timeout(OPERATION, "perhaps sent: no answer in time")),
        }
    }

    /// The server's words: without the password, on one line, and short.
    fn words(&self, failure: &Failure) -> String {
        let mut text = failure.to_string();
        if let Some((_, password)) = &self.login {
            text = text.replace(password.reveal(), "***");
        }
        let shown = |c: &char| has_bidi_or_control(c.encode_utf8(&mut [0; 4])).is_none();
        text.chars().filter(shown).take(200).collect()
    }
}

/// How a conversation fails.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// With the server's own words.
    #[error(transparent)]
    Smtp(#[from] lettre::transport::smtp::Error),
    /// In the login, whose words may repeat what was sent.
    #[error("the login failed{}", code(.0))]
    Login(#[source] lettre::transport::smtp::Error),
}

fn code(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!(" ({code})"),
        None => String::new(),
    }
}

impl Failure {
    fn error(&self) -> &lettre::transport::smtp::Error {
        match self {
            Failure::Smtp(error) | Failure::Login(error) => error,
        }
    }

    /// The server said no for good: a reply of 5xx.
    fn is_permanent(&self) -> bool {
        self.error().is_permanent()
    }

    /// The server said not now: a reply of 4xx.
    fn is_transient(&self) -> bool {
        self.error().is_transient()
    }
}

impl fmt::Debug for MailOverSmtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailOverSmtp")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Messenger for MailOverSmtp {
    /// Hands one letter to the server. A repeat carries the same `Message-ID`; whether the
    /// receiver then sees one letter or two is up to the servers on the way.
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, Error> {
        let Destination::Email(to) = &message.to else {
            return Err(Error::rejected(
                OPERATION,
                "a letter goes to an e-mail address",
            ));
        };
        let id = format!("<{}@{}>", digest::hex(key), self.sender.domain());
        let letter = self.sender.write(to, &id, message)?;
        self.deliver(letter).await?;
        Ok(Delivery {
            channel_ref: Some(id),
        })
    }
}
