//! The answering side of everything but INVITE (RFC 3261 section 17.2.2).

use super::{Step, Transport};
use crate::timer::{PATIENCE_MS, forget_at};
use bytes::Bytes;

/// One request being answered. Trying lasts as long as the dialog above thinks, which holds the deadline.
#[derive(Debug)]
pub(super) enum PlainServer {
    /// Not answered yet.
    Trying,
    /// Answered; repetitions get the same answer until timer J.
    Completed { response: Bytes, until: u64 },
}

impl PlainServer {
    pub(super) fn new() -> Self {
        Self::Trying
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        match self {
            Self::Trying => None,
            Self::Completed { until, .. } => Some(*until),
        }
    }

    pub(super) fn repeated(self) -> Step<Self> {
        let send = match &self {
            Self::Trying => None,
            Self::Completed { response, .. } => Some(response.clone()),
        };
        Step { next: Some(self), send }
    }

    pub(super) fn respond(self, now: u64, status: u16, response: Bytes, transport: Transport) -> Step<Self> {
        match self {
            Self::Trying if status >= 200 => {
                let until = forget_at(now, transport.wait(PATIENCE_MS));
                Step::send(Self::Completed { response: response.clone(), until }, response)
            }
            Self::Trying => Step::send(self, response),
            Self::Completed { .. } => Step::stay(self),
        }
    }

    pub(super) fn timeout(self, now: u64) -> Step<Self> {
        match self {
            Self::Completed { until, .. } if until <= now => Step::over(),
            Self::Trying | Self::Completed { .. } => Step::stay(self),
        }
    }
}
