//! What a citizen is to do, and what came of it: plain values, no socket.

use crate::deed::{Act, Done, Fault};
use crate::proof::Credentials;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One call, planned.
#[derive(Debug, Clone)]
pub struct CallPlan {
    /// SIP address of the far end, UDP.
    pub server: SocketAddr,
    /// Own address for SIP and RTP; the ports are the system's choice.
    pub bind: IpAddr,
    /// Calling number; `None` is a withheld number (RFC 3323 style `anonymous@anonymous.invalid`).
    pub from: Option<String>,
    /// Dialled number.
    pub to: String,
    /// What is said.
    pub speech: Speech,
    /// Hears as a loudspeaker would play it, through a jitter buffer and beat by beat with what is said, instead of as it was sent.
    pub played: bool,
    /// Where what was heard goes: PCM16, 8 kHz, mono; written when the call is over.
    pub record: Option<PathBuf>,
    /// Who we are, if the far end asks for proof.
    pub credentials: Option<Credentials>,
    /// What is done in the call, beside talking.
    pub acts: Vec<Act>,
    /// Misbehaviour on purpose.
    pub fault: Option<Fault>,
    /// How the call ends.
    pub ending: Ending,
    /// What is never exceeded.
    pub limits: Limits,
}

impl CallPlan {
    /// A silent call from 13912345678 that waits for the far end to hang up.
    #[must_use]
    pub fn new(server: SocketAddr, to: &str) -> Self {
        Self {
            server,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            from: Some("13912345678".to_owned()),
            to: to.to_owned(),
            speech: Speech::Silence,
            played: false,
            record: None,
            credentials: None,
            acts: Vec::new(),
            fault: None,
            ending: Ending::FarEnd,
            limits: Limits::default(),
        }
    }
}

/// What a citizen says: mono samples at 8 kHz.
#[derive(Debug, Clone)]
pub enum Speech {
    /// Nothing: packets of silence.
    Silence,
    /// Once from the answer on, then silence.
    Once(Arc<[i16]>),
    /// Again and again.
    Looped(Arc<[i16]>),
}

impl Speech {
    /// Sample `position` of the speech, counted from the answer.
    #[must_use]
    pub fn sample(&self, position: usize) -> i16 {
        match self {
            Self::Silence => 0,
            Self::Once(samples) => samples.get(position).copied().unwrap_or(0),
            Self::Looped(samples) => position.checked_rem(samples.len()).map_or(0, |at| samples[at]),
        }
    }
}

/// How a call is meant to end. Whatever is planned, the far end may end it earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The citizen hangs up this long after the answer.
    HangUpAfter(Duration),
    /// The citizen waits for the far end.
    FarEnd,
    /// The citizen gives up this long after dialling if nobody has answered by then, and waits for the far end otherwise.
    CancelAfter(Duration),
}

/// What is never exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From dialling to the answer; then the citizen cancels.
    pub answer: Duration,
    /// From the answer to the end; then the citizen hangs up.
    pub talk: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { answer: Duration::from_secs(60), talk: Duration::from_secs(3600) }
    }
}

/// What came of a call. Times are in ms from dialling unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallReport {
    /// In one word.
    pub outcome: Outcome,
    /// Last final status of the INVITE, if there was one.
    pub status: Option<u16>,
    /// First 180 or 183.
    pub ringing_ms: Option<u64>,
    /// The 200.
    pub answered_ms: Option<u64>,
    /// From the 200 to the hang-up.
    pub talk_ms: Option<u64>,
    /// Whoever ended an answered call.
    pub ended_by: Option<EndedBy>,
    /// What became of the acts, in the order of their ends.
    pub done: Vec<Done>,
    /// What the far end said to misbehaviour: statuses of BYE and CANCEL.
    pub odd_statuses: Vec<u16>,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// Packets between the first and the last received that are missing.
    pub packets_lost: u64,
    /// Mean deviation of their arrival, in ms (RFC 3550 section 6.4.1).
    pub jitter_ms: f32,
    /// Level of all that was heard, RMS relative to full scale; `None` if nothing or digital silence.
    pub heard_dbfs: Option<f32>,
    /// What was heard, placed by RTP timestamp; sample 0 is the moment of the answer (or of early media). If it was `played`, sample 0
    /// belongs to the beat in which the first sample was said.
    #[serde(skip)]
    pub heard: Vec<i16>,
}

/// A call in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There was a connection, and it ended in order.
    Answered,
    /// The far end refused; the status says why.
    Refused,
    /// The citizen gave up before the answer.
    Cancelled,
    /// Nothing at all came back, or nobody listens there.
    NoResponse,
    /// There was a connection, but the far end did not acknowledge the hang-up, or its answer could not be used.
    Broken,
}

/// Whoever hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// This phone.
    Citizen,
    /// The other one.
    FarEnd,
}

/// Why a call could not even be tried.
#[derive(Debug, thiserror::Error)]
pub enum CitizenError {
    /// No socket on the wanted address.
    #[error("cannot use {address} for SIP or RTP: {source}")]
    Bind {
        /// The address.
        address: IpAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A speech file that cannot be spoken.
    #[error("cannot speak {path}: {reason}")]
    Speech {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A recording that cannot be written.
    #[error("cannot write the recording {path}: {reason}")]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A number that fits in no SIP address.
    #[error("a number has only digits, +, * and #, not {0:?}")]
    Number(String),
}

#[cfg(test)]
mod tests {
    use super::Speech;

    #[test]
    fn speech_is_followed_by_silence_unless_it_is_looped() {
        let samples: std::sync::Arc<[i16]> = [1, 2, 3].into();
        assert_eq!((0..5).map(|at| Speech::Once(samples.clone()).sample(at)).collect::<Vec<_>>(), [1, 2, 3, 0, 0]);
        assert_eq!((0..5).map(|at| Speech::Looped(samples.clone()).sample(at)).collect::<Vec<_>>(), [1, 2, 3, 1, 2]);
        assert_eq!(Speech::Looped([].into()).sample(7), 0);
    }
}
