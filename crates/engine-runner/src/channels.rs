//! Which channel a message leaves by.

use std::sync::Arc;

use charkh::host::{Medium, Messenger};
use charkh::messaging::{ByMedium, MailOverSmtp, SetupError, SmsOverHttp};
use charkh::workflow_file::{Channel, Reach};

use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::outbox::Outbox;
use crate::wiring::plug;

/// The channels of the project file. On a clock that jumps everything stays in the outbox: nobody
/// gets a real message about a day that has not come.
pub(crate) fn messenger(
    config: &Config,
    outbox: Outbox,
    is_virtual: bool,
) -> Outcome<Arc<dyn Messenger>> {
    let outbox: Arc<dyn Messenger> = Arc::new(outbox);
    if is_virtual {
        return Ok(outbox);
    }
    Ok(Arc::new(ByMedium {
        sms: channel(config, Medium::Sms, &outbox)?,
        email: channel(config, Medium::Email, &outbox)?,
    }))
}

fn channel(
    config: &Config,
    medium: Medium,
    outbox: &Arc<dyn Messenger>,
) -> Outcome<Arc<dyn Messenger>> {
    let read = config.secrets();
    let unfit = |error: SetupError| unfit(medium, &error);
    Ok(match config.project.messages.get(&medium) {
        None | Some(Channel::Outbox) => outbox.clone(),
        Some(Channel::Http(settings)) => {
            let reach = if settings.is_loopback() {
                Reach::Loopback
            } else {
                Reach::Public
            };
            let client = Arc::new(plug(reach)?);
            Arc::new(SmsOverHttp::new(settings, read.as_ref(), client).map_err(unfit)?)
        }
        Some(Channel::Smtp(settings)) => {
            Arc::new(MailOverSmtp::new(settings, read.as_ref()).map_err(unfit)?)
        }
    })
}

fn unfit(medium: Medium, error: &SetupError) -> Failure {
    let message = format!("messages by {}: {error}", medium.name());
    match error {
        SetupError::SecretMissing(_) => Failure::new(Exit::Failed, "secret_missing", message)
            .help("set the variable, or write the file, before the program starts"),
        // The project file has been checked, so this is about the machine.
        _ => Failure::new(Exit::Invalid, "WF0509", message),
    }
}
