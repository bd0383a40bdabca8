//! Facts of an interaction and the record they fold into. Figures come from here and from nowhere else (I-9).

mod agent;
mod call;
mod callback;
mod counters;
mod decision;
mod marks;

pub(crate) use agent::{Doing, Timeline};
pub(crate) use call::CallLedger;
pub use callback::{CallbackRecord, CallbackState};
pub use counters::Counters;
pub use decision::{Decision, LastAgentOutcome, PassedOver, Weighed, WhyNot};
pub use marks::marks;

use serde::{Deserialize, Serialize};
use shared::model::{
    AgentId, AgentState, AsideKind, Caller, DialResult, Direction, EndReason, InteractionId, NodeId, PartyId, PartyName, PhoneNumber,
    PromptName, QueueId, RecordingId, SegmentId, SessionId, Side, SupervisorAct, TrunkId, UnixMillis, WatchMode,
};

/// One thing that happened within an interaction, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Where.
    pub interaction: InteractionId,
    /// 1, 2, 3… within the interaction.
    pub number: u32,
    /// Milliseconds since the interaction began (monotonic).
    pub offset_ms: u64,
    /// Wall clock.
    pub at: UnixMillis,
    /// What.
    pub kind: FactKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FactKind {
    /// The INVITE arrived.
    Entered,
    /// Our 200 was commanded.
    Answered,
    /// The citizen joined a waiting line.
    Queued {
        /// Which.
        queue: QueueId,
    },
    /// The citizen left a queue by rule, for another one.
    Overflowed {
        /// Which it left, or could not enter.
        from: QueueId,
        /// Where the citizen goes.
        to: QueueId,
        /// Why.
        cause: OverflowCause,
    },
    /// An entry of the list of blocked numbers fits the caller (1-11).
    Blocked {
        /// The store's number of the entry.
        entry: u32,
    },
    /// An entry of the list of callers in favour fits the caller.
    Favoured {
        /// The store's number of the entry.
        entry: u32,
        /// Points that it gave.
        points: u32,
    },
    /// 首问负责: the number has a last agent, and this came of it (1-8). At most one per wait.
    LastAgent {
        /// Who served it last.
        agent: AgentId,
        /// Hit, or why not.
        outcome: LastAgentOutcome,
    },
    /// The call is to hear a text and be hung up; why is known from here on.
    TurnedAway {
        /// Why.
        reason: EndReason,
    },
    /// It was worked out what the waiting citizen can expect.
    Foretold {
        /// How many will be served before.
        ahead: u32,
        /// How long it will take, in ms; `None` if the figures do not say.
        expected_ms: Option<u64>,
        /// What was told of it; `None` is nothing.
        told: Option<WaitRange>,
    },
    /// A text was begun to be played.
    Announced {
        /// What.
        prompts: Vec<PromptName>,
    },
    /// Whom to ask was decided, or that nobody can be asked now: why this agent, and why this wait.
    Decided(Box<Decision>),
    /// An agent's desk began to ring.
    Offered {
        /// Whose.
        agent: AgentId,
    },
    /// The ringing ended without a talk.
    OfferEnded {
        /// Whose.
        agent: AgentId,
        /// Why.
        why: OfferEnd,
    },
    /// Two-way audio with an agent began.
    Connected {
        /// With whom.
        agent: AgentId,
        /// The new segment.
        segment: SegmentId,
    },
    /// In this talk the keys that the citizen presses are left out of the recording, as the queue wishes it.
    KeysMasked {
        /// The talk.
        segment: SegmentId,
    },
    /// The agent's audio left the citizen (I-10).
    Parted {
        /// Which segment ended.
        segment: SegmentId,
    },
    /// An agent has dialled: the first fact of an outbound call.
    Dialled {
        /// Who.
        agent: AgentId,
    },
    /// A phone of the house has dialled: the first fact of its call, unless that goes to the hotline.
    PhoneDialled {
        /// Another phone of the house.
        inside: bool,
    },
    /// What became of the outbound call.
    DialEnded {
        /// How.
        result: DialResult,
    },
    /// 保持: the citizen hears music by the agent's wish.
    Held {
        /// Whose part of the call.
        segment: SegmentId,
    },
    /// 拾回
    Retrieved {
        /// Whose part of the call.
        segment: SegmentId,
    },
    /// Somebody beside the citizen is called.
    AsideBegan {
        /// Numbered within the interaction.
        party: PartyId,
        /// For what.
        as_what: AsideKind,
        /// Whom.
        name: PartyName,
    },
    /// That one answered, or did not.
    AsideEnded {
        /// Who.
        party: PartyId,
        /// What came of it.
        result: DialResult,
    },
    /// Somebody takes part in the talk with the citizen.
    PartyJoined {
        /// Who.
        party: PartyId,
    },
    /// And does not any more.
    PartyLeft {
        /// Who.
        party: PartyId,
    },
    /// The call has another owner: 转接, or the agent has left a three-way talk.
    HandedOver {
        /// Whose it was.
        from: AgentId,
        /// Whose it is; `None` is a talk without an agent 无座席通话.
        to: Option<AgentId>,
    },
    /// 盲转 to a waiting line.
    SentToQueue {
        /// By whom.
        from: AgentId,
        /// Which.
        queue: QueueId,
    },
    /// 盲转 to a voice menu or a survey.
    SentToNode {
        /// By whom.
        from: AgentId,
        /// Which.
        node: NodeId,
    },
    /// The citizen hears a voice menu or a survey from here on.
    NodeEntered {
        /// Which.
        node: NodeId,
        /// Its name on that day.
        name: String,
    },
    /// And does not any more.
    NodeLeft(NodeVisit),
    /// 暂停录音: from here on nothing is in the recording.
    RecordingPaused {
        /// By whom.
        agent: AgentId,
    },
    /// 恢复录音
    RecordingResumed {
        /// Its time was over, or the agent left the call.
        by_itself: bool,
    },
    /// A supervisor takes part in the talk of an agent, or does it otherwise from now on (1-14).
    Watched {
        /// Who.
        supervisor: AgentId,
        /// Whose talk.
        agent: AgentId,
        /// How.
        mode: WatchMode,
    },
    /// And does not any more.
    Unwatched {
        /// Who.
        supervisor: AgentId,
    },
    /// An emergency number was called: the recordings are held as evidence.
    EmergencyCalled {
        /// By whom.
        agent: AgentId,
    },
    /// The citizen is to be called back and gives up the line, not the place.
    CallbackPromised {
        /// The call that names the callback: this one, or an earlier one of the same number.
        callback: InteractionId,
    },
    /// The turn of somebody who is to be called back comes: the first fact of each attempt.
    CallbackBegan {
        /// Which callback.
        callback: InteractionId,
        /// 1, 2, 3…
        attempt: u32,
    },
    /// Keys were pressed towards somebody; which ones is not written down.
    KeysPressed {
        /// How many.
        count: u32,
    },
    /// The interaction is over.
    Ended {
        /// Why.
        reason: EndReason,
        /// Which side did it.
        by: Side,
    },
}

impl FactKind {
    /// Stable code for the store.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Answered => "answered",
            Self::Queued { .. } => "queued",
            Self::Overflowed { .. } => "overflowed",
            Self::Blocked { .. } => "blocked",
            Self::Favoured { .. } => "favoured",
            Self::LastAgent { .. } => "last_agent",
            Self::TurnedAway { .. } => "turned_away",
            Self::Foretold { .. } => "foretold",
            Self::Announced { .. } => "announced",
            Self::Decided(_) => "decided",
            Self::Offered { .. } => "offered",
            Self::OfferEnded { .. } => "offer_ended",
            Self::Connected { .. } => "connected",
            Self::KeysMasked { .. } => "keys_masked",
            Self::Parted { .. } => "parted",
            Self::Dialled { .. } => "dialled",
            Self::PhoneDialled { .. } => "phone_dialled",
            Self::DialEnded { .. } => "dial_ended",
            Self::Held { .. } => "held",
            Self::Retrieved { .. } => "retrieved",
            Self::AsideBegan { .. } => "aside_began",
            Self::AsideEnded { .. } => "aside_ended",
            Self::PartyJoined { .. } => "party_joined",
            Self::PartyLeft { .. } => "party_left",
            Self::HandedOver { .. } => "handed_over",
            Self::SentToQueue { .. } => "sent_to_queue",
            Self::SentToNode { .. } => "sent_to_node",
            Self::NodeEntered { .. } => "node_entered",
            Self::NodeLeft(_) => "node_left",
            Self::RecordingPaused { .. } => "recording_paused",
            Self::RecordingResumed { .. } => "recording_resumed",
            Self::Watched { .. } => "watched",
            Self::Unwatched { .. } => "unwatched",
            Self::EmergencyCalled { .. } => "emergency_called",
            Self::CallbackPromised { .. } => "callback_promised",
            Self::CallbackBegan { .. } => "callback_began",
            Self::KeysPressed { .. } => "keys_pressed",
            Self::Ended { .. } => "ended",
        }
    }
}

/// One stay of a citizen in a voice menu or a survey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeVisit {
    /// Which.
    pub node: NodeId,
    /// Its name on that day.
    pub name: String,
    /// It is a survey 满意度调查.
    pub survey: bool,
    /// Who spoke with the citizen last before; a rating is this one's (K-4).
    pub agent: Option<AgentId>,
    /// When it began.
    pub started: UnixMillis,
    /// How long it took, in ms.
    pub length_ms: u64,
    /// What came of it.
    pub end: NodeEnd,
}

/// What came of a stay in a voice menu or a survey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum NodeEnd {
    /// A key of the menu was pressed.
    Key {
        /// Which.
        key: char,
    },
    /// The question of a survey was answered.
    Answered {
        /// By which key.
        key: char,
        /// What that means, in the words of the site.
        label: String,
    },
    /// Nothing that it knows was pressed, or whom a key calls did not answer.
    Unanswered,
    /// The call ended meanwhile.
    CallEnded,
}

impl NodeEnd {
    /// Stable code for the store, equal to the serialised form.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "key",
            Self::Answered { .. } => "answered",
            Self::Unanswered => "unanswered",
            Self::CallEnded => "call_ended",
        }
    }
}

/// A waiting time as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitRange {
    /// At least so long, in minutes; 0 is less than the other end.
    pub least_minutes: u32,
    /// At most so long, in minutes; `None` is without end.
    pub most_minutes: Option<u32>,
}

/// Why a call leaves a queue by rule, one code each (2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverflowCause {
    /// 队列满
    Full,
    /// 超时
    Timeout,
    /// 无座席
    NobodySignedIn,
    /// 全部示忙
    AllNotReady,
    /// 非工作时间: judged at the INVITE and before another queue's calls are taken in.
    Closed,
    /// The citizen pressed a key.
    Key,
    /// A supervisor moved the citizen.
    Supervisor,
}

impl OverflowCause {
    /// The end reason if there is nowhere to go.
    #[must_use]
    pub fn end_reason(self) -> EndReason {
        match self {
            Self::Full => EndReason::QueueFull,
            Self::Timeout => EndReason::QueueTimeout,
            Self::NobodySignedIn => EndReason::NobodySignedIn,
            Self::AllNotReady => EndReason::AllNotReady,
            Self::Closed => EndReason::Closed,
            // Who presses the key that ends the call has left of one's own will.
            Self::Key | Self::Supervisor => EndReason::Abandoned,
        }
    }
}

/// Why an offer ended without a talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferEnd {
    /// 拒接
    Rejected,
    /// 未应答
    NotAnswered,
    /// The citizen left.
    CallerLeft,
    /// The agent went 示忙, signed out or was lost.
    Withdrawn,
    /// Another desk that rang for the same call took it.
    AnsweredElsewhere,
}

/// The finished record of one interaction. All lengths in ms of the monotonic clock (I-13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InteractionRecord {
    /// Which.
    pub interaction: InteractionId,
    /// Over which trunk.
    pub trunk: TrunkId,
    /// Who called.
    pub caller: Caller,
    /// The dialled number.
    pub dialled: PhoneNumber,
    /// A probe call: excluded from every figure (5.1).
    pub probe: bool,
    /// First queue entered, if any.
    pub queue: Option<QueueId>,
    /// INVITE.
    pub started: UnixMillis,
    /// Last leg gone.
    pub ended: UnixMillis,
    /// INVITE to end.
    pub length_ms: u64,
    /// Queue entry to the first connect, or to the end if nobody answered; includes ringing (5.2 "wait"). `None` if never queued.
    pub wait_ms: Option<u64>,
    /// Answered by a person: two-way audio with an agent began (5.2).
    pub answered_by_agent: bool,
    /// Why it ended.
    pub reason: EndReason,
    /// Which side ended it.
    pub ended_by: Side,
    /// One per agent's part, in order.
    pub segments: Vec<Segment>,
    /// The recording, if audio was connected (I-17).
    pub recording: Option<RecordingId>,
    /// Who called whom.
    #[serde(default)]
    pub direction: Direction,
    /// What became of an outbound call.
    #[serde(default)]
    pub dial_result: Option<DialResult>,
    /// How often it was handed over.
    #[serde(default)]
    pub transfers: u32,
    /// Talk without an agent 无座席通话.
    #[serde(default)]
    pub residual_ms: u64,
    /// The callback of which this is an attempt.
    #[serde(default)]
    pub callback: Option<InteractionId>,
}

impl InteractionRecord {
    /// Talk over all segments, in ms.
    #[must_use]
    pub fn talk_ms(&self) -> u64 {
        self.segments.iter().map(|segment| segment.talk_ms).sum()
    }
}

/// One agent's part of an interaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// 1, 2, 3… within the interaction.
    pub segment: SegmentId,
    /// Who.
    pub agent: AgentId,
    /// Connect.
    pub started: UnixMillis,
    /// How long the answered offer rang.
    pub ring_ms: u64,
    /// Two-way audio; without hold.
    pub talk_ms: u64,
    /// The citizen heard music by this agent's wish, or while this agent consulted somebody (5.2 "hold").
    #[serde(default)]
    pub hold_ms: u64,
    /// How often.
    #[serde(default)]
    pub holds: u32,
}

/// One interval of an agent's signed-in time. The intervals of a session tile it exactly (1-7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInterval {
    /// Who.
    pub agent: AgentId,
    /// Which sign-in.
    pub session: SessionId,
    /// 1, 2, 3… within the session.
    pub number: u32,
    /// The state throughout.
    pub state: AgentState,
    /// Wall clock at its start.
    pub started: UnixMillis,
    /// Milliseconds since sign-in at its start; equals start + length of the interval before.
    pub offset_ms: u64,
    /// Length.
    pub length_ms: u64,
    /// Why it began.
    pub cause: IntervalCause,
    /// Set on the last interval of a session.
    pub session_end: Option<crate::command::SessionEnd>,
    /// The call it belongs to, for offered, talking and wrap-up.
    pub interaction: Option<InteractionId>,
}

/// What began an interval: state changes only by named causes (I-30).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalCause {
    /// Sign-in.
    SignIn,
    /// The agent's own wish.
    User,
    /// The matching of a call.
    Offer,
    /// The agent accepted.
    Accept,
    /// The agent rejected.
    Reject,
    /// The offer expired.
    NoAnswer,
    /// The citizen left.
    CallerLeft,
    /// Another desk that rang for the same call took it.
    AnsweredElsewhere,
    /// The call ended.
    CallEnded,
    /// Wrap-up ran out.
    WrapUpOver,
    /// The voice path stopped.
    MediaLost,
    /// The desktop was gone for longer than the grace period.
    ConnectionLost,
    /// The desktop came back.
    Resumed,
    /// A place for the break that was waited for is free.
    BreakFree,
    /// A phone without a desktop has rested after a call that it did not take.
    Rested,
    /// The seat was locked.
    Lock,
    /// The seat was unlocked.
    Unlock,
    /// The call was accepted by itself.
    AutoAnswer,
    /// The agent dialled.
    Dialled,
    /// The citizen was held or retrieved, or somebody was called or let go, in a call.
    CallFunction,
    /// A supervisor set the state, or took or ended the call.
    Forced,
}

/// One act of a supervisor, for the audit (1-14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisionNote {
    /// Who.
    pub supervisor: AgentId,
    /// When.
    pub at: UnixMillis,
    /// What.
    pub act: SupervisorAct,
    /// The call that it concerned, if there was one.
    pub interaction: Option<InteractionId>,
    /// Why, in the supervisor's own words.
    pub reason: String,
}
