//! What the screens show: plain data, computed by the session, never guessed by a widget.

use crate::drafts::Draft;
use crate::session::Saved;
use crate::{LinkFailure, Messages};
use shared::model::{
    AgentId, AgentState, AsideStage, CallEntry, CallFunction, CallPhase, CardChange, Desk, Disposition, Floor, InteractionId, Mark,
    MemberUnit, NotReadyReason, OwnFigures, PersonId, QueueId, Refusal, TalkHealth, VoiceCodec, VoiceDevice,
};
use shared::wire::{CallsPage, DeskRules, HousePapers, ReasonLimit, SignInRefusal, SignOutReason, WaitingRow};
use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// How the present talk sounds, as the server last told it.
    pub health: Option<TalkHealth>,
    /// Round trip of the last heartbeat, in ms.
    pub round_trip_ms: Option<u32>,
    /// The site's rules for this desk.
    pub rules: DeskRules,
    /// The list of all agents as it was last told, while it is followed; shared, because it is long and copied with each change of the rest.
    pub agents: Option<Arc<Floor>>,
    /// The microphone is muted by the agent.
    pub muted: bool,
    /// What was looked up.
    pub papers: Arc<Papers>,
    /// The history of a card that was asked about last.
    pub card_history: Option<CardHistory>,
    /// What is written about calls and not submitted.
    pub drafts: Arc<BTreeMap<InteractionId, Draft>>,
    /// They are complete: disk and server were asked. Before that nothing is written or submitted, because it would take the place of
    /// what is not here yet.
    pub drafts_known: bool,
    /// What was put on record last, until it is read or something else is wished.
    pub saved: Option<Saved>,
    /// What happened where in the recording that was asked about last.
    pub marks: Option<(InteractionId, Vec<Mark>)>,
    /// Who waits in the supervised lines, while that is followed.
    pub waiting: Option<Vec<WaitingRow>>,
    /// What came from colleagues and was sent to them.
    pub messages: Messages,
}

/// The house's papers as far as they have been looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Papers {
    /// Queues, canned texts, bands.
    pub house: Option<HousePapers>,
    /// The tree of dispositions.
    pub dispositions: Vec<Disposition>,
    /// The phone book, by id.
    pub units: Vec<MemberUnit>,
    /// Lists of calls.
    pub calls: BTreeMap<CallsPage, Vec<CallEntry>>,
    /// Today's own figures.
    pub figures: Option<OwnFigures>,
}

/// How a person's card came to be as it is (1-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardHistory {
    /// The call whose card it is.
    pub interaction: InteractionId,
    /// Of the persons behind its number, which.
    pub person: PersonId,
    /// What is known of it.
    pub told: HistoryTold,
}

/// How far a question about a card's history has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryTold {
    /// It waits for its answer.
    Asked,
    /// The answer.
    Known {
        /// The newest first.
        changes: Arc<[CardChange]>,
        /// There are older ones.
        more: bool,
    },
    /// There was none: it was refused, or the connection is not there.
    Failed,
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
    /// The same person is signed in elsewhere; taking over needs a yes.
    ConfirmTakeOver,
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
    /// Which way the packets take.
    pub way: VoiceWay,
    /// How the agent's voice is sent.
    pub sends: VoiceCodec,
    /// How the newest packet of the server was coded.
    pub hears: VoiceCodec,
    /// Somebody has spoken for three seconds into the muted microphone.
    pub speaks_muted: bool,
    /// What the sound test does.
    pub test: SoundTest,
    /// The sound devices of this computer.
    pub devices: Devices,
}

/// Names of sound devices, in the system's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Devices {
    /// That take sound in.
    pub microphones: Vec<String>,
    /// That give sound out.
    pub loudspeakers: Vec<String>,
}

/// What is tried out before 示闲, outside calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SoundTest {
    /// Nothing.
    #[default]
    Off,
    /// The microphone is open for its level, and what is said is kept.
    Record,
    /// What was said is played.
    Play,
    /// The ring is sounded once.
    Ring,
}

/// Which way voice packets take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VoiceWay {
    /// UDP, as it should be.
    #[default]
    Udp,
    /// Through the connection to the server, because UDP does not get through.
    Tunnel,
}

/// What is wrong with a sound device. The screens have one sentence per language for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceProblem {
    /// It is being opened, for the first time or after a break; nothing to worry about yet.
    Opening,
    /// The chosen one cannot be used; the system's choice is used until it can.
    Replaced,
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

    /// 静音 is possible: there is somebody to be heard by.
    #[must_use]
    pub fn can_mute(&self) -> bool {
        self.desk.as_ref().is_some_and(|desk| desk.call.as_ref().is_some_and(|call| call.phase == CallPhase::Talking))
    }

    /// Nobody hears the microphone now, and nothing rings.
    #[must_use]
    pub fn can_test_sound(&self) -> bool {
        self.desk.as_ref().is_some_and(|desk| desk.call.is_none() && desk.offer.is_none() && desk.watches.is_none())
    }

    /// The password was given by somebody else: first it must be changed.
    #[must_use]
    pub fn must_change_password(&self) -> bool {
        self.me.is_some() && self.rules.password_is_initial
    }

    /// 挂断 is possible.
    #[must_use]
    pub fn can_hang_up(&self) -> bool {
        self.online() && self.desk.as_ref().is_some_and(|desk| desk.call.is_some())
    }

    /// 示闲 is possible: at once, or to take back what was chosen to follow a call.
    #[must_use]
    pub fn can_go_ready(&self) -> bool {
        let taken_back = self.desk.as_ref().is_some_and(|desk| desk.next.is_some() || desk.awaits.is_some());
        self.online() && (taken_back || matches!(self.state(), Some(AgentState::NotReady(_) | AgentState::WrapUp)))
    }

    /// 锁定: the seat wants its password back.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.online() && self.state() == Some(AgentState::NotReady(NotReadyReason::Locked))
    }

    /// The seat is locked, whatever the connection: nothing of it may be shown.
    #[must_use]
    pub fn shows_lock(&self) -> bool {
        self.state() == Some(AgentState::NotReady(NotReadyReason::Locked))
    }

    /// The headset works, as far as one can tell without a person.
    #[must_use]
    pub fn headset_works(&self) -> bool {
        self.voice.device.is_some() && self.voice.device_problem.is_none()
    }

    /// 座席电话: calls are spoken by the agent's phone, so that this computer's headset does not matter.
    #[must_use]
    pub fn speaks_by_phone(&self) -> bool {
        self.desk.as_ref().is_some_and(|desk| desk.voice.device == VoiceDevice::Phone)
    }

    /// 延长话后处理 is possible.
    #[must_use]
    pub fn can_extend_wrap_up(&self) -> bool {
        let left = self.desk.as_ref().and_then(|desk| desk.wrap_up.as_ref()).map_or(0, |wrap_up| wrap_up.extensions);
        self.online() && left > 0
    }

    /// Whether a card of this interaction may be corrected now: it rings, is spoken with, or is written up.
    #[must_use]
    pub fn can_correct(&self, interaction: InteractionId) -> bool {
        let Some(desk) = &self.desk else { return false };
        let offer = desk.offer.as_ref().map(|offer| offer.call.interaction);
        let call = desk.call.as_ref().map(|call| call.interaction);
        let wrap_up = desk.wrap_up.as_ref().map(|wrap_up| wrap_up.interaction);
        self.online() && [offer, call, wrap_up].contains(&Some(interaction))
    }

    /// How a card of this interaction came to be as it is can be looked up now.
    #[must_use]
    pub fn can_ask_card_history(&self, interaction: InteractionId) -> bool {
        self.rules.card_history && self.can_correct(interaction)
    }

    /// The limits of a reason for 示忙; `None` without any.
    #[must_use]
    pub fn reason_limit(&self, reason: NotReadyReason) -> Option<ReasonLimit> {
        self.rules.reasons.iter().find(|(limited, _)| *limited == reason).map(|(_, limit)| *limit)
    }

    /// 外拨 is possible.
    #[must_use]
    pub fn can_dial(&self) -> bool {
        let locked = AgentState::NotReady(NotReadyReason::Locked);
        self.online() && matches!(self.state(), Some(AgentState::Ready | AgentState::NotReady(_))) && self.state() != Some(locked)
    }

    /// Somebody can be called beside the citizen: 转接, 咨询, 三方.
    #[must_use]
    pub fn can_call_aside(&self) -> bool {
        self.can_do(&CallFunction::Invite { to: shared::model::Target::Agent(AgentId(0)) })
    }

    /// Whether something with the present call is possible: only with one's own, and as far as it is.
    #[must_use]
    pub fn can_do(&self, function: &CallFunction) -> bool {
        let Some(call) = self.desk.as_ref().and_then(|desk| desk.call.as_ref()) else { return false };
        let talk = &call.talk;
        if !self.online() || talk.guest_of.is_some() || call.phase != CallPhase::Talking {
            return false;
        }
        let there = talk.aside.as_ref().is_some_and(|aside| aside.stage == AsideStage::There);
        match function {
            CallFunction::Hold => talk.held.is_none() && talk.aside.is_none(),
            CallFunction::Retrieve => talk.held.is_some() && talk.aside.is_none(),
            CallFunction::Consult { .. } | CallFunction::Invite { .. } | CallFunction::Transfer { .. } => talk.aside.is_none(),
            CallFunction::Swap | CallFunction::Merge | CallFunction::Complete => there,
            CallFunction::Cancel => talk.aside.is_some(),
            CallFunction::Leave => !talk.others.is_empty(),
            CallFunction::DropParty { party } | CallFunction::MuteParty { party, .. } => {
                talk.others.iter().any(|other| other.party == *party)
            }
            CallFunction::PauseRecording => talk.paused_until.is_none(),
            CallFunction::ResumeRecording => talk.paused_until.is_some(),
            CallFunction::PressKeys { .. } => talk.held.is_none() || talk.aside.is_some(),
        }
    }

    /// Whether the person supervises an agent who serves these queues: never oneself.
    #[must_use]
    pub fn supervises(&self, agent: AgentId, queues: &[QueueId]) -> bool {
        let Some(own) = &self.rules.supervises else { return false };
        let is_me = self.me.as_ref().is_some_and(|me| me.agent == agent);
        !is_me && (own.is_empty() || own.iter().any(|queue| queues.contains(queue)))
    }

    /// An act of a supervisor can be asked for now.
    #[must_use]
    pub fn can_supervise(&self) -> bool {
        self.online() && self.rules.supervises.is_some()
    }

    /// 示忙 is possible.
    #[must_use]
    pub fn can_go_not_ready(&self) -> bool {
        self.online()
            && matches!(
                self.state(),
                Some(
                    AgentState::Ready
                        | AgentState::NotReady(_)
                        | AgentState::Offered
                        | AgentState::Talking
                        | AgentState::Holding
                        | AgentState::Consulting
                        | AgentState::Outbound
                        | AgentState::WrapUp
                )
            )
    }

    /// 完成话后处理 is possible.
    #[must_use]
    pub fn can_end_wrap_up(&self) -> bool {
        self.online() && self.drafts_known && self.state() == Some(AgentState::WrapUp)
    }
}
