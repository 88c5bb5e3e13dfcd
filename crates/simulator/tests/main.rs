//! Simulated providers against the adapters.

mod pod;
mod robokassa;
mod script;
mod sizpay;
