//! Charkh runs the lifecycles of CRM items: workflows in YAML, kept durable, with payment links
//! that are made once whatever crashes.
//!
//! This is the front door: it holds no logic of its own and re-exports the rooms below it, so that
//! an embedding CRM depends on one crate. What a room does is written in the room.
//!
//! The names to know: [`Engine`] and its [`EngineBuilder`], [`Input`] and [`Reply`],
//! [`Host`] with the four contracts a CRM implements, [`Store`] with [`JournalStore`] and
//! [`MemoryStore`], and [`workflow_file::load`], which turns YAML into a definition.
//!
//! A plug beyond these: [`HttpPlug`] for outgoing HTTP (feature `http`, on by default), a
//! [`Gateway`] for payments, an [`Activity`] for automatic work. `examples/` shows each.

#[cfg(feature = "http")]
mod http_client;

pub use activity;
pub use engine;
pub use expression;
pub use host;
pub use messaging;
pub use payment;
pub use persistence;
pub use scenario;
pub use simulator;
pub use state_machine;
pub use transport;
pub use values;
pub use workflow_file;

/// For implementing the contracts, which are asynchronous traits.
pub use async_trait::async_trait;

pub use activity::{Account, Activity, Catalog};
pub use engine::{Clock, Engine, EngineBuilder, Error, Event, Input, Limits, Reply, SystemClock};
pub use host::{Host, MemoryHost, MemoryItem};
#[cfg(feature = "http")]
pub use http_client::{HttpPlug, HttpPlugError};
pub use payment::{Gateway, gateways::Sandbox};
pub use persistence::{JournalStore, MemoryStore, Store};
pub use state_machine::Definition;
pub use values::{ItemRef, Money, UserId};
pub use workflow_file::{Project, SourceFile};
