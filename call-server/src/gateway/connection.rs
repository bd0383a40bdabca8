//! One desktop's connection: reads its messages, carries what the session has to say, and ends for a named reason.

use super::sessions::{Line, LineEnd, Push};
use super::{Attempt, Person, Shared, messages, translate};
use crate::tunnel::{PACKET_BYTES, TunnelPacket};
use call_core::Input;
use call_core::input::AgentAction;
use futures_util::{SinkExt, StreamExt};
use shared::model::{AgentId, CallerPerson, InteractionId, Refusal, RequestId, SessionId, UnixMillis, VoiceDevice};
use shared::pii::Pii;
use shared::wire::{self, Correction, DeskRules, FromClient, FromServer, SignInRefusal, WaitingRow};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// What this server calls itself in [`FromServer::Welcome`].
const SERVER: &str = concat!("call-server ", env!("CARGO_PKG_VERSION"));

/// Longest number or password that is looked at.
const MAX_CREDENTIAL_BYTES: usize = 256;

/// Why a connection ended; for the log.
#[derive(Debug)]
pub(super) enum End {
    /// The client closed, or the network did.
    Closed,
    /// The client said nothing for too long.
    Silent,
    /// Nobody signed in for too long.
    Stranger,
    /// The client does not read, or another connection took its session.
    Cut,
    /// The client broke the protocol.
    Protocol(String),
    /// The session is over.
    SignedOut,
    /// The core did not answer a sign-in.
    NoAnswer,
    /// The server stops.
    Stopping,
}

/// How far this connection has come.
enum Progress {
    /// Nothing said yet.
    New,
    /// The version fits.
    Welcome,
    /// The password was right; the core has until the deadline to answer.
    Arriving { session: SessionId, agent: AgentId, deadline: Instant },
    /// The session speaks through this connection.
    Signed { session: SessionId, agent: AgentId },
}

impl Progress {
    fn session(&self) -> Option<(SessionId, AgentId)> {
        match self {
            Self::New | Self::Welcome => None,
            Self::Arriving { session, agent, .. } | Self::Signed { session, agent } => Some((*session, *agent)),
        }
    }
}

pub(super) struct Connection {
    socket: Socket,
    peer: SocketAddr,
    pub(super) shared: Arc<Shared>,
    line: Line,
    end: LineEnd,
    progress: Progress,
    opened: Instant,
    pub(super) heard: Instant,
    /// What media has for it, since it sent a voice packet.
    voice: Option<mpsc::Receiver<TunnelPacket>>,
    watching: Option<Watching>,
    messages: messages::Rate,
    waiting: Option<FollowsWaiting>,
}

/// A supervisor follows who waits.
struct FollowsWaiting {
    /// What was told last.
    told: Option<Vec<WaitingRow>>,
    next: Instant,
}

/// Somebody follows the list of all agents.
struct Watching {
    /// The version that was told last.
    known: Option<u64>,
    versions: watch::Receiver<u64>,
    not_before: Instant,
}

/// Serves one connection to its end and tells the core if a session lost its voice by it.
pub(super) async fn serve(socket: Socket, peer: SocketAddr, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let (line, end) = shared.sessions().line();
    let now = Instant::now();
    let (progress, voice, watching) = (Progress::New, None, None);
    let messages = messages::Rate::default();
    let mut connection =
        Connection { socket, peer, shared, line, end, progress, opened: now, heard: now, voice, watching, messages, waiting: None };
    let why = connection.run(stop).await;
    tracing::info!(%peer, session = connection.progress.session().map(|(session, _)| session.0), ?why, "connection ended");
    connection.leave(why).await;
}

impl Connection {
    async fn run(&mut self, mut stop: watch::Receiver<bool>) -> End {
        loop {
            let (deadline, late) = self.deadline();
            let step = tokio::select! {
                biased;
                () = self.end.cut.notified() => Err(End::Cut),
                Some(push) = self.end.pushes.recv() => self.carry(push).await,
                Some(packet) = next_packet(&mut self.voice) => self.write(Message::binary(packet.bytes().to_vec())).await,
                frame = self.socket.next() => self.hear(frame).await,
                () = tokio::time::sleep_until(deadline) => Err(late),
                () = stopped(&mut stop) => Err(End::Stopping),
                () = news(&mut self.watching) => self.tell_agents().await,
                () = due(self.waiting.as_ref().map(|waiting| waiting.next)) => self.tell_waiting().await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// The next instant at which this connection has waited too long, and for what.
    fn deadline(&self) -> (Instant, End) {
        let limits = &self.shared.limits;
        let silent = (self.heard + limits.silence, End::Silent);
        match &self.progress {
            Progress::New => (self.opened + limits.handshake, End::Silent),
            Progress::Welcome if self.opened + limits.stranger < silent.0 => (self.opened + limits.stranger, End::Stranger),
            Progress::Arriving { deadline, .. } if *deadline < silent.0 => (*deadline, End::NoAnswer),
            Progress::Welcome | Progress::Arriving { .. } | Progress::Signed { .. } => silent,
        }
    }

    async fn hear(&mut self, frame: Option<Result<Message, SocketError>>) -> Result<(), End> {
        self.heard = Instant::now();
        match frame {
            Some(Ok(Message::Text(text))) => match wire::decode::<FromClient>(text.as_str()) {
                Ok(message) => self.act(message).await,
                Err(error) => Err(End::Protocol(error.to_string())),
            },
            // tungstenite answers a WebSocket ping by itself.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(()),
            Some(Ok(Message::Binary(packet))) => self.hear_voice(&packet),
            Some(Err(SocketError::Capacity(error))) => Err(End::Protocol(error.to_string())),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Closed),
        }
    }

    async fn act(&mut self, message: FromClient) -> Result<(), End> {
        match (message, &self.progress) {
            (FromClient::Hello { version, client }, Progress::New) => self.greet(version, &client).await,
            (FromClient::SignIn { number, password, take_over, voice }, Progress::Welcome) => {
                self.sign_in((number, password), take_over, voice).await
            }
            (FromClient::Resume { token }, Progress::Welcome) => self.resume(&token).await,
            (FromClient::Do { request, action }, Progress::Signed { session, agent }) => {
                let whose = (*agent, *session);
                self.wish(whose, request, translate::wish(action)).await
            }
            (FromClient::Ask { request, question }, Progress::Signed { session, agent }) => {
                self.answer((*agent, *session), request, question).await
            }
            (FromClient::Keep(draft), Progress::Signed { session, agent }) => self.keep((*agent, *session), *draft).await,
            (FromClient::WatchAgents { on }, Progress::Signed { .. }) => {
                self.watching = on.then(|| Watching { known: None, versions: self.shared.floor().versions(), not_before: Instant::now() });
                Ok(())
            }
            (FromClient::WatchWaiting { on }, Progress::Signed { .. }) => {
                self.waiting = on.then(|| FollowsWaiting { told: None, next: Instant::now() });
                Ok(())
            }
            (FromClient::Attentive { attentive }, Progress::Signed { session, agent }) => {
                self.shared.inbox.send(Input::AgentAttentive { agent: *agent, session: *session, attentive });
                Ok(())
            }
            (FromClient::Marks { interaction }, Progress::Signed { session, agent }) => {
                let whose = (*agent, *session);
                self.tell_marks(whose, interaction).await
            }
            (FromClient::Messages(asked), Progress::Signed { session, agent }) => {
                let (session, agent) = (*session, *agent);
                // Before the rows are read: what comes in between is told twice, and never not at all.
                self.shared.sessions().follows_messages(session);
                let answer = messages::asked(&self.shared, agent, asked).await;
                self.heard = Instant::now();
                match answer {
                    Some(answer) => self.say(&answer).await,
                    None => Ok(()),
                }
            }
            (FromClient::Voice(abilities), Progress::Signed { session, agent }) => {
                let (session, agent) = (*session, *agent);
                self.shared.sessions().understands_voice(session);
                self.shared.inbox.send(Input::Voice(translate::abilities(agent, session, &abilities)));
                Ok(())
            }
            (_, Progress::New) => Err(End::Protocol("the first message is hello".to_owned())),
            (FromClient::Hello { .. }, _) => Err(End::Protocol("hello is said once".to_owned())),
            (FromClient::Ping { nonce }, _) => self.say(&FromServer::Pong { nonce, now: now() }).await,
            (FromClient::SignIn { .. } | FromClient::Resume { .. }, _) => Err(End::Protocol("already signed in".to_owned())),
            (
                FromClient::Do { .. }
                | FromClient::Ask { .. }
                | FromClient::Keep(_)
                | FromClient::Voice(_)
                | FromClient::WatchAgents { .. }
                | FromClient::Attentive { .. }
                | FromClient::Messages(_)
                | FromClient::WatchWaiting { .. }
                | FromClient::Marks { .. },
                _,
            ) => Err(End::Protocol("not signed in".to_owned())),
        }
    }

    /// A voice packet, protected for media alone: here only its length counts.
    fn hear_voice(&mut self, packet: &[u8]) -> Result<(), End> {
        if !matches!(self.progress, Progress::Signed { .. }) || packet.len() > PACKET_BYTES {
            return Err(End::Protocol("binary frames are voice packets of a signed-in agent".to_owned()));
        }
        if self.voice.is_none() {
            self.voice = Some(self.shared.voices.listen(self.end.id));
        }
        self.shared.voices.send(self.end.id, packet);
        Ok(())
    }

    async fn greet(&mut self, version: u16, client: &str) -> Result<(), End> {
        let client: String = client.chars().filter(|character| !character.is_control()).take(80).collect();
        tracing::info!(peer = %self.peer, version, client, "desktop connected");
        if version != wire::VERSION {
            return Err(End::Protocol(format!("this server speaks version {}, not {version}", wire::VERSION)));
        }
        self.progress = Progress::Welcome;
        self.say(&FromServer::Welcome { version: wire::VERSION, server: SERVER.to_owned() }).await
    }

    async fn wish(&mut self, (agent, session): (AgentId, SessionId), request: RequestId, wish: translate::Wish) -> Result<(), End> {
        let must_change = self.shared.sessions().person(session).is_some_and(|person| person.password_is_initial);
        let refusal = match wish {
            translate::Wish::ChangePassword { old, new } => self.change_password(session, old, new).await.err(),
            translate::Wish::Core(action) if must_change && !matches!(action, AgentAction::SignOut) => Some(Refusal::PasswordFirst),
            translate::Wish::Submit(summary) => self.submit((agent, session), *summary).await.err(),
            translate::Wish::Core(action) => {
                self.shared.inbox.send(Input::AgentAsked { agent, session, request, action });
                return Ok(());
            }
            translate::Wish::Unlock(password) => {
                let number = self.staff_number(session);
                if self.check(number, password).await.is_ok() {
                    self.shared.inbox.send(Input::AgentAsked { agent, session, request, action: AgentAction::Unlock });
                    return Ok(());
                }
                Some(Refusal::Locked)
            }
            translate::Wish::ChangeMessage(message, change) => {
                let supervises = self.shared.sessions().person(session).is_some_and(|person| person.supervises.is_some());
                if supervises { messages::change(&self.shared, agent, message, change).await.err() } else { Some(Refusal::NotAllowed) }
            }
            translate::Wish::Message(to, link, text) => {
                let limits = &self.shared.limits;
                if self.messages.admits(Instant::now(), limits.messages, limits.message_window) {
                    messages::send(&self.shared, agent, (to, link), text.reveal()).await.err()
                } else {
                    Some(Refusal::TooManyMessages)
                }
            }
            translate::Wish::Correct(correction) => self.correct(session, correction).await.err(),
        };
        self.heard = Instant::now();
        match refusal {
            Some(reason) => self.say(&FromServer::Refused { request, reason }).await,
            None => self.say(&FromServer::Done { request }).await,
        }
    }

    pub(super) fn staff_number(&self, session: SessionId) -> String {
        self.shared.sessions().person(session).map(|person| person.number.clone()).unwrap_or_default()
    }

    /// Only the card of a call that is at this desk, and only what fits on a card.
    async fn correct(&self, session: SessionId, correction: Correction) -> Result<(), Refusal> {
        if !self.shared.sessions().has_on_desk(session, correction.interaction) {
            return Err(Refusal::NoSuchCall);
        }
        if !fits(&correction) {
            return Err(Refusal::NotSaved);
        }
        let caller = self.shared.sessions().caller_on_desk(session, correction.interaction);
        let (people, by) = (Arc::clone(&self.shared.people), self.staff_number(session));
        tokio::task::spawn_blocking(move || people.correct(&by, caller, &correction)).await.unwrap_or(Err(Refusal::NotSaved))
    }

    /// Brings a follower of the list of all agents up to date.
    async fn tell_agents(&mut self) -> Result<(), End> {
        let (Progress::Signed { session, .. }, Some(watching)) = (&self.progress, &mut self.watching) else { return Ok(()) };
        let sees_numbers = self.shared.sessions().person(*session).is_some_and(|person| person.sees_numbers);
        let (frames, version) = self.shared.floor().news_since(watching.known, sees_numbers);
        watching.known = Some(version);
        watching.not_before = Instant::now() + self.shared.limits.news;
        for news in frames {
            self.say(&FromServer::Agents(news)).await?;
        }
        Ok(())
    }

    async fn tell_marks(&mut self, (agent, session): (AgentId, SessionId), interaction: InteractionId) -> Result<(), End> {
        let supervises = self.shared.sessions().person(session).and_then(|person| person.supervises.clone());
        let people = Arc::clone(&self.shared.people);
        let marks = tokio::task::spawn_blocking(move || people.marks(agent, supervises.as_deref(), interaction)).await.unwrap_or_default();
        self.heard = Instant::now();
        self.say(&FromServer::Marks { interaction, marks }).await
    }

    /// Looks who waits, and tells the supervisor if that has changed. Who supervises nobody is told nothing.
    async fn tell_waiting(&mut self) -> Result<(), End> {
        let (Progress::Signed { session, .. }, Some(waiting)) = (&self.progress, &mut self.waiting) else { return Ok(()) };
        waiting.next = Instant::now() + self.shared.limits.waiting;
        let queues = self.shared.sessions().person(*session).and_then(|person| person.supervises.clone());
        let Some(queues) = queues else { return Ok(()) };
        let people = Arc::clone(&self.shared.people);
        let rows = tokio::task::spawn_blocking(move || people.waiting(&queues)).await.unwrap_or_default();
        if waiting.told.as_ref() == Some(&rows) {
            return Ok(());
        }
        waiting.told = Some(rows.clone());
        self.say(&FromServer::Waiting { rows }).await
    }

    async fn sign_in(&mut self, (number, password): (String, Pii<String>), take_over: bool, voice: Option<VoiceDevice>) -> Result<(), End> {
        if number.len() > MAX_CREDENTIAL_BYTES || password.reveal().len() > MAX_CREDENTIAL_BYTES {
            return Err(End::Protocol("number and password have at most 256 bytes each".to_owned()));
        }
        let checked = self.check(number.clone(), password).await;
        // The check may have taken long; that was our silence, not the client's.
        self.heard = Instant::now();
        let person = match checked {
            Ok(person) => person,
            Err(reason) => {
                if reason == SignInRefusal::WrongCredentials {
                    self.shared.people.note(Attempt { number, let_in: None, address: self.peer.ip(), outcome: "wrong_credentials" });
                }
                return self.say(&FromServer::SignInRefused { reason }).await;
            }
        };
        let agent = person.agent;
        if !take_over && self.shared.sessions().is_at_a_desk(agent) {
            return self.say(&FromServer::SignInRefused { reason: SignInRefusal::SignedInElsewhere }).await;
        }
        let rules = DeskRules { drafts_key: self.shared.people.drafts_key(agent), ..self.shared.people.rules() };
        let begun = self.shared.sessions().begin(person, self.line.clone(), rules);
        let Ok(session) = begun else {
            tracing::error!("the system has no random numbers; nobody can sign in");
            return self.say(&FromServer::SignInRefused { reason: SignInRefusal::NotNow }).await;
        };
        self.progress = Progress::Arriving { session, agent, deadline: Instant::now() + self.shared.limits.arrival };
        self.shared.inbox.send(Input::AgentArrived { agent, session, voice });
        self.shared.people.note(Attempt { number, let_in: Some((agent, session)), address: self.peer.ip(), outcome: "let_in" });
        Ok(())
    }

    pub(super) async fn check(&self, number: String, password: Pii<String>) -> Result<Person, SignInRefusal> {
        let address = self.peer.ip();
        let waited = tokio::time::timeout(self.shared.limits.password_wait, Arc::clone(&self.shared.password_checks).acquire_owned()).await;
        let Ok(Ok(permit)) = waited else { return Err(SignInRefusal::NotNow) };
        // Asked only now: many connections that wait together must not all slip in before the first failure is counted.
        if self.shared.attempts().is_locked(&number, address, Instant::now()) {
            tracing::info!(peer = %self.peer, "sign-in while locked");
            return Err(SignInRefusal::TooManyAttempts);
        }
        let people = Arc::clone(&self.shared.people);
        let (checked, number, _permit) = tokio::task::spawn_blocking(move || {
            let checked = people.check(&number, password.reveal());
            (checked, number, permit)
        })
        .await
        .map_err(|_| SignInRefusal::NotNow)?;
        match &checked {
            Ok(person) => {
                tracing::info!(peer = %self.peer, agent = person.agent.0, "password was right");
                self.shared.attempts().succeeded(&number, address);
            }
            Err(SignInRefusal::WrongCredentials) => {
                tracing::info!(peer = %self.peer, "sign-in failed");
                self.shared.attempts().failed(&number, address, Instant::now());
            }
            Err(SignInRefusal::TooManyAttempts | SignInRefusal::SessionGone | SignInRefusal::SignedInElsewhere | SignInRefusal::NotNow) => {
            }
        }
        checked
    }

    async fn resume(&mut self, token: &Pii<String>) -> Result<(), End> {
        let resumed = self.shared.sessions().resume(token.reveal(), self.line.clone(), (now(), self.shared.people.rules()));
        let Some((session, agent)) = resumed else {
            return self.say(&FromServer::SignInRefused { reason: SignInRefusal::SessionGone }).await;
        };
        self.progress = Progress::Signed { session, agent };
        self.shared.inbox.send(Input::AgentResumed { agent, session });
        let number = self.staff_number(session);
        self.shared.people.note(Attempt { number, let_in: Some((agent, session)), address: self.peer.ip(), outcome: "resumed" });
        Ok(())
    }

    async fn carry(&mut self, push: Push) -> Result<(), End> {
        match push {
            Push::Say(message) => {
                if let (FromServer::SignedIn { session, agent, .. }, Progress::Arriving { .. }) = (&message, &self.progress) {
                    self.progress = Progress::Signed { session: *session, agent: *agent };
                }
                self.say(&message).await
            }
            Push::Failed => {
                self.progress = Progress::Welcome;
                self.say(&FromServer::SignInRefused { reason: SignInRefusal::NotNow }).await
            }
            Push::Close(message) => {
                self.say(&message).await?;
                Err(End::SignedOut)
            }
        }
    }

    pub(super) async fn say(&mut self, message: &FromServer) -> Result<(), End> {
        self.write(Message::text(wire::encode(message))).await
    }

    async fn write(&mut self, frame: Message) -> Result<(), End> {
        tokio::select! {
            () = self.end.cut.notified() => Err(End::Cut),
            sent = tokio::time::timeout(self.shared.limits.write, self.socket.send(frame)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(End::Closed),
                Err(_) => Err(End::Cut),
            },
        }
    }

    /// Says a last word where there is one, closes, and tells the core if the session has no voice now.
    async fn leave(mut self, why: End) {
        match &why {
            End::Protocol(message) => {
                let _ = self.say(&FromServer::ProtocolError { message: message.clone() }).await;
            }
            End::Stopping => self.farewell().await,
            End::NoAnswer => {
                let _ = self.say(&FromServer::SignInRefused { reason: SignInRefusal::NotNow }).await;
            }
            End::Closed | End::Silent | End::Stranger | End::Cut | End::SignedOut => {}
        }
        self.tell_core();
        if !matches!(why, End::Cut) {
            let _ = tokio::time::timeout(self.shared.limits.write, self.socket.close(None)).await;
        }
    }

    /// What already waits for the client is still said; the core may have sent the sign-out a moment ago.
    async fn farewell(&mut self) {
        while let Ok(push) = self.end.pushes.try_recv() {
            if self.carry(push).await.is_err() {
                return;
            }
        }
    }

    fn tell_core(&self) {
        self.shared.voices.forget(self.end.id);
        let Some((session, agent)) = self.progress.session() else { return };
        let lost = self.shared.sessions().detach(session, self.end.id);
        if lost {
            self.shared.inbox.send(Input::AgentDisconnected { agent, session });
        }
    }
}

/// Never returns while there is no receiver.
async fn next_packet(voice: &mut Option<mpsc::Receiver<TunnelPacket>>) -> Option<TunnelPacket> {
    match voice {
        Some(voice) => voice.recv().await,
        None => std::future::pending().await,
    }
}

/// Returns once the server is told to stop, or is gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Never, if there is nothing to wait for.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Returns when there is something new to tell a follower, and it is time to.
async fn news(watching: &mut Option<Watching>) {
    let Some(watching) = watching else { return std::future::pending().await };
    let known = watching.known;
    let is_over = watching.versions.wait_for(|version| Some(*version) != known).await.is_err();
    if is_over {
        return std::future::pending().await;
    }
    tokio::time::sleep_until(watching.not_before).await;
}

/// A person's name is needed; nothing is longer than a card holds.
fn fits(correction: &Correction) -> bool {
    let fits = |text: &str| text.chars().count() <= CallerPerson::TEXT_LIMIT && !text.chars().any(char::is_control);
    let tags = &correction.tags;
    let tags_fit = tags.len() <= CallerPerson::MOST_TAGS && tags.iter().all(|tag| !tag.trim().is_empty() && fits(tag));
    !correction.name.reveal().trim().is_empty() && fits(correction.name.reveal()) && fits(correction.address.reveal()) && tags_fit
}

pub(super) fn now() -> UnixMillis {
    UnixMillis(jiff::Timestamp::now().as_millisecond())
}
