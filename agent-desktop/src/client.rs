//! The client: session core, socket and voice path, tied together on one thread. What a window or a script holds is a [`Client`].
//!
//! Not here: any decision; those are in `desktop-core`.

use crate::audio::{Order, SoundChoice, SoundError, Voice, WAITING_PACKETS};
use crate::gateway::{Connection, Trust, TrustError};
use crate::headsets::Headsets;
use crate::keeping::Keeping;
use desktop_core::{Effect, Event, HeadsetButton, HeadsetLights, Millis, Session, View, VoiceStatus, Wish};
use shared::model::VoiceDevice;
use shared::pii::Pii;
use std::collections::VecDeque;
use std::future::pending;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

/// Wishes that may wait; a person is slower.
const QUEUE_WISHES: usize = 64;
/// Presses of a headset's buttons that may wait.
const QUEUE_PRESSES: usize = 16;
/// Levels and round trips are shown at most this often; everything else at once.
const CALM_INTERVAL: Duration = Duration::from_millis(100);
/// The file of remembered fingerprints, in the configuration folder.
const TRUST_FILE: &str = "trusted-servers.json";

/// What a client is started with.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientOptions {
    /// Certificates that are trusted, in PEM.
    pub(crate) ca_file: Option<PathBuf>,
    /// Where accepted fingerprints are remembered; `None` is the person's configuration folder.
    pub(crate) trust_file: Option<PathBuf>,
    /// Microphone and loudspeaker.
    pub(crate) sound: SoundChoice,
    /// Where drafts and settings are kept.
    pub(crate) keeping: Keeping,
    /// Buttons of USB headsets are obeyed.
    pub(crate) headset_buttons: bool,
}

/// What the command line asks of a window or a script.
#[derive(Debug, Clone, Default)]
pub(crate) struct Start {
    /// For [`Client::start`].
    pub(crate) client: ClientOptions,
    /// `host:port`, to sign in or to fill the field in.
    pub(crate) server: Option<String>,
    /// Staff number, likewise.
    pub(crate) number: Option<String>,
    /// By what to speak; `None` as it is set for this person.
    pub(crate) voice: Option<VoiceDevice>,
    /// With all three, the program signs in by itself.
    pub(crate) password: Option<Pii<String>>,
}

impl Start {
    /// The wishes to sign in, the choice of a voice before it; the sign-in alone is missing if not all of it was given.
    pub(crate) fn sign_in(&self) -> Vec<Wish> {
        let sign_in = || {
            let (server, number) = (self.server.clone()?, self.number.clone()?);
            Some(Wish::SignIn { server, number, password: self.password.clone()? })
        };
        self.voice.map(Wish::UseVoice).into_iter().chain(sign_in()).collect()
    }
}

/// Why a client cannot start. The text is for the person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// A file of certificates or fingerprints.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A file for microphone or loudspeaker.
    #[error(transparent)]
    Sound(#[from] SoundError),
    /// The system gives no thread or no event queue.
    #[error("the system gives no means to run: {0}")]
    System(#[from] std::io::Error),
}

/// The monotonic clock that a [`View`] speaks of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// Begins at zero.
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the clock began.
    pub(crate) fn now(self) -> Millis {
        self.0.elapsed().as_millis() as Millis
    }

    fn at(self, millis: Millis) -> Instant {
        self.0 + Duration::from_millis(millis)
    }
}

/// What the screens show at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Snapshot {
    /// The session's view.
    pub(crate) view: View,
    /// The bell rings.
    pub(crate) ringing: bool,
}

/// A running client. Clones are one client; it ends with the last of them.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    wishes: mpsc::Sender<Wish>,
    snapshots: watch::Receiver<Snapshot>,
    clock: Clock,
}

impl Client {
    /// Starts the thread. Nothing is connected until [`Wish::SignIn`].
    ///
    /// # Errors
    /// [`ClientError`] if a given file cannot be used.
    pub(crate) fn start(options: &ClientOptions) -> Result<Self, ClientError> {
        let clock = Clock::new();
        let parts = Parts::new(options, clock)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (wishes, inbox) = mpsc::channel(QUEUE_WISHES);
        let (sender, snapshots) = watch::channel(Snapshot::default());
        let show = move |snapshot: &Snapshot| {
            sender.send_replace(snapshot.clone());
        };
        std::thread::Builder::new().name("client".to_owned()).spawn(move || runtime.block_on(parts.run(inbox, show)))?;
        Ok(Self { wishes, snapshots, clock })
    }

    /// What the person wants. Never waits.
    pub(crate) fn wish(&self, wish: Wish) {
        if self.wishes.try_send(wish).is_err() {
            tracing::error!("the client takes no wishes");
        }
    }

    /// The present snapshot, and each later one; a slow reader sees only the newest.
    pub(crate) fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.clone()
    }

    /// The clock that snapshots speak of.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }
}

/// Session, socket and voice before they run. Several may share one thread.
pub(crate) struct Parts {
    session: Session,
    clock: Clock,
    trust: Trust,
    connection: Option<Connection>,
    voice: Voice,
    /// Where connections leave voice packets.
    voice_packets: SyncSender<Vec<u8>>,
    voice_status: watch::Receiver<VoiceStatus>,
    shown: Snapshot,
    shown_at: Instant,
    ringing: bool,
    /// Wishes wait for the answer to the one before.
    patient: bool,
    keeping: Keeping,
    headsets: Option<Headsets>,
    presses: mpsc::Receiver<HeadsetButton>,
    /// What carrying out an effect has brought.
    brought: VecDeque<Event>,
}

/// What the loop waits for.
enum Woken {
    Wish(Wish),
    Event(Event),
    Calm,
    End,
}

impl Parts {
    /// Opens the given files and starts the voice thread.
    ///
    /// # Errors
    /// [`ClientError`] if a given file cannot be used.
    pub(crate) fn new(options: &ClientOptions, clock: Clock) -> Result<Self, ClientError> {
        let trust_file = options.trust_file.clone().or_else(default_trust_file);
        let trust = Trust::load(options.ca_file.as_deref(), trust_file)?;
        let (report, voice_status) = watch::channel(VoiceStatus::default());
        let (voice_packets, packets) = sync_channel(WAITING_PACKETS);
        let voice = Voice::start(&options.sound, packets, report)?;
        let (press, presses) = mpsc::channel(QUEUE_PRESSES);
        let headsets = options.headset_buttons.then(|| Headsets::start(press)).flatten();
        Ok(Self {
            session: Session::new(),
            clock,
            trust,
            connection: None,
            voice,
            voice_packets,
            voice_status,
            shown: Snapshot::default(),
            shown_at: Instant::now(),
            ringing: false,
            patient: false,
            keeping: options.keeping.clone(),
            headsets,
            presses,
            brought: VecDeque::new(),
        })
    }

    /// Wishes wait while the server owes an answer, instead of being impossible: for whoever writes commands faster than a hand presses keys.
    pub(crate) fn patient(mut self) -> Self {
        self.patient = true;
        self
    }

    /// Runs until the wishes end. `show` gets every change of desk, link or problem at once, and the rest at most ten times a second.
    pub(crate) async fn run(mut self, mut wishes: mpsc::Receiver<Wish>, mut show: impl FnMut(&Snapshot)) {
        loop {
            let event = match self.wait(&mut wishes).await {
                Woken::Wish(wish) => Some(Event::Wish(wish)),
                Woken::Event(event) => Some(event),
                Woken::Calm => None,
                Woken::End => return,
            };
            if let Some(event) = event {
                self.session.handle(self.clock.now(), event);
                while let Some(effect) = self.session.poll() {
                    self.carry_out(effect);
                }
                self.light_headsets();
            }
            self.show(&mut show);
        }
    }

    async fn wait(&mut self, wishes: &mut mpsc::Receiver<Wish>) -> Woken {
        if let Some(event) = self.brought.pop_front() {
            return Woken::Event(event);
        }
        let deadline = self.session.next_deadline().map(|at| self.clock.at(at));
        let calm = self.changed().then(|| self.shown_at + CALM_INTERVAL);
        // The connection's end, and with it a missing answer, is told by the heartbeat: no wish waits for ever.
        let takes_wishes = !self.patient || !self.session.view().asked;
        tokio::select! {
            wish = wishes.recv(), if takes_wishes => wish.map_or(Woken::End, Woken::Wish),
            event = next(&mut self.connection) => Woken::Event(event),
            Some(button) = self.presses.recv() => Woken::Event(Event::Headset(button)),
            status = status(&mut self.voice_status) => Woken::Event(Event::Voice(status)),
            () = until(deadline) => Woken::Event(Event::Tick),
            () = until(calm) => Woken::Calm,
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { server } => self.connection = Some(Connection::open(&server, &self.trust, self.voice_packets.clone())),
            Effect::Disconnect => self.connection = None,
            Effect::Send(frame) => {
                // A socket that takes nothing reports its end by itself, or falls silent for the heartbeat.
                if !self.connection.as_ref().is_some_and(|connection| connection.send(frame)) {
                    tracing::debug!("a frame was not sent: the connection is ending");
                }
            }
            Effect::Trust { server, fingerprint } => {
                if let Err(error) = self.trust.remember(&server, &fingerprint) {
                    tracing::warn!(%error, "the server is trusted for this run of the program only");
                }
            }
            Effect::Voice(command) => self.voice.order(Order::Voice(command)),
            Effect::Tunnel(on) => {
                let connection = self.connection.as_ref().filter(|_| on);
                self.voice.order(Order::Tunnel(connection.map(Connection::packets)));
            }
            Effect::FindDrafts { number, key } => {
                let drafts = self.keeping.drafts(&number, &key);
                self.brought.push_back(Event::DraftsFound { number, drafts });
            }
            Effect::KeepDraft { number, key, draft } => self.keeping.keep_draft(&number, &key, &draft),
            Effect::ForgetDraft { number, interaction } => self.keeping.forget_draft(&number, interaction),
            Effect::Refuse => tracing::info!("what was asked for is not possible now"),
            Effect::Alert => self.voice.order(Order::Alert),
            Effect::Ring(on) => {
                self.ringing = on;
                self.voice.order(Order::Ring(on));
            }
        }
    }

    fn light_headsets(&mut self) {
        let view = self.session.view();
        let off_hook = view.desk.as_ref().is_some_and(|desk| desk.call.is_some());
        let lights = HeadsetLights { ring: self.ringing, off_hook, mute: view.muted };
        if let Some(headsets) = &mut self.headsets {
            headsets.show(lights);
        }
    }

    fn changed(&self) -> bool {
        self.shown.ringing != self.ringing || self.shown.view != *self.session.view()
    }

    fn show(&mut self, show: &mut impl FnMut(&Snapshot)) {
        let calm = self.shown_at.elapsed() >= CALM_INTERVAL;
        if self.changed() && (calm || self.urgent()) {
            self.shown = Snapshot { view: self.session.view().clone(), ringing: self.ringing };
            self.shown_at = Instant::now();
            show(&self.shown);
        }
    }

    /// Whether something changed that a person waits for.
    fn urgent(&self) -> bool {
        let (old, new) = (&self.shown.view, self.session.view());
        let voice = |view: &View| {
            (view.voice.speaks_muted, view.voice.test, view.voice.receiving, view.voice.device.is_some(), view.voice.way, view.voice.sends)
        };
        self.shown.ringing != self.ringing
            || (&old.link, &old.problem, &old.me, &old.desk, old.asked, old.refusal)
                != (&new.link, &new.problem, &new.me, &new.desk, new.asked, new.refusal)
            || (old.muted, old.saved, &old.rules) != (new.muted, new.saved, &new.rules)
            || (&old.papers, &old.drafts, old.drafts_known) != (&new.papers, &new.drafts, new.drafts_known)
            || old.health != new.health
            || voice(old) != voice(new)
    }
}

/// The next report of the socket; a socket that has said its last word is forgotten.
async fn next(connection: &mut Option<Connection>) -> Event {
    match connection {
        Some(open) => match open.next().await {
            Some(event) => event,
            None => {
                *connection = None;
                pending().await
            }
        },
        None => pending().await,
    }
}

async fn status(voice: &mut watch::Receiver<VoiceStatus>) -> VoiceStatus {
    match voice.changed().await {
        Ok(()) => voice.borrow_and_update().clone(),
        // The voice thread is gone; it has said so in the log.
        Err(_) => pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}

fn default_trust_file() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "hotline").map(|folders| folders.config_dir().join(TRUST_FILE))
}

#[cfg(test)]
mod tests;
