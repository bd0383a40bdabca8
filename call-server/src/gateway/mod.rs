//! The gateway: WebSocket over TLS for desktops. It translates, checks sizes and sessions, and knows no rule about calls.
//!
//! The messages are those of `shared::wire`. Each connection is one task; sessions outlive connections, so that a desktop can
//! come back after a cut. `call-core` decides what a session may do; this room only knows which socket it speaks through.

mod attempts;
mod connection;
mod floor;
mod listener;
mod messages;
mod papers;
mod sessions;
#[cfg(test)]
mod tests;
mod translate;
mod voices;

use crate::switchboard::Inbox;
use crate::tunnel::GatewayTunnel;
use attempts::Attempts;
use call_core::command::AgentCommand;
use floor::FloorBoard;
use sessions::Sessions;
use shared::model::{AgentId, Caller, DraftCopy, InteractionId, Mark, MessageId, QueueId, Refusal, SessionId, Summary};
use shared::pii::Pii;
use shared::wire::{
    Answer, Correction, DeskRules, MailboxPart, MessageChange, MessageFate, MessageLink, MessageRow, MessageTarget, Question,
    SignInRefusal, WaitingRow,
};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use voices::Voices;

/// What the gateway needs of the rest of the house. Called on a blocking thread.
pub(crate) trait FrontOffice: Send + Sync {
    /// Checks; unknown number and wrong password look and time alike (5-1).
    ///
    /// # Errors
    /// The refusal to be shown.
    fn check(&self, number: &str, password: &str) -> Result<Person, SignInRefusal>;

    /// Puts an attempt to sign in on record (5-1). One that cannot be written is logged; nobody is kept out by it.
    fn note(&self, attempt: Attempt);

    /// What the site rules for every desk, as it is now.
    fn rules(&self) -> DeskRules;

    /// Under which key this person's desktop keeps drafts on its disk, in base64.
    fn drafts_key(&self, agent: AgentId) -> Pii<String>;

    /// The marks of a call's recording, as far as this person may see them: supervisors of its queue, and who took part.
    fn marks(&self, agent: AgentId, supervises: Option<&[QueueId]>, interaction: InteractionId) -> Vec<Mark>;

    /// Who waits, the longest first; for whose supervisor these queues are, no queue being all. Nothing if it is not known in time.
    fn waiting(&self, queues: &[QueueId]) -> Vec<WaitingRow>;

    /// Corrects a caller's card in the name of this staff number, and lets the core know the new card. Who calls now is told, because the
    /// books may be moments behind; of a call that is over they know it.
    ///
    /// # Errors
    /// The refusal to be shown.
    fn correct(&self, by: &str, caller: Option<Caller>, correction: &Correction) -> Result<(), Refusal>;

    /// Looks something up for an agent. Of a question about a call at the desk: who calls there, if it is not over yet, as in
    /// [`FrontOffice::correct`].
    ///
    /// # Errors
    /// The refusal to be shown.
    fn answer(&self, agent: AgentId, caller: Option<Caller>, question: Question) -> Result<Answer, Refusal>;

    /// Keeps the draft of a summary. Whether the call is or was at this agent's desk: `on_desk` if it is there now.
    ///
    /// # Errors
    /// It is nobody's draft, or cannot be kept.
    fn keep(&self, agent: AgentId, draft: &DraftCopy, on_desk: bool) -> Result<(), Refusal>;

    /// Puts a summary on record, with its matter.
    ///
    /// # Errors
    /// The refusal to be shown.
    fn submit(&self, agent: AgentId, summary: Summary, on_desk: bool) -> Result<(), Refusal>;

    /// A new password for this staff number; the old one has been checked.
    ///
    /// # Errors
    /// The refusal to be shown.
    fn change_password(&self, number: &str, new: &str) -> Result<(), Refusal>;

    /// Puts a message on record; returns the row of each mailbox that has it now.
    ///
    /// # Errors
    /// The refusal to be shown.
    fn send_message(
        &self,
        from: AgentId,
        to: MessageTarget,
        link: Option<MessageLink>,
        text: &str,
    ) -> Result<Vec<(AgentId, MessageRow)>, Refusal>;

    /// A supervisor recalls or pins a message; returns each mailbox's row of it, and all that is pinned there.
    ///
    /// # Errors
    /// The refusal to be shown.
    fn change_message(
        &self,
        by: AgentId,
        message: MessageId,
        change: MessageChange,
    ) -> Result<Vec<(AgentId, MessageRow, Vec<MessageRow>)>, Refusal>;

    /// All that is pinned in a mailbox. Nothing if it cannot be read.
    fn pinned(&self, agent: AgentId) -> Vec<MessageRow>;

    /// Rows of a mailbox, and whether more follow. Nothing if it cannot be read.
    fn mailbox(&self, agent: AgentId, part: MailboxPart) -> (Vec<MessageRow>, bool);

    /// A mailbox's rows up to a number are delivered, or read; returns what their senders are to know.
    fn mark_messages(&self, agent: AgentId, through: u64, read: bool) -> Vec<(AgentId, MessageId, MessageFate)>;
}

/// One attempt to sign in or to come back, and what came of it. Attempts while locked are only logged: they could be endless.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// The staff number as it was typed.
    pub(crate) number: String,
    /// Who it was, and the session, if let in.
    pub(crate) let_in: Option<(AgentId, SessionId)>,
    /// From which address.
    pub(crate) address: IpAddr,
    /// Stable code.
    pub(crate) outcome: &'static str,
}

/// Who signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// Identity.
    pub(crate) agent: AgentId,
    /// Staff number.
    pub(crate) number: String,
    /// Name.
    pub(crate) name: String,
    /// Numbers in the list of all agents are shown in full.
    pub(crate) sees_numbers: bool,
    /// Must be changed before anything else is possible.
    pub(crate) password_is_initial: bool,
    /// Whose teams the person supervises, by their queues; none for who supervises nobody.
    pub(crate) supervises: Option<Vec<QueueId>>,
}

/// What the edge needs to know.
#[derive(Clone)]
pub(crate) struct GatewaySettings {
    /// TCP address to listen on.
    pub(crate) listen: SocketAddr,
    /// Certificate chain and key.
    pub(crate) tls: Arc<rustls::ServerConfig>,
    /// Maxima of this edge.
    pub(crate) limits: GatewayLimits,
}

/// Every maximum of the gateway.
#[derive(Debug, Clone)]
pub(crate) struct GatewayLimits {
    /// Connections at once; one more is closed unheard.
    pub(crate) connections: usize,
    /// Connections at once from one address. Generous: a whole site may sit behind one proxy host (S-3).
    pub(crate) connections_per_address: usize,
    /// TLS and WebSocket handshakes together, and the wait for the first message after them.
    pub(crate) handshake: Duration,
    /// A connection over which nobody signs in is closed after this, however much it says.
    pub(crate) stranger: Duration,
    /// A connection that says nothing for this long is closed (`shared::wire::SILENCE_LIMIT_MS`).
    pub(crate) silence: Duration,
    /// One frame must be taken by the client within this time.
    pub(crate) write: Duration,
    /// From the verified password to the core's answer.
    pub(crate) arrival: Duration,
    /// Messages that may wait for one client; one more and the client is disconnected.
    pub(crate) outgoing: usize,
    /// Password checks at once: each takes a core and 19 MiB for a moment.
    pub(crate) password_checks: usize,
    /// How long a sign-in may wait for its password check to begin.
    pub(crate) password_wait: Duration,
    /// Wrong passwords in a row, per number and address, before the lock (5-1).
    pub(crate) failures: u32,
    /// How long the lock lasts (5-1).
    pub(crate) lock: Duration,
    /// Pairs of number and address remembered; the oldest is forgotten first.
    pub(crate) remembered_failures: usize,
    /// Messages that one agent may send within [`Self::message_window`].
    pub(crate) messages: u32,
    /// See there.
    pub(crate) message_window: Duration,
    /// Who waits is looked at for one follower this often.
    pub(crate) waiting: Duration,
    /// News of the list of all agents are told to one follower at most this often.
    pub(crate) news: Duration,
    /// How long a stopping gateway waits for its connections to take their last messages.
    pub(crate) farewell: Duration,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            connections: 2_000,
            connections_per_address: 1_000,
            handshake: Duration::from_secs(5),
            stranger: Duration::from_secs(600),
            silence: Duration::from_millis(shared::wire::SILENCE_LIMIT_MS),
            write: Duration::from_secs(5),
            arrival: Duration::from_secs(10),
            outgoing: 64,
            password_checks: 2,
            password_wait: Duration::from_secs(10),
            failures: 5,
            lock: Duration::from_secs(600),
            remembered_failures: 10_000,
            messages: 10,
            message_window: Duration::from_secs(10),
            news: Duration::from_millis(250),
            waiting: Duration::from_secs(1),
            farewell: Duration::from_secs(2),
        }
    }
}

/// What all connections share.
struct Shared {
    people: Arc<dyn FrontOffice>,
    inbox: Inbox,
    limits: GatewayLimits,
    sessions: Mutex<Sessions>,
    attempts: Mutex<Attempts>,
    floor: Mutex<FloorBoard>,
    password_checks: Arc<Semaphore>,
    voices: Voices,
}

impl Shared {
    fn sessions(&self) -> std::sync::MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn floor(&self) -> std::sync::MutexGuard<'_, FloorBoard> {
        self.floor.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn attempts(&self) -> std::sync::MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The way to the running edge. Cheap to clone.
#[derive(Clone)]
pub(crate) struct GatewayHandle {
    shared: Arc<Shared>,
    local_address: SocketAddr,
    stopping: watch::Sender<bool>,
    listener: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl std::fmt::Debug for GatewayHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayHandle").field("local_address", &self.local_address).finish_non_exhaustive()
    }
}

impl GatewayHandle {
    /// Hands a command over; never blocks. A client that does not read fast enough is disconnected, only it suffers.
    pub(crate) fn send(&self, command: AgentCommand) {
        match command {
            AgentCommand::Floor(change) => self.shared.floor().apply(change),
            other => self.shared.sessions().carry_out(other),
        }
    }

    /// The address really bound, with the port that the system chose if the settings said 0.
    pub(crate) fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Number of desktops whose session has a living connection.
    pub(crate) fn connected(&self) -> usize {
        self.shared.sessions().connected()
    }

    /// Lifts the lock after wrong passwords at every address; returns how many there were.
    pub(crate) fn unlock(&self, number: &str) -> usize {
        self.shared.attempts().forgive(number, tokio::time::Instant::now())
    }

    /// Closes the port, lets each connection take what is already waiting for it, and returns when all are gone or
    /// [`GatewayLimits::farewell`] has passed. A second call returns at once.
    pub(crate) async fn stop(&self) {
        self.stopping.send_replace(true);
        let listener = self.listener.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(listener) = listener {
            let _ = listener.await;
        }
    }
}

/// Binds the port and starts the edge on the current tokio runtime. Voices may come and go through the tunnel.
///
/// # Errors
/// The address is busy or not ours.
pub(crate) async fn start(
    settings: GatewaySettings,
    people: Arc<dyn FrontOffice>,
    inbox: Inbox,
    tunnel: Option<GatewayTunnel>,
) -> std::io::Result<GatewayHandle> {
    let socket = tokio::net::TcpListener::bind(settings.listen).await?;
    let local_address = socket.local_addr()?;
    let limits = settings.limits;
    let shared = Arc::new(Shared {
        people,
        inbox,
        sessions: Mutex::new(Sessions::new(limits.outgoing)?),
        attempts: Mutex::new(Attempts::new(limits.failures, limits.lock, limits.remembered_failures)),
        floor: Mutex::new(FloorBoard::new()),
        password_checks: Arc::new(Semaphore::new(limits.password_checks)),
        voices: Voices::start(tunnel)?,
        limits,
    });
    let (stopping, stop) = watch::channel(false);
    let listener = tokio::spawn(listener::run(socket, settings.tls, Arc::clone(&shared), stop));
    tracing::info!(%local_address, "gateway listens");
    Ok(GatewayHandle { shared, local_address, stopping, listener: Arc::new(Mutex::new(Some(listener))) })
}
