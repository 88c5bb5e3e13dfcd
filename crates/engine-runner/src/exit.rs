//! How the program ends: exit codes, and errors as people see them.

use std::fmt::Write as _;
use std::process::ExitCode;

use charkh::engine::{Error, RetryClass};
use charkh::persistence::{self, ErrorKind};
use owo_colors::OwoColorize as _;

use crate::output;

/// Exit codes. They are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// It ran, and tests failed, or books differ.
    TestsFailed = 1,
    /// A file is wrong.
    Invalid = 2,
    /// The command line is wrong.
    Usage = 3,
    /// There is nothing to do.
    Nothing = 4,
    /// The store, a gateway or the network failed.
    Failed = 5,
    /// It is not allowed now: a permission, a guard, a locked store.
    Refused = 6,
    /// A mistake of this program.
    Bug = 70,
    /// Stopped by the user.
    Interrupted = 130,
}

/// Why a command stops early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Everything is said already; only the exit code is left.
    Said(Exit),
    /// Something to tell.
    Error(Box<Told>),
}

/// An error as it is shown.
#[derive(Debug)]
pub(crate) struct Told {
    exit: Exit,
    code: String,
    message: String,
    help: Option<String>,
}

/// What commands give back.
pub(crate) type Outcome<T = Exit> = Result<T, Failure>;

impl Failure {
    /// An error with a stable code.
    pub(crate) fn new(exit: Exit, code: &str, message: impl Into<String>) -> Failure {
        let told = Told {
            exit,
            code: code.to_owned(),
            message: message.into(),
            help: None,
        };
        Failure::Error(Box::new(told))
    }

    /// A mistake in how the command was called.
    pub(crate) fn usage(code: &str, message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, code, message)
    }

    /// With advice.
    pub(crate) fn help(self, help: impl Into<String>) -> Failure {
        match self {
            Failure::Error(told) => Failure::Error(Box::new(Told {
                help: Some(help.into()),
                ..*told
            })),
            said @ Failure::Said(_) => said,
        }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Said(exit) => *exit,
            Failure::Error(told) => told.exit,
        }
    }

    /// The error as text, with colours; empty when everything is said.
    pub(crate) fn text(&self) -> String {
        let Failure::Error(told) = self else {
            return String::new();
        };
        let mut text = String::new();
        let head = format!("error[{}]", told.code);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}: {}",
            head.bright_red().bold(),
            told.message.bold()
        );
        if let Some(help) = &told.help {
            let _ = writeln!(text, "  {} {help}", "= help:".bright_cyan().bold());
        }
        text
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(Exit::Failed, "io", error.to_string())
    }
}

impl From<persistence::Error> for Failure {
    fn from(error: persistence::Error) -> Failure {
        let (exit, code) = match error.kind() {
            ErrorKind::Locked { .. } => (Exit::Refused, "store_locked"),
            ErrorKind::Newer { .. } => (Exit::Failed, "store_newer"),
            ErrorKind::Corrupt { .. } => (Exit::Failed, "store_damaged"),
            ErrorKind::Full => (Exit::Failed, "disk_full"),
            _ => (Exit::Failed, "store"),
        };
        Failure::new(exit, code, error.to_string())
            .help(format!("`engine-runner explain {code}` says more"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let exit = match &error {
            Error::Store(store) => return store.clone().into(),
            Error::Rejected(_)
            | Error::WrongRevision { .. }
            | Error::InputReused { .. }
            | Error::NoUser(_)
            | Error::Refused { .. } => Exit::Refused,
            Error::NotStarted(_) | Error::NoItem(_) | Error::NoLink(_) => Exit::Nothing,
            Error::NoWorkflow(_) | Error::WrongEntity { .. } | Error::Limit { .. } => Exit::Usage,
            Error::Definition { .. } => Exit::Invalid,
            Error::Record { .. } | Error::Invariant(_) => Exit::Bug,
            _ => Exit::Failed,
        };
        let failure = Failure::new(exit, error.code(), error.to_string());
        match (exit, error.retry()) {
            (Exit::Bug, _) => failure.help(REPORT),
            (_, RetryClass::Later) => failure.help("the same call may go through later"),
            _ => failure,
        }
    }
}

/// What to do about a mistake of this program.
const REPORT: &str = "this is a mistake of the program: please report it with the command";

/// Runs the program; a panic becomes exit code 70.
pub(crate) fn guarded(run: fn() -> Outcome) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        output::complain(&format!("internal error: {panic}\n  = help: {REPORT}\n"));
    }));
    let exit = match std::panic::catch_unwind(run) {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            output::complain(&failure.text());
            failure.exit()
        }
        Err(_) => Exit::Bug,
    };
    ExitCode::from(exit as u8)
}
