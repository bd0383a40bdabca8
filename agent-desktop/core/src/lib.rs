//! The desktop's pure session: what the program knows and wants, without window, socket, sound card or clock.
//!
//! One [`Event`] in, then drain [`Effect`]s, then read the [`View`]. The same session runs behind the window and headless.

mod drafts;
mod find;
mod headset;
mod heartbeat;
mod session;
mod view;

pub use drafts::Draft;
pub use find::found;
pub use headset::{Headset, HeadsetButton, HeadsetLights};
pub use session::messages::Messages;
pub use session::{Saved, Session};
pub use view::{
    CardHistory, DeviceProblem, Devices, HistoryTold, LinkState, Me, Papers, SignInProblem, SoundTest, View, VoiceStatus, VoiceWay,
};

use serde::{Deserialize, Serialize};
use shared::model::{CallFunction, DraftCopy, InteractionId, MessageId, NotReadyReason, PhoneNumber, Summary, SupervisorAct, VoiceDevice};
use shared::pii::Pii;
use shared::wire::{Correction, FromClient, FromServer, MediaAccess, MessageChange, MessageLink, MessageTarget, Question, VoiceOrder};

/// Milliseconds of a monotonic clock that the skin reads.
pub type Millis = u64;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The person at the screen (or the headless script) wants something.
    Wish(Wish),
    /// The socket is open and TLS agreed; the session says hello and signs in or resumes.
    LinkUp,
    /// The socket closed or could not be opened.
    LinkDown(LinkFailure),
    /// A frame of the server.
    Received(Box<FromServer>),
    /// What the voice path reports, at most ten times a second.
    Voice(VoiceStatus),
    /// Drafts of this staff number that are on the disk; answer to [`Effect::FindDrafts`].
    DraftsFound {
        /// Whose.
        number: String,
        /// What there is.
        drafts: Vec<DraftCopy>,
    },
    /// A button of a USB headset.
    Headset(HeadsetButton),
    /// Time passed: reconnect and heartbeat deadlines fire.
    Tick,
}

/// Why the socket is not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkFailure {
    /// Nobody listens there, or the name does not resolve; the text is the system's.
    Unreachable(String),
    /// The server's certificate is signed by nobody we trust; the person may accept its fingerprint (SHA-256, `AB:CD:…`).
    UnknownCertificate {
        /// To be compared with the one the server printed at `init`.
        fingerprint: String,
    },
    /// The certificate is not the one that was accepted before: never connect by itself.
    ChangedCertificate {
        /// The new one.
        fingerprint: String,
    },
    /// It was open and broke.
    Broken(String),
    /// The server spoke something else.
    Protocol(String),
}

/// What a person may want. The session ignores what is not possible now; buttons are enabled by [`View`]'s `can_*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// 登录
    SignIn {
        /// `host:port`.
        server: String,
        /// Staff number.
        number: String,
        /// Password; forgotten as soon as it is sent.
        password: Pii<String>,
    },
    /// Accept the fingerprint of [`LinkFailure::UnknownCertificate`], remember it for this server, and go on.
    TrustCertificate,
    /// Give a sign-in or reconnect up.
    Cancel,
    /// 示闲
    GoReady,
    /// 示忙
    GoNotReady(NotReadyReason),
    /// 接听
    Answer,
    /// 拒接
    Reject,
    /// 挂断
    HangUp,
    /// The person is signed in elsewhere and wants to work here instead.
    TakeOver,
    /// 示忙 as soon as the reason has a place free.
    AwaitNotReady(NotReadyReason),
    /// 延长话后处理
    ExtendWrapUp,
    /// 锁定
    Lock,
    /// The password of a locked seat.
    Unlock(Pii<String>),
    /// Follow the list of all agents, or follow it no longer.
    WatchAgents(bool),
    /// The caller's card is wrong.
    Correct(Correction),
    /// Whether somebody sits here: the headset works, and keyboard or mouse were used a short while ago.
    Attentive(bool),
    /// 完成话后处理
    EndWrapUp,
    /// 外拨
    Dial(Pii<PhoneNumber>),
    /// Something with the present call.
    Call(CallFunction),
    /// Something of a supervisor, and why.
    Supervise(SupervisorAct, String),
    /// 静音: the microphone is silent, or open again.
    Mute(bool),
    /// Something is to be looked up.
    Look(Question),
    /// The draft of a summary as it stands now.
    Write(Box<Summary>),
    /// 小结 is complete.
    Submit {
        /// What is written.
        summary: Box<Summary>,
        /// And the wrap-up of this call is over.
        end: bool,
    },
    /// A new password.
    ChangePassword {
        /// The present one.
        old: Pii<String>,
        /// The new one.
        new: Pii<String>,
    },
    /// Which devices, and how loud.
    Sound(SoundSettings),
    /// The sound test goes on with this.
    TestSound(SoundTest),
    /// What happened where in the recording of a call.
    Marks(InteractionId),
    /// Follow who waits in the supervised lines, or no longer.
    WatchWaiting(bool),
    /// 短消息
    SendMessage(MessageTarget, String, Option<MessageLink>),
    /// 撤回, 置顶; only of supervisors.
    ChangeMessage(MessageId, MessageChange),
    /// Everything that came was read.
    ReadMessages,
    /// Older messages than those that are shown.
    OlderMessages,
    /// To speak by the headset or by a phone; before the sign-in it is what the sign-in asks for.
    UseVoice(VoiceDevice),
    /// 签出
    SignOut,
    /// The notice or refusal on the screen was read.
    Dismiss,
}

/// One thing to be done by the skin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open a socket to `host:port`; answer with `LinkUp` or `LinkDown`.
    Connect {
        /// Where.
        server: String,
    },
    /// Close it; no answer wanted.
    Disconnect,
    /// Send a frame.
    Send(FromClient),
    /// Remember an accepted fingerprint for a server.
    Trust {
        /// `host:port`.
        server: String,
        /// SHA-256.
        fingerprint: String,
    },
    /// A wish was not possible: nothing was sent.
    Refuse,
    /// To the voice path.
    Voice(VoiceCommand),
    /// Whether the voice path may send its packets through the socket from now on, when UDP does not get through.
    Tunnel(bool),
    /// Look for drafts of this staff number on the disk; answer with `DraftsFound`.
    FindDrafts {
        /// Whose.
        number: String,
        /// Under which key they are there, in base64; empty: there are none.
        key: Pii<String>,
    },
    /// Write a draft to the disk in place of an older one.
    KeepDraft {
        /// Whose.
        number: String,
        /// Under this key; never empty.
        key: Pii<String>,
        /// What.
        draft: Box<DraftCopy>,
    },
    /// Take a draft off the disk.
    ForgetDraft {
        /// Whose.
        number: String,
        /// Of which call.
        interaction: InteractionId,
    },
    /// Ring on or off.
    Ring(bool),
    /// One short sound: the server has changed something that the agent did not ask for (I-29).
    Alert,
}

/// Devices by role, and how loud. `None` is the system's choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SoundSettings {
    /// Takes the agent's voice.
    pub microphone: Option<String>,
    /// Gives the citizen's voice.
    pub loudspeaker: Option<String>,
    /// Sounds the ring beside the loudspeaker, so that it is heard while the headset lies on the desk; `None` is nowhere else.
    pub ringer: Option<String>,
    /// Volume of the citizen's voice in percent of what came.
    pub volume_percent: u16,
    /// Volume of the ring.
    pub ring_percent: u16,
    /// The citizen's voice is taken out of the microphone's: for whoever hears by a loudspeaker, not for a headset.
    pub cancel_echo: bool,
    /// Noise is lowered.
    pub reduce_noise: bool,
    /// A soft voice is raised.
    pub even_level: bool,
}

impl SoundSettings {
    /// Loudest volume, in percent.
    pub const LOUDEST: u16 = 200;
}

impl Default for SoundSettings {
    fn default() -> Self {
        Self {
            microphone: None,
            loudspeaker: None,
            ringer: None,
            volume_percent: 100,
            ring_percent: 100,
            cancel_echo: false,
            reduce_noise: false,
            even_level: false,
        }
    }
}

/// To the voice path. It goes on working while the socket is down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoiceCommand {
    /// Start sending and receiving with these keys; a path that is open with the same keys is left alone.
    Open {
        /// The server's host, as it was connected to.
        host: String,
        /// Port and keys.
        access: MediaAccess,
    },
    /// `true`: microphone and loudspeaker are live (in a call). `false`: only keep the path open with silent packets.
    Talk(bool),
    /// The loudspeaker alone is live: what the server says to the agent before it accepts a call by itself.
    Listen(bool),
    /// The microphone is silent in a call, or open again.
    Mute(bool),
    /// Which devices, and how loud.
    Sound(SoundSettings),
    /// The sound test goes on with this; `Off` ends it.
    Test(SoundTest),
    /// How to send from now on.
    Send(VoiceOrder),
    /// Stop and forget the keys.
    Close,
}
