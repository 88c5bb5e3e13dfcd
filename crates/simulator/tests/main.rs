//! Simulated providers against the adapters.

mod script;
mod sizpay;
