//! The asking side of everything but INVITE (RFC 3261 section 17.1.2).

use super::{ClientEvent, Step};
use crate::timer::{Due, Repeat, T4_MS};
use bytes::Bytes;

/// One request of ours.
#[derive(Debug)]
pub(super) enum Client {
    /// Repeated (timer E, first after T1) until answered or until timer F; `Trying` and `Proceeding` differ in the interval alone.
    Asking { owner: u64, packet: Bytes, repeat: Repeat },
    /// Answered; repetitions of the answer are swallowed until timer K.
    Completed { until: u64 },
}

impl Client {
    pub(super) fn new(now: u64, owner: u64, packet: Bytes) -> Self {
        Self::Asking { owner, packet, repeat: Repeat::new(now) }
    }

    pub(super) fn deadline(&self) -> u64 {
        match self {
            Self::Asking { repeat, .. } => repeat.deadline(),
            Self::Completed { until } => *until,
        }
    }

    pub(super) fn receive(self, now: u64, status: u16) -> (Step<Self>, Option<ClientEvent>) {
        match self {
            Self::Asking { owner, packet, repeat } if status < 200 => {
                (Step::stay(Self::Asking { owner, packet, repeat: repeat.slowed() }), None)
            }
            Self::Asking { owner, .. } => {
                (Step::stay(Self::Completed { until: now.saturating_add(T4_MS) }), Some(ClientEvent::Answered { owner, status }))
            }
            Self::Completed { .. } => (Step::stay(self), None),
        }
    }

    pub(super) fn timeout(self, now: u64) -> (Step<Self>, Option<ClientEvent>) {
        match self {
            Self::Asking { owner, packet, mut repeat } => match repeat.step(now) {
                Due::NotYet => (Step::stay(Self::Asking { owner, packet, repeat }), None),
                Due::Resend => (Step::send(Self::Asking { owner, packet: packet.clone(), repeat }, packet), None),
                Due::GiveUp => (Step::over(), Some(ClientEvent::TimedOut { owner })),
            },
            Self::Completed { until } if until <= now => (Step::over(), None),
            Self::Completed { .. } => (Step::stay(self), None),
        }
    }
}
