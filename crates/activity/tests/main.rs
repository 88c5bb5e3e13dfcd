//! Activities seen from outside: settings in, outcomes out.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod catalog;
mod decode;
mod earlier_links;
mod fields;
mod gateway;
mod host_writes;
mod kit;
mod link_errors;
mod link_protocol;
mod link_settings;
mod link_table;
mod messages;
mod on_link;
mod services;
mod texts;
