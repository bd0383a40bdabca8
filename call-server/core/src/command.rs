//! Everything the core can want. Edges carry commands out and decide nothing.

use crate::ledger::{AgentInterval, CallbackRecord, Fact, InteractionRecord, SupervisionNote};
use crate::origin::Diversion;
use crate::plan::{KeyMode, Srtp, TrunkVoice};
use crate::voice::TalkMeasured;
use serde::{Deserialize, Serialize};
use shared::model::{
    AgentId, Caller, Desk, DialResult, Direction, EndReason, FloorChange, InteractionId, LegId, PhoneNumber, RecordingId, Refusal,
    RequestId, SessionId, TalkHealth, UnixMillis, VoiceCodec,
};
use std::fmt;
use std::sync::Arc;

pub use shared::model::PromptName;

/// One thing to be done by one edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// To `sip`.
    Sip(SipCommand),
    /// To `media`.
    Media(MediaCommand),
    /// To `recording`.
    Recording(RecordingCommand),
    /// To `store`.
    Store(StoreCommand),
    /// To `gateway`.
    Agent(AgentCommand),
}

impl Command {
    /// Presses keys towards a trunk's leg in the way that its carrier wants.
    #[must_use]
    pub fn press_keys(mode: KeyMode, leg: LegId, keys: Arc<str>) -> Self {
        match mode {
            KeyMode::Rfc4733 | KeyMode::InBand => Self::Media(MediaCommand::PressKeys { leg, keys }),
            KeyMode::Info => Self::Sip(SipCommand::PressKeys { leg, keys }),
        }
    }
}

/// A session description (SDP) or other text that the core carries without looking inside.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionText(pub Arc<str>);

impl fmt::Debug for SessionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionText({} bytes)", self.0.len())
    }
}

/// An agent's media address and keys as `media` encoded them for the desktop (JSON of `shared::wire::MediaAccess`). Never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaAccess(pub Arc<str>);

impl fmt::Debug for MediaAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaAccess(<secret>)")
    }
}

/// To the SIP edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SipCommand {
    /// 180 Ringing.
    Ring {
        /// Which leg.
        leg: LegId,
    },
    /// 183 with this answer: what sounds before anybody answers is to be heard.
    Sound {
        /// Which leg.
        leg: LegId,
        /// From `MediaOpened`.
        answer: SessionText,
    },
    /// 200 OK with this answer.
    Answer {
        /// Which leg.
        leg: LegId,
        /// From `MediaOpened`.
        answer: SessionText,
    },
    /// A final refusal; the edge's table turns the reason into a status code.
    Refuse {
        /// Which leg.
        leg: LegId,
        /// Why.
        reason: EndReason,
    },
    /// A final refusal to a phone of the house: whom it called was not reached. The edge's table turns the result into a status code.
    NotReached {
        /// Which leg.
        leg: LegId,
        /// What came of it.
        result: DialResult,
    },
    /// Press keys towards the far side by requests of the signalling (INFO, one for each key): see [`Command::press_keys`].
    PressKeys {
        /// Which leg.
        leg: LegId,
        /// Of `0-9*#ABCD`; others are passed over.
        keys: Arc<str>,
    },
    /// BYE (or, before the answer, a final refusal; of a call of ours CANCEL).
    HangUp {
        /// Which leg.
        leg: LegId,
        /// For the Reason header.
        reason: EndReason,
    },
    /// Calls somebody. Answered by `LegRinging`, then `LegAnswered`; and in any case, at the end, by one `LegEnded`.
    Dial(Box<Dial>),
    /// The offer that a call of ours waits for: see [`crate::Input::LegWantsOffer`].
    Offer {
        /// Which leg.
        leg: LegId,
        /// From `MediaOpened`.
        offer: SessionText,
    },
}

/// A call of ours to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// The id that the core gives to the leg.
    pub leg: LegId,
    /// Whom.
    pub to: CallTo,
    /// Whose number the called person sees, unless the trunk shows one of its own; withheld shows none.
    pub shown: Caller,
    /// Our offer, from `MediaOpened`.
    pub offer: SessionText,
    /// By which terms it was made.
    pub terms: VoiceTerms,
}

/// Where a call of ours goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallTo {
    /// Over the trunks that take this number, one after the other.
    Number(PhoneNumber),
    /// To a phone of the house, wherever it is registered.
    Phone(PhoneNumber),
    /// To a phone of the house that is always at the same place.
    Fixed {
        /// Its number.
        number: PhoneNumber,
        /// Its URI.
        contact: String,
    },
}

impl CallTo {
    /// What was dialled.
    #[must_use]
    pub fn number(&self) -> &PhoneNumber {
        match self {
            Self::Number(number) | Self::Phone(number) | Self::Fixed { number, .. } => number,
        }
    }
}

/// To the media edge. Its values stay serialisable so that media can move into a process of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaCommand {
    /// Bind a port, pick a codec from the offer, answer with `MediaOpened` or `MediaFailed`.
    OpenTrunk {
        /// Which leg.
        leg: LegId,
        /// The far side's offer; none: the description is an offer of ours.
        offer: Option<SessionText>,
        /// How its voice may travel.
        terms: VoiceTerms,
    },
    /// Bind a port for a call of ours and make an offer, carried by `MediaOpened`; or `MediaFailed`. The answer comes by [`Self::Follow`].
    /// Again for a leg that is there: it is made anew, and in no talk.
    OfferTrunk {
        /// Which leg.
        leg: LegId,
        /// The leg of a talk that it may take part in; it is served by the same thread then.
        near: Option<LegId>,
        /// It is never refused for want of time: an emergency.
        urgent: bool,
        /// How its voice may travel.
        terms: VoiceTerms,
    },
    /// The far side's description is new: send where it says, in its codec, and nothing if it holds us.
    Follow {
        /// Which leg.
        leg: LegId,
        /// The far side's description.
        description: SessionText,
    },
    /// Make a voice path for an agent's session, answer with `AgentMediaOpened`. An older path of the same agent is closed.
    OpenAgent {
        /// Whose.
        agent: AgentId,
        /// The id the core gives to the leg.
        leg: LegId,
    },
    /// Play to a leg until told otherwise; replaces what was played.
    Play {
        /// Which leg.
        leg: LegId,
        /// What.
        sound: Sound,
    },
    /// Play prompts to a leg, one behind the other, then `then`; answered by one `AnnouncementEnded`. Replaces what was played; `Play`,
    /// `Connect` and `Close` cut it within one packet.
    Announce {
        /// Which leg.
        leg: LegId,
        /// Names of the site's prompts, in order; those that it does not have are passed over.
        prompts: Vec<PromptName>,
        /// What is heard afterwards.
        then: Sound,
    },
    /// Say prompts into a talk: everybody in it hears them above the voices, and so does its recording.
    Speak {
        /// The leg that the talk is named by.
        talk: LegId,
        /// Names of the site's prompts, in order; those that it does not have are passed over.
        prompts: Vec<PromptName>,
    },
    /// What an agent's voice can, as its desktop says.
    AgentVoice {
        /// Which leg.
        leg: LegId,
        /// It can send and receive Opus.
        opus: bool,
        /// The agent has muted the microphone.
        muted: bool,
    },
    /// Let another leg take part in the talk of a citizen: a colleague, a supervisor who listens or whispers.
    Attend {
        /// Who comes: an agent's leg, or another trunk leg.
        leg: LegId,
        /// The citizen's leg of the talk.
        citizen: LegId,
        /// As what; again for a leg that takes part already.
        part: Part,
    },
    /// A leg that attended is silent again.
    Withdraw {
        /// Which.
        leg: LegId,
    },
    /// Press keys towards a trunk: telephone events (RFC 4733) where agreed, tones else.
    PressKeys {
        /// Which leg.
        leg: LegId,
        /// Of `0-9*#ABCD`; others are passed over.
        keys: Arc<str>,
    },
    /// Listen for keys as tones in the audio: for trunks that send no telephone events.
    HearTones {
        /// Which leg.
        leg: LegId,
    },
    /// Leave the citizen's keys out of the recording, or not any more: while card data or passwords are asked for.
    MaskKeys {
        /// The citizen's leg.
        citizen: LegId,
        /// Whether.
        masked: bool,
    },
    /// Join citizen and agent: what was played is cut, both hear each other, and frames of both sides are tapped for the recording.
    Connect {
        /// The citizen's leg: left channel.
        citizen: LegId,
        /// The agent's leg: right channel.
        agent: LegId,
        /// Where the tapped frames belong.
        recording: RecordingId,
    },
    /// Join two legs apart from the citizen: an agent and whom the agent consults. Who says what is recorded on the right channel.
    Confer {
        /// By its name the talk is called in `Attend` and `Disconnect`.
        first: LegId,
        /// The other one.
        second: LegId,
        /// Where the tapped frames belong; `None` is not recorded.
        recording: Option<RecordingId>,
    },
    /// A citizen who talked hears music now; what the citizen says is recorded on. Ended by `Connect`, `Play` or `Close`.
    Hold {
        /// The citizen's leg.
        citizen: LegId,
        /// Where the tapped frames belong.
        recording: RecordingId,
    },
    /// Part citizen and agent, or whoever confers; all are silent until told otherwise. The tap ends.
    Disconnect {
        /// The citizen's leg.
        citizen: LegId,
    },
    /// Free everything of a leg. Its port rests before it is given out again.
    Close {
        /// Which leg.
        leg: LegId,
    },
}

/// How the voice of one call over a trunk may travel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VoiceTerms {
    /// What the trunk wants.
    pub voice: TrunkVoice,
    /// Nobody on the way can read the signalling: keys may stand in it.
    pub encrypted: bool,
    /// An offer of ours names an IPv6 address; an answer follows the offer.
    pub ipv6: bool,
}

impl VoiceTerms {
    /// Whether an offer made by these terms serves the others as well. Only where encryption is required are there keys in it.
    #[must_use]
    pub fn offer_alike(&self, others: &Self) -> bool {
        let has_keys = self.voice.srtp == Srtp::Required;
        self.voice == others.voice && self.ipv6 == others.ipv6 && (!has_keys || self.encrypted == others.encrypted)
    }
}

/// What somebody does in a talk of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Talks with all.
    Talk,
    /// Hears all and is heard by nobody.
    Listen,
    /// Hears all and is heard by the agent alone.
    Whisper,
}

/// The prompt that is the busy tone 忙音; media has it of its own.
pub const BUSY_TONE: &str = "busy_tone";

/// The prompt that is the short tone before a call that is accepted by itself; media has it of its own.
pub const ZIP_TONE: &str = "zip_tone";

/// What a leg hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sound {
    /// Music while waiting, from its beginning, for ever.
    Music,
    /// 回铃音: the tone of a call that rings.
    Ringback,
    /// Nothing.
    Silence,
}

/// To the recording edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingCommand {
    /// Collect tapped frames of this recording in memory; write nothing yet.
    Prepare {
        /// Which.
        recording: RecordingId,
        /// For the file's head.
        interaction: InteractionId,
        /// Where, relative to the recordings folder.
        path: Arc<str>,
    },
    /// The row is on disk: bytes may be written.
    Write {
        /// Which.
        recording: RecordingId,
    },
    /// What is heard from now on is left out; its time stays.
    Pause {
        /// Which.
        recording: RecordingId,
    },
    /// What is heard is recorded again.
    Resume {
        /// Which.
        recording: RecordingId,
    },
    /// No more frames will come: flush, close, digest, answer with `RecordingFinished`.
    Finish {
        /// Which.
        recording: RecordingId,
    },
}

/// To the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreCommand {
    /// The interaction exists. Written at its first INVITE, so that a crash leaves a row which the next start closes.
    Open {
        /// Which.
        interaction: InteractionId,
        /// When it entered.
        started: UnixMillis,
        /// Who calls.
        caller: Caller,
        /// The dialled number.
        dialled: PhoneNumber,
        /// A probe call.
        probe: bool,
        /// Who called whom.
        direction: Direction,
        /// The numbers that it was diverted from, the first one first.
        diversions: Vec<Diversion>,
    },
    /// Look up the caller; answer with `CardFound`.
    FindCard {
        /// For which interaction.
        interaction: InteractionId,
        /// Who.
        caller: Caller,
    },
    /// Insert the recording's row; answer with `RecordingRowStored` after the commit.
    OpenRecording {
        /// Which.
        recording: RecordingId,
        /// Of which interaction.
        interaction: InteractionId,
        /// Relative to the recordings folder.
        path: Arc<str>,
        /// When its first frame may arrive.
        started: UnixMillis,
    },
    /// Attach the result to the recording's row.
    CloseRecording {
        /// Which.
        recording: RecordingId,
        /// What came of it.
        outcome: crate::input::RecordingOutcome,
    },
    /// One fact of an interaction, in order.
    Note(Fact),
    /// The finished record: exactly one per INVITE.
    Save(Box<InteractionRecord>),
    /// A callback as it stands now; an older row of the same one is replaced.
    Callback(Box<CallbackRecord>),
    /// One finished interval of an agent's time.
    AgentTime(AgentInterval),
    /// The recordings of an interaction are evidence: no rule deletes or changes them until a person lifts the hold.
    HoldRecordings {
        /// Whose.
        interaction: InteractionId,
        /// Why, one stable code.
        reason: &'static str,
        /// Since when.
        at: UnixMillis,
    },
    /// An act of a supervisor.
    Supervised(Box<SupervisionNote>),
    /// How a talk sounded.
    TalkMeasured(Box<TalkMeasured>),
}

/// To the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentCommand {
    /// The session begins; its desk follows.
    SignedIn {
        /// Who.
        agent: AgentId,
        /// Which session.
        session: SessionId,
        /// For the desktop.
        access: MediaAccess,
    },
    /// The sign-in cannot be served now.
    SignInFailed {
        /// Who.
        agent: AgentId,
        /// Which session.
        session: SessionId,
    },
    /// The session is over.
    SignedOut {
        /// Who.
        agent: AgentId,
        /// Which session.
        session: SessionId,
        /// Why.
        why: SessionEnd,
    },
    /// The desk as it is now.
    Show {
        /// Whose.
        agent: AgentId,
        /// Which session.
        session: SessionId,
        /// The desk.
        desk: Box<Desk>,
    },
    /// The list of all agents changed (1-9): to be kept, and passed on to whoever looks at it.
    Floor(FloorChange),
    /// How the desktop shall send its voice.
    Voice {
        /// Whose.
        agent: AgentId,
        /// Which session.
        session: SessionId,
        /// By which codec.
        codec: VoiceCodec,
        /// How much loss is to be prepared for, in percent.
        expected_loss_percent: u8,
    },
    /// How the talk sounds.
    TalkHealth {
        /// Whose.
        agent: AgentId,
        /// Which session.
        session: SessionId,
        /// The figures.
        health: Box<TalkHealth>,
    },
    /// A request was carried out.
    Done {
        /// Whose.
        agent: AgentId,
        /// Which session.
        session: SessionId,
        /// Which.
        request: RequestId,
    },
    /// A request was not carried out.
    Refuse {
        /// Whose.
        agent: AgentId,
        /// Which session.
        session: SessionId,
        /// Which.
        request: RequestId,
        /// Why.
        reason: Refusal,
    },
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionEnd {
    /// 签出 by the agent.
    Asked,
    /// The same person signed in elsewhere.
    Superseded,
    /// The desktop was gone for too long.
    Lost,
    /// 强制签出: a supervisor ended it.
    Forced,
    /// The server is stopping.
    ServerStopping,
}

impl SessionEnd {
    /// Stable code for records.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Superseded => "superseded",
            Self::Lost => "lost",
            Self::Forced => "forced",
            Self::ServerStopping => "server_stopping",
        }
    }
}
