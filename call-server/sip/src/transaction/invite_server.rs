//! The answering side of an INVITE (RFC 3261 section 17.2.1 with the state Accepted of RFC 6026 section 7.1).

use super::{Acknowledged, Step, Transport};
use crate::timer::{Due, PATIENCE_MS, Repeat, T4_MS, forget_at};
use bytes::Bytes;

/// One INVITE being answered.
#[derive(Debug)]
pub(super) enum InviteServer {
    /// Not finally answered; the dialog above holds the deadline.
    Proceeding { last: Option<(u16, Bytes)> },
    /// Refused: repeated (timer G) until the ACK or until timer H.
    Completed { refusal: Bytes, repeat: Repeat },
    /// The ACK came; its repetitions are swallowed until timer I.
    Confirmed { until: u64 },
    /// A 2xx was sent: repetitions of the INVITE are swallowed until timer L, the dialog repeats the 2xx.
    Accepted { until: u64 },
}

impl InviteServer {
    pub(super) fn new() -> Self {
        Self::Proceeding { last: None }
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        match self {
            Self::Proceeding { .. } => None,
            Self::Completed { repeat, .. } => Some(repeat.deadline()),
            Self::Confirmed { until } | Self::Accepted { until } => Some(*until),
        }
    }

    /// Whether this very packet was the last provisional response, with this status.
    pub(super) fn last_sent_is(&self, status: u16, packet: &Bytes) -> bool {
        match self {
            Self::Proceeding { last: Some((last, response)) } => *last == status && response.as_ptr() == packet.as_ptr(),
            Self::Proceeding { last: None } | Self::Completed { .. } | Self::Confirmed { .. } | Self::Accepted { .. } => false,
        }
    }

    pub(super) fn repeated(self) -> Step<Self> {
        let send = match &self {
            Self::Proceeding { last } => last.as_ref().map(|(_, response)| response.clone()),
            Self::Completed { refusal, .. } => Some(refusal.clone()),
            Self::Confirmed { .. } | Self::Accepted { .. } => None,
        };
        Step { next: Some(self), send }
    }

    pub(super) fn respond(self, now: u64, status: u16, response: Bytes, transport: Transport) -> Step<Self> {
        match self {
            Self::Proceeding { .. } => match status {
                ..200 => Step::send(Self::Proceeding { last: Some((status, response.clone())) }, response),
                200..300 => Step::send(Self::Accepted { until: forget_at(now, PATIENCE_MS) }, response),
                300.. => {
                    let repeat = match transport {
                        Transport::Datagram => Repeat::new(now),
                        Transport::Stream | Transport::Secure => Repeat::never(now),
                    };
                    Step::send(Self::Completed { refusal: response.clone(), repeat }, response)
                }
            },
            Self::Completed { .. } | Self::Confirmed { .. } | Self::Accepted { .. } => Step::stay(self),
        }
    }

    pub(super) fn acknowledge(self, now: u64, transport: Transport) -> (Step<Self>, Acknowledged) {
        match self {
            Self::Completed { .. } => {
                (Step::stay(Self::Confirmed { until: forget_at(now, transport.wait(T4_MS)) }), Acknowledged::Transaction)
            }
            Self::Confirmed { .. } => (Step::stay(self), Acknowledged::Transaction),
            Self::Proceeding { .. } | Self::Accepted { .. } => (Step::stay(self), Acknowledged::Dialog),
        }
    }

    pub(super) fn timeout(self, now: u64) -> Step<Self> {
        match self {
            Self::Proceeding { .. } => Step::stay(self),
            Self::Completed { refusal, mut repeat } => match repeat.step(now) {
                Due::NotYet => Step::stay(Self::Completed { refusal, repeat }),
                Due::Resend => Step::send(Self::Completed { refusal: refusal.clone(), repeat }, refusal),
                Due::GiveUp => Step::over(),
            },
            Self::Confirmed { until } | Self::Accepted { until } if until > now => Step::stay(self),
            Self::Confirmed { .. } | Self::Accepted { .. } => Step::over(),
        }
    }
}
