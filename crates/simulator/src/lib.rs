//! Payment providers played in process: each speaks its real wire protocol, keeps a ledger of its
//! own, has a small pay page, and fails as its script says.
//!
//! It is not a mock: it never looks at what the caller wants to see, it checks signatures and
//! limits as the provider does, and its ledger is what a test compares ours with. Time is handed in.
//!
//! The names to know: [`Provider`] is one simulated provider, [`Faults`] what goes wrong,
//! [`LedgerLine`] what really happened, [`SimulatedClient`] the plug that sends an adapter's
//! requests here instead of to the network.

mod client;
mod faults;
mod ledger;
pub mod pod;
pub mod robokassa;
pub mod sizpay;

use transport::{HttpRequest, HttpResponse};
use values::Timestamp;

pub use client::{Moment, SimulatedClient};
pub use faults::{Fault, FaultRule, Faults};
pub use ledger::{LedgerLine, LinkState};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An answer.
    Reply(HttpResponse),
    /// An answer that comes so slowly: bytes per second.
    Slow(HttpResponse, u32),
    /// The connection ends without an answer, before or after the provider has acted.
    Dropped,
    /// The connection is refused: no byte was read.
    Unreachable,
}

/// One simulated provider, with its accounts, links and customers.
pub trait Provider: Send + Sync {
    /// The word of its gateway, such as `robokassa`.
    fn name(&self) -> &'static str;

    /// Takes a request of the merchant, or of a customer on the pay page.
    fn answer(&self, now: Timestamp, request: &HttpRequest) -> Answer;

    /// When it calls the merchant next.
    fn next_call_at(&self) -> Option<Timestamp>;

    /// Its calls to the merchant due by `now`, each as often as its script says.
    fn take_calls(&self, now: Timestamp) -> Vec<HttpRequest>;

    /// Hears what the merchant answered to one of its calls: it may call again.
    fn hear(&self, now: Timestamp, call: &HttpRequest, response: &HttpResponse);

    /// Every link it has ever made, oldest first.
    fn ledger(&self, now: Timestamp) -> Vec<LedgerLine>;

    /// A customer pays a link by the URL of its pay page, as a person with a browser would; the
    /// refusal in words where the page does not let them.
    ///
    /// # Errors
    ///
    /// What the page says when it takes no payment.
    fn pay(&self, now: Timestamp, url: &str) -> Result<(), String>;
}
