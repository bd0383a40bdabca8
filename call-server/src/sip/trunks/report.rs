//! What an operator is told of trunks: their state, and the result of a test.

use serde::{Deserialize, Serialize};
use shared::model::TrunkId;

/// One trunk now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrunkStatus {
    /// Its id.
    pub(crate) id: TrunkId,
    /// Its name.
    pub(crate) name: String,
    /// In one word.
    pub(crate) state: TrunkState,
    /// Calls that came in over it and live.
    pub(crate) calls_in: u32,
    /// Calls of ours over it.
    pub(crate) calls_out: u32,
    /// Most of the first.
    pub(crate) max_in: Option<u32>,
    /// Most of the second.
    pub(crate) max_out: Option<u32>,
    /// Its registration, if it has one.
    pub(crate) registration: Option<RegistrationStatus>,
    /// Its targets, in the order of the configuration.
    pub(crate) targets: Vec<TargetStatus>,
    /// What went wrong last.
    pub(crate) last_error: Option<LastError>,
}

/// A trunk in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrunkState {
    /// Registered, if it has to be, and at least one target answers.
    Up,
    /// Not registered, or no target answers.
    Down,
    /// Nothing is known: it is not watched, or not asked yet.
    Unknown,
}

/// A registration now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegistrationStatus {
    /// Whether the carrier knows where we are.
    pub(crate) registered: bool,
    /// For how much longer, in s.
    pub(crate) expires_in_s: Option<u64>,
    /// When it is asked next, in s; `None` while an answer is awaited.
    pub(crate) next_try_in_s: Option<u64>,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// Why it failed last.
    pub(crate) error: Option<String>,
}

/// A target now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TargetStatus {
    /// As configured.
    pub(crate) uri: String,
    /// Whether it answers.
    pub(crate) state: TrunkState,
    /// Where it is, such as `udp:192.0.2.10:5060`.
    pub(crate) address: Option<String>,
    /// How long its last answer took, in ms.
    pub(crate) latency_ms: Option<u64>,
    /// Status code of its last answer.
    pub(crate) status: Option<u16>,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastError {
    /// What.
    pub(crate) what: String,
    /// How long ago, in s.
    pub(crate) ago_s: u64,
}

/// What is wished of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TestWish {
    /// The trunk's name.
    pub(crate) trunk: String,
    /// A number to call over it: it rings, nothing is said, and it is hung up as soon as somebody answers.
    pub(crate) dial: Option<String>,
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct TestReport {
    /// Every part went well.
    pub(crate) passed: bool,
    /// OPTIONS to each target.
    pub(crate) targets: Vec<TargetResult>,
    /// The registration, made anew; `None` if the trunk has none.
    pub(crate) registration: Option<StepResult>,
    /// The call, if one was wished.
    pub(crate) call: Option<CallResult>,
}

/// OPTIONS to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TargetResult {
    /// As configured.
    pub(crate) uri: String,
    /// Where it is.
    pub(crate) address: Option<String>,
    /// What came of it.
    #[serde(flatten)]
    pub(crate) result: StepResult,
}

/// One step of a test.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct StepResult {
    /// Whether it went well.
    pub(crate) passed: bool,
    /// Status code of the answer.
    pub(crate) status: Option<u16>,
    /// How long it took, in ms.
    pub(crate) took_ms: u64,
    /// Why it failed.
    pub(crate) error: Option<String>,
}

/// A test call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct CallResult {
    /// Whether somebody answered.
    pub(crate) answered: bool,
    /// Everywhere it was tried, in order.
    pub(crate) attempts: Vec<AttemptResult>,
}

/// One attempt of a test call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptResult {
    /// Where.
    pub(crate) target: String,
    /// Over what.
    pub(crate) address: String,
    /// Final status, 200 if answered; `None` if nothing came.
    pub(crate) status: Option<u16>,
    /// First ringing or early media, in ms.
    pub(crate) ringing_ms: Option<u64>,
    /// Until the end of the attempt, in ms.
    pub(crate) took_ms: u64,
    /// Credentials were asked for and given.
    pub(crate) authenticated: bool,
    /// The voice was to be encrypted.
    pub(crate) encrypted: bool,
}
