//! Trunks in operation: registrations that are kept, targets that are watched, calls that are placed over them.
//!
//! [`Lines`] decides what to ask whom and when; the edge lends it the endpoints and asks the name service for it.

mod dial;
mod line;
mod lines;
mod nat;
mod placing;
mod registration;
mod report;
mod settings;
mod silent;

pub(super) use dial::Told;
pub(super) use lines::{Lines, TestReply};
pub(super) use nat::as_seen;
pub(super) use placing::PhonePlace;
pub(crate) use report::{AttemptResult, CallResult, StepResult, TestReport, TestWish, TrunkState, TrunkStatus};
pub(crate) use settings::{CarrierSettings, RegistrationSettings};

use super::destination::Destination;
use sip_core::{CallKey, Endpoint};
use std::net::IpAddr;

/// A call of one path's endpoint.
pub(super) type PathCall = (usize, CallKey);

/// The ways out: which endpoint reaches a destination.
pub(super) trait Ways {
    /// The path over which a destination is reached, ready to be used; `None` if there is none.
    fn way(&mut self, to: &Destination) -> Option<usize>;

    /// The address of ours from which packets go there now.
    fn local(&mut self, to: &Destination) -> Option<IpAddr>;

    /// The endpoint of a path.
    fn endpoint(&mut self, path: usize) -> Option<&mut Endpoint>;
}

/// A random number; without randomness in the system a constant one, which costs spread and nothing else.
fn chance() -> u64 {
    getrandom::u64().unwrap_or(0)
}

/// A random token of 128 bits.
fn token() -> String {
    format!("{:016x}{:016x}", chance(), chance())
}
