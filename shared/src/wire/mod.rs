//! The messages between the agent's desktop and the call server; `PROTOCOL.md` explains them in words.
//!
//! One JSON object per WebSocket text frame. Both sides refuse frames over [`MAX_FRAME_BYTES`]. The first message of a
//! client is [`FromClient::Hello`]; a server that does not speak its version says so and closes.

mod house;
mod messages;
mod papers;
mod voice;

pub use house::{AgentsNews, Correction, DeskRules, MOST_WAITING, ReasonLimit, WaitingRow};
pub use messages::{
    MAX_MESSAGE, MESSAGES_PER_FRAME, MOST_PINNED, MailboxPart, MessageChange, MessageFate, MessageLink, MessageRow, MessageTarget,
    MessagesAsked, MessagesNews, RECALL_MS,
};
pub use papers::{Answer, CallsPage, HousePapers, NodeRow, Question};
pub use voice::{VoiceAbilities, VoiceOptions, VoiceOrder};

use crate::model::{
    AgentId, CallFunction, Desk, DraftCopy, InteractionId, Mark, MessageId, NotReadyReason, OfferId, PhoneNumber, Refusal, RequestId,
    SessionId, Summary, SupervisorAct, TalkHealth, UnixMillis, VoiceDevice,
};
use crate::pii::Pii;
use serde::{Deserialize, Serialize};

/// Version of these messages. A change that an older peer cannot ignore raises it.
pub const VERSION: u16 = 1;
/// Largest frame either side accepts, in bytes.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;
/// Most marks of one call that are told.
pub const MOST_MARKS: usize = 300;
/// The client pings this often, in ms; a server that has heard nothing for [`SILENCE_LIMIT_MS`] closes the connection, and so does a client.
pub const HEARTBEAT_MS: u64 = 2_000;
/// Silence after which either side gives a connection up, in ms.
pub const SILENCE_LIMIT_MS: u64 = 6_000;

/// What a desktop says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromClient {
    /// First message of each connection.
    Hello {
        /// [`VERSION`] of the client.
        version: u16,
        /// Program and version, for the log.
        client: String,
    },
    /// Number and password, over TLS only (5-1, T3).
    SignIn {
        /// Staff number 工号.
        number: String,
        /// The password; redacted in any log.
        password: Pii<String>,
        /// End a session of the same person that lives at another desktop; otherwise such a sign-in is refused.
        #[serde(default)]
        take_over: bool,
        /// By what to speak; if untold, as it is set for this agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        voice: Option<VoiceDevice>,
    },
    /// Takes up a session after a cut, without the password.
    Resume {
        /// The token of [`FromServer::SignedIn`].
        token: Pii<String>,
    },
    /// A wish of the agent; answered by [`FromServer::Done`] or [`FromServer::Refused`].
    Do {
        /// Chosen by the client.
        request: RequestId,
        /// What is wished.
        action: Action,
    },
    /// A look into the house's papers, of which the desk does not depend; answered by [`FromServer::Answer`] or [`FromServer::Refused`].
    Ask {
        /// Chosen by the client; the same row of numbers as in [`FromClient::Do`].
        request: RequestId,
        /// What.
        question: Question,
    },
    /// The draft of a summary as it stands now; answered by [`FromServer::Kept`], or by nothing if it cannot be kept.
    Keep(Box<DraftCopy>),
    /// What its voice can; only to a server whose `SignedIn` carried [`VoiceOptions`].
    Voice(VoiceAbilities),
    /// Follow the list of all agents from now on, beginning with the whole of it, or follow it no longer.
    WatchAgents {
        /// Follow.
        on: bool,
    },
    /// What happened where in the recording of a call: for supervisors, and for who took part in it.
    Marks {
        /// Which call.
        interaction: InteractionId,
    },
    /// Follow the citizens who wait in the supervised lines, or no longer; only for supervisors.
    WatchWaiting {
        /// Follow.
        on: bool,
    },
    /// Whether somebody sits at the desk: the headset works, and keyboard or mouse were used a short while ago. Untold is no.
    Attentive {
        /// Somebody does.
        attentive: bool,
    },
    /// Something about one's messages.
    Messages(MessagesAsked),
    /// Every [`HEARTBEAT_MS`].
    Ping {
        /// Returned as it is.
        nonce: u64,
    },
}

/// What an agent may wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// 示闲
    GoReady,
    /// 示忙 with a reason of [`NotReadyReason::CHOOSABLE`].
    GoNotReady {
        /// Why.
        reason: NotReadyReason,
    },
    /// 接听
    Accept {
        /// Which ringing.
        offer: OfferId,
    },
    /// 拒接: the citizen goes back to the head of the line.
    Reject {
        /// Which ringing.
        offer: OfferId,
    },
    /// 挂断
    HangUp {
        /// Which call.
        interaction: InteractionId,
    },
    /// 完成话后处理
    EndWrapUp,
    /// 延长话后处理
    ExtendWrapUp,
    /// 示忙 as soon as the reason has a place free.
    AwaitNotReady {
        /// Why.
        reason: NotReadyReason,
    },
    /// 锁定: the seat wants its password back.
    Lock,
    /// The password of a locked seat.
    Unlock {
        /// The password; redacted in any log.
        password: Pii<String>,
    },
    /// The caller's card is wrong.
    CorrectCaller(Correction),
    /// 小结: the summary of a call that is or was at this desk; a later one takes the place of an earlier one.
    SubmitSummary(Box<Summary>),
    /// A new password; other desktops of the same person are signed in no longer than their sessions last.
    ChangePassword {
        /// The present one; redacted in any log.
        old: Pii<String>,
        /// The new one.
        new: Pii<String>,
    },
    /// 外拨
    Dial {
        /// The number as it is dialled.
        number: Pii<PhoneNumber>,
    },
    /// Something with a call.
    Call {
        /// Which call.
        interaction: InteractionId,
        /// What.
        #[serde(flatten)]
        function: CallFunction,
    },
    /// 督办: only for supervisors, and for those of their team.
    Supervise {
        /// What.
        #[serde(flatten)]
        act: SupervisorAct,
        /// Why, for the audit: never empty, at most [`crate::model::MAX_REASON`] characters.
        reason: String,
    },
    /// 短消息
    SendMessage {
        /// Whom it is for.
        to: MessageTarget,
        /// At most [`MAX_MESSAGE`] characters.
        text: Pii<String>,
        /// What it refers to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<MessageLink>,
    },
    /// 撤回, 置顶: only for supervisors.
    ChangeMessage {
        /// Which.
        message: MessageId,
        /// How.
        change: MessageChange,
    },
    /// To speak by this from now on, also in the middle of a talk: a phone is called first, and joins when it is answered.
    UseVoice {
        /// By what.
        device: VoiceDevice,
    },
    /// 签出
    SignOut,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromServer {
    /// Answer to [`FromClient::Hello`].
    Welcome {
        /// [`VERSION`] of the server.
        version: u16,
        /// Program and version.
        server: String,
    },
    /// Sign-in or resume succeeded; a [`FromServer::Desk`] follows at once.
    SignedIn {
        /// This session.
        session: SessionId,
        /// For [`FromClient::Resume`]; valid while the session lives.
        token: Pii<String>,
        /// Who signed in.
        agent: AgentId,
        /// Staff number.
        number: String,
        /// The agent's name.
        name: String,
        /// Where and with which keys the voice goes.
        media: MediaAccess,
        /// What the site rules for this desk.
        #[serde(default)]
        rules: Box<DeskRules>,
    },
    /// Sign-in or resume failed; the connection stays open for another try.
    SignInRefused {
        /// Why.
        reason: SignInRefusal,
    },
    /// The whole desk, after each change of it.
    Desk(Box<Desk>),
    /// The list of all agents, or what changed in it; only to who follows it.
    Agents(AgentsNews),
    /// Answer to [`FromClient::Marks`]; no marks if the person may not see them, or there are none.
    Marks {
        /// Which call.
        interaction: InteractionId,
        /// In order; at most [`MOST_MARKS`].
        marks: Vec<Mark>,
    },
    /// Who waits in the supervised lines, the longest first; only to who follows them, at most once a second.
    Waiting {
        /// All of them.
        rows: Vec<WaitingRow>,
    },
    /// News of one's messages; only to who has asked for them.
    Messages(MessagesNews),
    /// A request was carried out.
    Done {
        /// Which.
        request: RequestId,
    },
    /// A request was not carried out.
    Refused {
        /// Which.
        request: RequestId,
        /// Why.
        reason: Refusal,
    },
    /// To [`FromClient::Ask`].
    Answer {
        /// Which.
        request: RequestId,
        /// What there is.
        answer: Box<Answer>,
    },
    /// A draft is kept.
    Kept {
        /// Of which call.
        interaction: InteractionId,
        /// Which state of it.
        revision: u64,
        /// When.
        at: UnixMillis,
    },
    /// How to send the voice from now on; only to a client that has said [`FromClient::Voice`].
    Voice(VoiceOrder),
    /// How the agent's talk sounds; likewise.
    TalkHealth(TalkHealth),
    /// The session is over; the connection closes after this.
    SignedOut {
        /// Why.
        reason: SignOutReason,
    },
    /// Answer to [`FromClient::Ping`].
    Pong {
        /// As it came.
        nonce: u64,
        /// The server's clock.
        now: UnixMillis,
    },
    /// The frame before could not be understood; the connection closes after this.
    ProtocolError {
        /// For the log, in English.
        message: String,
    },
}

/// Why a sign-in failed. Unknown number and wrong password are one answer (5-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInRefusal {
    /// Number or password is wrong.
    WrongCredentials,
    /// Too many failures; try again later.
    TooManyAttempts,
    /// The token names no living session: sign in with the password.
    SessionGone,
    /// The same person is signed in at another desktop that is connected; try again with `take_over`.
    SignedInElsewhere,
    /// The server is stopping or has no media path for another agent.
    NotNow,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignOutReason {
    /// The agent asked for it.
    Asked,
    /// The same person signed in elsewhere.
    Superseded,
    /// The desktop was gone for too long.
    Lost,
    /// A supervisor ended it.
    Forced,
    /// The server is stopping.
    ServerStopping,
}

/// Where an agent's voice goes: SRTP over UDP with keys made for this session (T3).
///
/// Both directions use AES-CM-128-HMAC-SHA1-80 (RFC 3711), PCMA at 8 kHz in 20 ms packets, payload type 8.
/// The client sends from one socket for the whole session, also outside calls (a silent packet each second keeps the path open).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaAccess {
    /// UDP port at the server's address (the host the WebSocket was opened to).
    pub port: u16,
    /// SSRC that the client must send with; the server finds the session by it.
    pub client_ssrc: u32,
    /// SSRC that the server sends with.
    pub server_ssrc: u32,
    /// Master key and salt of the client's direction: 30 bytes, base64.
    pub client_key: String,
    /// Master key and salt of the server's direction: 30 bytes, base64.
    pub server_key: String,
    /// What the server can beyond that; an older one says nothing, and an older client does not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<VoiceOptions>,
}

impl std::fmt::Debug for MediaAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaAccess").field("port", &self.port).field("keys", &"<secret>").finish_non_exhaustive()
    }
}

/// A frame that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Over [`MAX_FRAME_BYTES`].
    #[error("a frame of {0} bytes is over the limit of {MAX_FRAME_BYTES}")]
    TooLarge(usize),
    /// Not JSON of ours. The position is given, never the content.
    #[error("not a message of protocol version {VERSION} (line {line}, column {column})")]
    NotUnderstood {
        /// Line of the fault.
        line: usize,
        /// Column of the fault.
        column: usize,
    },
}

/// Reads one frame.
///
/// # Errors
/// [`WireError`] for a frame that is too large or not of this version; its text carries no content of the frame.
pub fn decode<T: for<'de> Deserialize<'de>>(frame: &str) -> Result<T, WireError> {
    if frame.len() > MAX_FRAME_BYTES {
        return Err(WireError::TooLarge(frame.len()));
    }
    serde_json::from_str(frame).map_err(|error| WireError::NotUnderstood { line: error.line(), column: error.column() })
}

/// Writes one frame.
pub fn encode<T: Serialize>(message: &T) -> String {
    serde_json::to_string(message).expect("wire messages have string keys and no failing serializers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Target, VoiceCodec};

    #[test]
    fn a_message_survives_the_wire() {
        let message = FromClient::Do { request: RequestId(7), action: Action::GoNotReady { reason: NotReadyReason::Meal } };
        let frame = encode(&message);
        assert_eq!(frame, r#"{"type":"do","request":7,"action":{"do":"go_not_ready","reason":"meal"}}"#);
        assert_eq!(decode::<FromClient>(&frame).expect("own frame decodes"), message);
    }

    #[test]
    fn a_call_function_is_one_flat_object() {
        let to = Target::Number(PhoneNumber::parse("13900000001").expect("a number").into());
        let action = Action::Call { interaction: InteractionId(5), function: CallFunction::Consult { to } };
        let message = FromClient::Do { request: RequestId(7), action };
        let frame = encode(&message);
        let written = r#"{"do":"call","interaction":5,"function":"consult","to":{"kind":"number","id":"13900000001"}}"#;
        assert_eq!(frame, format!(r#"{{"type":"do","request":7,"action":{written}}}"#));
        assert_eq!(decode::<FromClient>(&frame).expect("own frame decodes"), message);
    }

    #[test]
    fn a_bad_frame_is_refused_without_repeating_it() {
        let secret = r#"{"type":"sign_in","number":"1001","password":12}"#;
        let error = decode::<FromClient>(secret).expect_err("a number is no password").to_string();
        assert!(!error.contains("1001"), "{error}");
        let huge = " ".repeat(MAX_FRAME_BYTES + 1);
        assert!(matches!(decode::<FromClient>(&huge), Err(WireError::TooLarge(_))));
    }

    #[test]
    fn an_older_servers_media_is_understood_and_a_newer_ones_codec_does_no_harm() {
        let old = r#"{"port":1,"client_ssrc":2,"server_ssrc":3,"client_key":"a","server_key":"b"}"#;
        let access: MediaAccess = decode(old).expect("no options");
        assert_eq!(access.options, None);
        assert_eq!(encode(&access), old, "an older client sees what it always saw");
        let said = r#"{"type":"voice","codecs":["pcma","evs"]}"#;
        let FromClient::Voice(abilities) = decode(said).expect("a codec of the future") else { panic!("another message") };
        assert_eq!(abilities, VoiceAbilities { codecs: vec![VoiceCodec::Pcma, VoiceCodec::Unknown], muted: false });
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let sign_in = FromClient::SignIn { number: "1001".into(), password: "geheim".to_owned().into(), take_over: false, voice: None };
        assert!(!format!("{sign_in:?}").contains("geheim"));
    }
}
