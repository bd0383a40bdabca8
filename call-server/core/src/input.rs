//! Everything that can happen to the core. Inputs are plain values: they can be journalled, replayed and invented.

use crate::command::{MediaAccess, SessionText, VoiceTerms};
use crate::ledger::CallbackRecord;
use crate::origin::Origin;
use crate::plan::Plan;
use crate::voice::VoiceInput;
use serde::{Deserialize, Serialize};
use shared::model::{
    AgentId, CallFunction, Caller, CallerCard, DialResult, EndReason, InteractionId, LegId, NotReadyReason, OfferId, PhoneNumber,
    RecordingId, RequestId, SessionId, SupervisorAct, TrunkId, UnixMillis, VoiceDevice,
};
use shared::pii::Pii;

/// One thing that happened, told by an edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// `sip`: an INVITE of a known trunk, whose 100 has been sent.
    CallOffered(CallOffered),
    /// `sip`: the ACK for our 200 arrived.
    LegConfirmed {
        /// Which leg.
        leg: LegId,
    },
    /// `sip`: a call of ours rings, or the network says something on the way; may come several times.
    LegRinging {
        /// Which leg.
        leg: LegId,
        /// Early media: the answer to our offer, or a preview of it.
        early: Option<SessionText>,
    },
    /// `sip`: the next trunk for a call of ours takes none of the offer at hand, which was made for another one. The call waits for an offer
    /// made by these terms: [`crate::command::SipCommand::Offer`].
    LegWantsOffer {
        /// Which leg.
        leg: LegId,
        /// How its voice may travel there.
        terms: VoiceTerms,
    },
    /// `sip`: a call of ours is answered.
    LegAnswered {
        /// Which leg.
        leg: LegId,
        /// The answer to our offer; `None` if it was told as early media already.
        answer: Option<SessionText>,
    },
    /// `sip`: the far side's description of the leg's voice is new: its answer to a late offer, or a re-INVITE or UPDATE that was answered.
    FarDescribed {
        /// Which leg.
        leg: LegId,
        /// Its description, in force from now on.
        description: SessionText,
    },
    /// `sip`: the leg is over, by whatever way; sent exactly once per leg, also after our own `HangUp` or `Refuse`.
    LegEnded {
        /// Which leg.
        leg: LegId,
        /// How.
        cause: LegEnd,
    },
    /// `media`: the trunk leg's port is open and the codec agreed; or, of a call of ours, offered.
    MediaOpened {
        /// Which leg.
        leg: LegId,
        /// Our answer (RFC 3264), to be carried in the 200; of a call of ours our offer, for the INVITE.
        answer: SessionText,
    },
    /// `media`: the leg could not be opened, or its audio path failed.
    MediaFailed {
        /// Which leg.
        leg: LegId,
        /// Why.
        reason: MediaFailure,
    },
    /// `media`, `sip`: the citizen pressed a key, in the way of its trunk (RFC 4733, INFO, tones).
    Digit {
        /// Which leg.
        leg: LegId,
        /// One of `0-9*#ABCD`.
        digit: char,
    },
    /// `media`: an announcement is over; exactly one for each [`crate::command::MediaCommand::Announce`].
    AnnouncementEnded {
        /// Which leg.
        leg: LegId,
        /// How.
        end: AnnouncementEnd,
    },
    /// `media`, `gateway`: news of voices.
    Voice(VoiceInput),
    /// `store`: contacts of earlier days, told once at the start, and again when one of them is judged anew.
    ContactsKnown(Vec<PastContact>),
    /// `store`: callbacks that an earlier run has left open, told once at the start; or one that is opened anew by hand.
    CallbacksKnown(Vec<CallbackRecord>),
    /// `admin`: a callback is taken back by hand; one that is not open is ignored.
    CancelCallback(InteractionId),
    /// `gateway`: somebody whose password was verified wants to sign in. A living session of the same agent is superseded.
    AgentArrived {
        /// Who.
        agent: AgentId,
        /// The new session.
        session: SessionId,
        /// By what to speak; `None` as the plan says.
        #[serde(default)]
        voice: Option<VoiceDevice>,
    },
    /// `media`: the agent's voice path is ready to be used with these keys.
    AgentMediaOpened {
        /// Whose.
        agent: AgentId,
        /// The leg's id.
        leg: LegId,
        /// Carried to the desktop, never interpreted.
        access: MediaAccess,
    },
    /// `media`: packets of the agent arrive (`true`) or have stopped for longer than the limit (`false`); only a reachable agent is offered calls (I-36).
    AgentMediaReachable {
        /// Whose.
        leg: LegId,
        /// Whether packets arrive.
        reachable: bool,
    },
    /// `gateway`: the desktop's connection broke. The session lives on for the grace period.
    AgentDisconnected {
        /// Who.
        agent: AgentId,
        /// Which session; an old one is ignored.
        session: SessionId,
    },
    /// `gateway`: the desktop is back with its token.
    AgentResumed {
        /// Who.
        agent: AgentId,
        /// Which session.
        session: SessionId,
    },
    /// `gateway`: whether the desktop can vouch for somebody who sits there: the headset was checked, and keyboard or mouse were used a
    /// short while ago. Calls are accepted by themselves only then; untold is no.
    AgentAttentive {
        /// Who.
        agent: AgentId,
        /// Which session; an old one is ignored.
        session: SessionId,
        /// Whether.
        attentive: bool,
    },
    /// `gateway`: a wish of the agent.
    AgentAsked {
        /// Who.
        agent: AgentId,
        /// Which session; an old one is ignored.
        session: SessionId,
        /// To be named in the answer.
        request: RequestId,
        /// What.
        action: AgentAction,
    },
    /// `store`: the caller's card, if there is one.
    CardFound {
        /// For which interaction.
        interaction: InteractionId,
        /// The card, or none registered.
        card: Option<CallerCard>,
    },
    /// `store`: the recording's row is on disk; bytes may follow.
    RecordingRowStored {
        /// Which.
        recording: RecordingId,
    },
    /// `recording`: the file is closed, or could not be written.
    RecordingFinished {
        /// Which.
        recording: RecordingId,
        /// With what result.
        outcome: RecordingOutcome,
    },
    /// `config`, `admin`: agents, queues or numbers changed. Live calls and waits keep going (I-19).
    PlanChanged(Box<Plan>),
    /// Nothing but the passing of time: due deadlines fire.
    Tick,
    /// The server is to stop: refuse new calls, end all others with [`EndReason::ServerStopping`].
    Stop,
}

/// A call that a trunk brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOffered {
    /// Given by `sip`.
    pub leg: LegId,
    /// Over which trunk it came.
    pub trunk: TrunkId,
    /// Who calls.
    pub caller: Caller,
    /// The dialled number.
    pub dialled: PhoneNumber,
    /// The far side's offer, carried and never interpreted; `None` for a late offer.
    pub offer: Option<SessionText>,
    /// A probe call: it enters the queue and hears what a citizen hears, is never offered to an agent, and counts nowhere (5.1).
    pub probe: bool,
    /// What else its INVITE says.
    #[serde(default)]
    pub origin: Origin,
}

/// How a SIP leg ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegEnd {
    /// BYE from the far side.
    ByeReceived,
    /// CANCEL before our final answer.
    CancelReceived,
    /// We ended or refused it, as commanded.
    AsCommanded,
    /// No ACK in time, or no final answer.
    Timeout,
    /// No word came back from the far side, or it no longer knows the call.
    Unreachable,
    /// The session was not refreshed in time (RFC 4028).
    Expired,
    /// The far side refused our INVITE with this status, 300 to 699.
    Refused {
        /// Status code of its final response.
        status: u16,
    },
    /// The far side broke the protocol beyond repair.
    ProtocolError,
    /// A call of ours was not even placed: no trunk takes the number, is there, or has a channel free; or the phone is not registered.
    NoLine,
}

impl LegEnd {
    /// What became of a call of ours that ended so before it was answered (1-4).
    #[must_use]
    pub fn dial_result(self) -> DialResult {
        match self {
            Self::Refused { status: 486 | 600 } => DialResult::Busy,
            Self::Refused { status: 404 | 410 | 484 | 485 | 604 } => DialResult::Invalid,
            Self::Refused { status: 401 | 402 | 403 | 407 | 433 | 603 | 606..=699 } => DialResult::Rejected,
            Self::Refused { status: 408 | 480 | 487 } | Self::Timeout => DialResult::NoAnswer,
            Self::Refused { .. } | Self::NoLine | Self::Unreachable | Self::ProtocolError | Self::Expired => DialResult::NoLine,
            Self::AsCommanded | Self::ByeReceived | Self::CancelReceived => DialResult::Cancelled,
        }
    }
}

/// How an announcement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnnouncementEnd {
    /// It was played to its last sample.
    Finished,
    /// Something else was to be heard, or the leg was closed.
    Cut,
    /// The site has none of its prompts: nothing was heard.
    NoPrompt,
}

/// Why media could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaFailure {
    /// The offer is not SDP, or names nothing we can reach.
    BadOffer,
    /// No codec in common.
    NoCommonCodec,
    /// The trunk's voice must be encrypted, and the far side does not, or the signalling that would carry the keys is not.
    NotEncrypted,
    /// All ports are taken.
    NoPorts,
    /// The media threads are at their limit: another call would spoil those that run.
    Overloaded,
    /// A socket failed.
    Io,
}

impl MediaFailure {
    /// The end reason of a call that this failure ends.
    #[must_use]
    pub fn end_reason(self) -> EndReason {
        match self {
            Self::NoCommonCodec | Self::NotEncrypted | Self::BadOffer => EndReason::NoCommonCodec,
            Self::NoPorts | Self::Overloaded => EndReason::NoResources,
            Self::Io => EndReason::MediaFailed,
        }
    }
}

/// What an agent may wish; the gateway translates it from `shared::wire::Action`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentAction {
    /// 示闲
    GoReady,
    /// 示忙
    GoNotReady(NotReadyReason),
    /// 示忙 as soon as the reason has a place free.
    AwaitNotReady(NotReadyReason),
    /// 锁定: the seat wants its password back.
    Lock,
    /// The gateway has checked the password of a locked seat.
    Unlock,
    /// 接听
    Accept(OfferId),
    /// 拒接
    Reject(OfferId),
    /// 挂断
    HangUp(InteractionId),
    /// 完成话后处理
    EndWrapUp,
    /// 延长话后处理
    ExtendWrapUp,
    /// 外拨
    Dial(Pii<PhoneNumber>),
    /// Something with a call.
    Call(InteractionId, CallFunction),
    /// Something of a supervisor, and why.
    Supervise(SupervisorAct, String),
    /// To speak by this from now on.
    UseVoice(VoiceDevice),
    /// 签出
    SignOut,
}

/// One contact of an earlier day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastContact {
    /// Who called.
    pub caller: Caller,
    /// When it entered.
    pub at: UnixMillis,
    /// Who talked with the citizen last, if anybody did.
    pub agent: Option<AgentId>,
    /// That agent is not to be asked first: it was rated bad, or the matter is a complaint about the agent (1-8).
    pub avoid: bool,
}

/// How a recording ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingOutcome {
    /// The file is whole.
    Complete {
        /// Recorded length in ms.
        length_ms: u64,
        /// Size of the file.
        bytes: u64,
        /// SHA-256 of the file, lower-case hex.
        digest: String,
    },
    /// The file is missing or cut; the record stands with this reason.
    Failed {
        /// What happened, in English, for the operator.
        reason: String,
    },
}
