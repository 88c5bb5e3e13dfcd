//! Simulated providers against the adapters.

mod pod;
mod script;
mod sizpay;
