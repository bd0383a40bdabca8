//! The asking side of everything but INVITE (RFC 3261 section 17.1.2).

use super::{Step, Transport};
use crate::message::Response;
use crate::timer::{Due, Repeat, T4_MS, forget_at};
use bytes::Bytes;

/// One request of ours.
#[derive(Debug)]
pub(super) enum Client {
    /// Repeated (timer E, first after T1) until answered or until timer F; `Trying` and `Proceeding` differ in the interval alone.
    Asking { packet: Bytes, repeat: Repeat },
    /// Answered; repetitions of the answer are swallowed until timer K.
    Completed { until: u64 },
}

impl Client {
    pub(super) fn new(now: u64, packet: Bytes, transport: Transport) -> Self {
        let repeat = match transport {
            Transport::Datagram => Repeat::new(now),
            Transport::Stream | Transport::Secure => Repeat::never(now),
        };
        Self::Asking { packet, repeat }
    }

    pub(super) fn deadline(&self) -> u64 {
        match self {
            Self::Asking { repeat, .. } => repeat.deadline(),
            Self::Completed { until } => *until,
        }
    }

    /// Whether there is no final answer yet.
    pub(super) fn is_unheard(&self) -> bool {
        match self {
            Self::Asking { .. } => true,
            Self::Completed { .. } => false,
        }
    }

    /// The next step, and whether the owner is to hear of the response.
    pub(super) fn receive(self, now: u64, response: &Response, transport: Transport) -> (Step<Self>, bool) {
        match self {
            Self::Asking { packet, repeat } if response.status() < 200 => {
                (Step::stay(Self::Asking { packet, repeat: repeat.slowed() }), false)
            }
            Self::Asking { .. } => (Step::stay(Self::Completed { until: forget_at(now, transport.wait(T4_MS)) }), true),
            Self::Completed { .. } => (Step::stay(self), false),
        }
    }

    /// The next step, and whether nobody answered.
    pub(super) fn timeout(self, now: u64) -> (Step<Self>, bool) {
        match self {
            Self::Asking { packet, mut repeat } => match repeat.step(now) {
                Due::NotYet => (Step::stay(Self::Asking { packet, repeat }), false),
                Due::Resend => (Step::send(Self::Asking { packet: packet.clone(), repeat }, packet), false),
                Due::GiveUp => (Step::over(), true),
            },
            Self::Completed { until } if until <= now => (Step::over(), false),
            Self::Completed { .. } => (Step::stay(self), false),
        }
    }
}
