//! Which session speaks through which connection, and the token that brings a desktop back to its session.
//!
//! Not a second opinion on sessions: `call-core` begins and ends them. An entry lives from the verified password until
//! `SignedOut` or `SignInFailed`.

use super::{Person, translate};
use base64::Engine;
use call_core::command::AgentCommand;
use shared::model::{AgentId, Caller, Desk, InteractionId, SessionId, UnixMillis};
use shared::wire::{DeskRules, FromServer, MediaAccess, MessagesNews, VoiceOrder};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};

/// Length of a session's token before encoding.
const TOKEN_BYTES: usize = 32;

/// What a session has to say to its connection.
#[derive(Debug)]
pub(super) enum Push {
    /// One message.
    Say(FromServer),
    /// The core cannot serve this sign-in; the connection may try again.
    Failed,
    /// The last message: close after it.
    Close(FromServer),
}

/// A connection as its session sees it.
#[derive(Clone)]
pub(super) struct Line {
    id: u64,
    pushes: mpsc::Sender<Push>,
    cut: Arc<Notify>,
}

/// The connection's own end of a [`Line`].
pub(super) struct LineEnd {
    pub(super) id: u64,
    pub(super) pushes: mpsc::Receiver<Push>,
    /// Notified when the connection is to be dropped at once: it does not read, or another took its place.
    pub(super) cut: Arc<Notify>,
}

/// All living sessions.
pub(super) struct Sessions {
    outgoing: usize,
    next_session: u64,
    next_line: u64,
    sessions: HashMap<SessionId, Session>,
    tokens: HashMap<String, SessionId>,
}

struct Session {
    person: Person,
    token: String,
    stage: Stage,
    line: Option<Line>,
    /// Its client has said what its voice can.
    understands_voice: bool,
    /// Its client has asked for its messages.
    follows_messages: bool,
    /// As they were at the sign-in.
    rules: DeskRules,
}

enum Stage {
    /// The password was right; the core has not answered yet.
    Arriving,
    /// The core has a desk for it. The newest desk is kept for a desktop that comes back.
    Signed { access: MediaAccess, desk: Option<Box<Desk>> },
}

impl Sessions {
    /// An empty table whose session ids begin at a random place, so that they do not repeat after a restart.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new(outgoing: usize) -> std::io::Result<Self> {
        let mut seed = [0u8; 8];
        getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
        // 2^52 keeps the ids exact in every JSON reader and positive in the store, with room to count on.
        let next_session = u64::from_le_bytes(seed) & ((1 << 52) - 1);
        Ok(Self { outgoing, next_session, next_line: 0, sessions: HashMap::new(), tokens: HashMap::new() })
    }

    /// Both ends for a new connection.
    pub(super) fn line(&mut self) -> (Line, LineEnd) {
        let (sender, receiver) = mpsc::channel(self.outgoing);
        let cut = Arc::new(Notify::new());
        self.next_line += 1;
        let line = Line { id: self.next_line, pushes: sender, cut: Arc::clone(&cut) };
        (line, LineEnd { id: self.next_line, pushes: receiver, cut })
    }

    /// Whether somebody has a session with a living connection.
    pub(super) fn is_at_a_desk(&self, agent: AgentId) -> bool {
        let mine = self.sessions.values().filter(|session| session.person.agent == agent);
        mine.into_iter().any(|session| session.line.is_some() && matches!(session.stage, Stage::Signed { .. }))
    }

    /// Who a session belongs to.
    pub(super) fn person(&self, id: SessionId) -> Option<&Person> {
        self.sessions.get(&id).map(|session| &session.person)
    }

    /// Whether a call rings at this session's desk, is spoken with there, or is written up.
    pub(super) fn has_on_desk(&self, id: SessionId, interaction: InteractionId) -> bool {
        let Some(Session { stage: Stage::Signed { desk: Some(desk), .. }, .. }) = self.sessions.get(&id) else { return false };
        let offer = desk.offer.as_ref().map(|offer| offer.call.interaction);
        let call = desk.call.as_ref().map(|call| call.interaction);
        let wrap_up = desk.wrap_up.as_ref().map(|wrap_up| wrap_up.interaction);
        [offer, call, wrap_up].contains(&Some(interaction))
    }

    /// Who calls in the call that rings at this session's desk or is spoken with there.
    pub(super) fn caller_on_desk(&self, id: SessionId, interaction: InteractionId) -> Option<Caller> {
        let Session { stage: Stage::Signed { desk: Some(desk), .. }, .. } = self.sessions.get(&id)? else { return None };
        let mut calls = desk.offer.as_ref().map(|offer| &offer.call).into_iter().chain(desk.call.as_ref());
        calls.find(|call| call.interaction == interaction).map(|call| call.caller.clone())
    }

    /// The owner has chosen a password.
    pub(super) fn password_changed(&mut self, agent: AgentId) {
        for session in self.sessions.values_mut().filter(|session| session.person.agent == agent) {
            session.person.password_is_initial = false;
        }
    }

    /// A new session for somebody whose password was right.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn begin(&mut self, person: Person, line: Line, rules: DeskRules) -> Result<SessionId, getrandom::Error> {
        let mut bytes = [0u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes)?;
        let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        self.next_session += 1;
        let id = SessionId(self.next_session);
        self.tokens.insert(token.clone(), id);
        let rules = DeskRules { supervises: person.supervises.clone(), ..rules };
        self.sessions.insert(
            id,
            Session { person, token, stage: Stage::Arriving, line: Some(line), understands_voice: false, follows_messages: false, rules },
        );
        Ok(id)
    }

    /// Gives the session of this token to a new connection and cuts the older one. The new one is told at once what it needs.
    /// The desk is as of `now`: timers on the screen count from it.
    pub(super) fn resume(&mut self, token: &str, line: Line, (now, rules): (UnixMillis, DeskRules)) -> Option<(SessionId, AgentId)> {
        let id = *self.tokens.get(token)?;
        let session = self.sessions.get_mut(&id)?;
        let drafts_key = std::mem::take(&mut session.rules.drafts_key);
        session.rules = DeskRules { supervises: session.person.supervises.clone(), drafts_key, ..rules };
        let Stage::Signed { access, desk } = &session.stage else { return None };
        let greeting = signed_in(id, session, access.clone());
        (session.understands_voice, session.follows_messages) = (false, false);
        let desk = desk.as_deref().map(|desk| Box::new(Desk { now, ..desk.clone() }));
        if let Some(older) = session.line.replace(line) {
            older.cut.notify_one();
        }
        session.push(Push::Say(greeting));
        if let Some(desk) = desk {
            session.push(Push::Say(FromServer::Desk(desk)));
        }
        Some((id, session.person.agent))
    }

    /// A connection is gone. True if the session spoke through it until now: then the core must know.
    pub(super) fn detach(&mut self, id: SessionId, line: u64) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        let was_current = session.line.as_ref().is_some_and(|current| current.id == line);
        if was_current {
            session.line = None;
            if matches!(session.stage, Stage::Arriving) {
                self.forget(id);
            }
        }
        was_current
    }

    pub(super) fn connected(&self) -> usize {
        self.sessions.values().filter(|session| session.line.is_some() && matches!(session.stage, Stage::Signed { .. })).count()
    }

    /// Carries one command out. Commands for sessions that are gone are late and mean nothing.
    pub(super) fn carry_out(&mut self, command: AgentCommand) {
        match command {
            AgentCommand::SignedIn { session, access, .. } => self.signed_in(session, &access.0),
            AgentCommand::SignInFailed { session, .. } => {
                if let Some(mut ended) = self.forget(session) {
                    ended.push(Push::Failed);
                }
            }
            AgentCommand::SignedOut { session, why, .. } => {
                if let Some(mut ended) = self.forget(session) {
                    ended.push(Push::Close(FromServer::SignedOut { reason: translate::sign_out_reason(why) }));
                }
            }
            // The list of all agents belongs to no session; it is kept apart.
            AgentCommand::Floor(_) => {}
            AgentCommand::Show { session, desk, .. } => self.show(session, desk),
            AgentCommand::Voice { session, codec, expected_loss_percent, .. } => {
                self.say_of_voice(session, FromServer::Voice(VoiceOrder { codec, expected_loss_percent }));
            }
            AgentCommand::TalkHealth { session, health, .. } => self.say_of_voice(session, FromServer::TalkHealth(*health)),
            AgentCommand::Done { session, request, .. } => self.say(session, FromServer::Done { request }),
            AgentCommand::Refuse { session, request, reason, .. } => self.say(session, FromServer::Refused { request, reason }),
        }
    }

    fn signed_in(&mut self, id: SessionId, access: &str) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Ok(access) = serde_json::from_str::<MediaAccess>(access) else {
            tracing::error!(session = id.0, "media access is not of this wire version; the desktop cannot be served");
            return session.cut();
        };
        let greeting = signed_in(id, session, access.clone());
        session.stage = Stage::Signed { access, desk: None };
        session.push(Push::Say(greeting));
    }

    fn show(&mut self, id: SessionId, desk: Box<Desk>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if let Stage::Signed { desk: newest, .. } = &mut session.stage {
            *newest = Some(desk.clone());
        }
        session.push(Push::Say(FromServer::Desk(desk)));
    }

    fn say(&mut self, id: SessionId, message: FromServer) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.push(Push::Say(message));
        }
    }

    /// The client wants to be told of messages from now on.
    pub(super) fn follows_messages(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.follows_messages = true;
        }
    }

    /// To every desktop of an agent that follows its messages.
    pub(super) fn say_of_messages(&mut self, agent: AgentId, news: &MessagesNews) {
        for session in self.sessions.values_mut().filter(|session| session.person.agent == agent && session.follows_messages) {
            session.push(Push::Say(FromServer::Messages(news.clone())));
        }
    }

    /// The connection's client knows the messages about its voice.
    pub(super) fn understands_voice(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.understands_voice = true;
        }
    }

    /// An older client would take it for a fault of ours.
    fn say_of_voice(&mut self, id: SessionId, message: FromServer) {
        if let Some(session) = self.sessions.get_mut(&id).filter(|session| session.understands_voice) {
            session.push(Push::Say(message));
        }
    }

    fn forget(&mut self, id: SessionId) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        self.tokens.remove(&session.token);
        Some(session)
    }
}

impl Session {
    /// Never waits: a line that has no room left is cut. The line stays attached until its task has told the core.
    fn push(&mut self, push: Push) {
        if self.line.as_ref().is_some_and(|line| line.pushes.try_send(push).is_err()) {
            self.cut();
        }
    }

    fn cut(&self) {
        if let Some(line) = &self.line {
            line.cut.notify_one();
        }
    }
}

fn signed_in(id: SessionId, session: &Session, media: MediaAccess) -> FromServer {
    FromServer::SignedIn {
        session: id,
        token: session.token.clone().into(),
        agent: session.person.agent,
        number: session.person.number.clone(),
        name: session.person.name.clone(),
        media,
        rules: Box::new(DeskRules { password_is_initial: session.person.password_is_initial, ..session.rules.clone() }),
    }
}
