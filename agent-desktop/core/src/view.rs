//! What the screens show: plain data, computed by the session, never guessed by a widget.

use crate::LinkFailure;
use shared::model::{AgentId, AgentState, Desk, Refusal};
use shared::wire::{SignInRefusal, SignOutReason};

/// All that a screen may show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// The connection.
    pub link: LinkState,
    /// Why the last sign-in did not succeed.
    pub problem: Option<SignInProblem>,
    /// Who is signed in.
    pub me: Option<Me>,
    /// The desk as the server last told it.
    pub desk: Option<Desk>,
    /// Server's wall clock minus the skin's monotonic clock, in ms: `server now = monotonic + offset`.
    pub clock_offset_ms: i64,
    /// A wish was sent and not yet answered: its button shows "asked".
    pub asked: bool,
    /// The last wish that the server refused.
    pub refusal: Option<Refusal>,
    /// The voice path.
    pub voice: VoiceStatus,
    /// Round trip of the last heartbeat, in ms.
    pub round_trip_ms: Option<u32>,
}

/// The connection to the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LinkState {
    /// Nothing wanted.
    #[default]
    SignedOut,
    /// On the way in.
    SigningIn,
    /// The server's certificate needs a person's yes.
    ConfirmCertificate {
        /// SHA-256.
        fingerprint: String,
    },
    /// Signed in, socket open.
    Online,
    /// Signed in, socket broken; calls and audio go on.
    Reconnecting {
        /// Tries so far.
        attempt: u32,
        /// Since when (the skin's monotonic clock, ms).
        since: u64,
    },
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// Identity.
    pub agent: AgentId,
    /// Staff number.
    pub number: String,
    /// Name.
    pub name: String,
}

/// Why a sign-in did not succeed, or a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInProblem {
    /// The server said no.
    Refused(SignInRefusal),
    /// The server could not be reached or is not ours.
    Link(LinkFailure),
    /// The session was ended by the server.
    SignedOut(SignOutReason),
}

/// The voice path, as the audio room reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VoiceStatus {
    /// Name of the headset or file in use; `None` if there is no sound device.
    pub device: Option<String>,
    /// What is wrong with microphone or loudspeaker.
    pub device_problem: Option<DeviceProblem>,
    /// Packets of the server arrive.
    pub receiving: bool,
    /// Microphone level, 0 to 100.
    pub microphone_level: u8,
    /// Loudspeaker level, 0 to 100.
    pub speaker_level: u8,
    /// Lost packets in the last interval, per mille.
    pub loss_permille: u16,
}

/// What is wrong with a sound device. The screens have one sentence per language for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceProblem {
    /// It is being opened, for the first time or after a break; nothing to worry about yet.
    Opening,
    /// None is plugged in, or not the one that was chosen.
    Missing,
    /// It does not run at 48 kHz.
    NoFormat,
    /// It stopped delivering or taking sound.
    Stopped,
    /// The sound system does not answer any more: only a restart of the program helps.
    Hanging,
    /// The program was started without one.
    NotChosen,
    /// The system's own words.
    Failed(String),
}

impl View {
    /// The agent's state, if signed in.
    #[must_use]
    pub fn state(&self) -> Option<AgentState> {
        self.desk.as_ref().map(|desk| desk.state)
    }

    fn online(&self) -> bool {
        self.link == LinkState::Online && !self.asked
    }

    /// 接听 and 拒接 are possible.
    #[must_use]
    pub fn can_answer(&self) -> bool {
        self.online() && self.desk.as_ref().is_some_and(|desk| desk.offer.is_some())
    }

    /// 挂断 is possible.
    #[must_use]
    pub fn can_hang_up(&self) -> bool {
        self.online() && self.desk.as_ref().is_some_and(|desk| desk.call.is_some())
    }

    /// 示闲 is possible.
    #[must_use]
    pub fn can_go_ready(&self) -> bool {
        self.online() && matches!(self.state(), Some(AgentState::NotReady(_) | AgentState::WrapUp))
    }

    /// 示忙 is possible.
    #[must_use]
    pub fn can_go_not_ready(&self) -> bool {
        self.online()
            && matches!(self.state(), Some(AgentState::Ready | AgentState::NotReady(_) | AgentState::Offered | AgentState::WrapUp))
    }

    /// 完成话后处理 is possible.
    #[must_use]
    pub fn can_end_wrap_up(&self) -> bool {
        self.online() && self.state() == Some(AgentState::WrapUp)
    }
}
