//! The only loop: [`Input`] in, [`Command`] out, nearest deadline. It runs on a thread of its own and never waits for an edge.
//!
//! It reads both clocks, once per input, and decides nothing: whatever an edge tells goes to the core, whatever the core wants
//! goes to one edge.

use crate::gateway::GatewayHandle;
use crate::journal::Journal;
use crate::media::MediaHandle;
use crate::recording::RecordingHandle;
use crate::sip::SipHandle;
use crate::store::StoreHandle;
use call_core::command::{SipCommand, StoreCommand};
use call_core::{Command, Core, Input, Now, Snapshot, Time};
use shared::model::UnixMillis;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Most messages that may wait for the switchboard; an edge that finds it full waits, the switchboard never does.
pub(crate) const INBOX_LIMIT: usize = 65_536;
/// Longest time that calls are given to end in order when the server stops.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Longest sleep without a deadline.
const IDLE: Duration = Duration::from_secs(1);

/// What the switchboard's thread takes.
#[derive(Debug)]
pub(crate) enum Message {
    /// Something happened.
    Input(Input),
    /// Somebody wants to see the floor.
    Snapshot(SyncSender<Snapshot>),
}

#[cfg(test)]
impl Message {
    /// What an edge under test has told.
    pub(crate) fn into_input(self) -> Input {
        match self {
            Self::Input(input) => input,
            Self::Snapshot(_) => panic!("an edge asks for no snapshot"),
        }
    }
}

/// The way into the switchboard, held by every edge. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    sender: SyncSender<Message>,
}

impl Inbox {
    /// An inbox and the end that the switchboard (or a test) reads.
    pub(crate) fn new() -> (Self, Receiver<Message>) {
        let (sender, receiver) = sync_channel(INBOX_LIMIT);
        (Self { sender }, receiver)
    }

    /// Tells the core that something happened. After the switchboard has stopped this does nothing: nobody is left to care.
    pub(crate) fn send(&self, input: Input) {
        let _ = self.sender.send(Message::Input(input));
    }

    /// The floor as it is now; `None` if the switchboard has stopped or does not answer within `limit`.
    pub(crate) fn snapshot(&self, limit: Duration) -> Option<Snapshot> {
        let (sender, receiver) = sync_channel(1);
        self.sender.send(Message::Snapshot(sender)).ok()?;
        receiver.recv_timeout(limit).ok()
    }
}

/// The edges' handles.
pub(crate) struct Edges {
    /// Trunk signalling.
    pub(crate) sip: SipHandle,
    /// Voice paths.
    pub(crate) media: MediaHandle,
    /// Recorder.
    pub(crate) recording: RecordingHandle,
    /// Database.
    pub(crate) store: StoreHandle,
    /// Desktops.
    pub(crate) gateway: GatewayHandle,
}

impl Edges {
    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Sip(command) => self.sip.send(command),
            Command::Media(command) => self.media.send(command),
            Command::Recording(command) => self.recording.send(command),
            Command::Store(command) => self.store.send(command),
            Command::Agent(command) => self.gateway.send(command),
        }
    }
}

/// Both clocks, read together.
#[derive(Debug, Clone, Copy)]
struct Clock {
    start: Instant,
}

/// The core's time at the start: what an earlier run has left behind, such as callbacks, began before it and needs a time too. A week.
const START_MS: u64 = 7 * 24 * 3_600_000;

impl Clock {
    fn now(self) -> Now {
        let elapsed = self.start.elapsed().as_millis();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Now {
            time: Time(u64::try_from(elapsed).unwrap_or(u64::MAX)).plus(START_MS),
            utc: UnixMillis(i64::try_from(wall).unwrap_or(i64::MAX)),
        }
    }
}

/// Runs until [`Input::Stop`] has been carried out; call it on a thread of its own.
pub(crate) fn run(mut core: Core, mut edges: Edges, mut journal: Journal, messages: &Receiver<Message>) {
    let clock = Clock { start: Instant::now() };
    let mut stop_by: Option<Instant> = None;
    loop {
        let input = match messages.recv_timeout(patience(&core, clock)) {
            Ok(Message::Input(input)) => input,
            Ok(Message::Snapshot(reply)) => {
                let _ = reply.try_send(core.snapshot(clock.now()));
                continue;
            }
            Err(RecvTimeoutError::Timeout) => Input::Tick,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if input == Input::Stop {
            stop_by.get_or_insert(Instant::now() + STOP_LIMIT);
        }
        let (now, copy, mut commands) = (clock.now(), journal.copy_of(&input), 0);
        let offered = if let Input::CallOffered(offered) = &input { Some(offered.leg) } else { None };
        core.handle(now, input);
        while let Some(command) = core.poll() {
            // Only here both names of a call are seen: the trace is asked for by the interaction and kept by the leg.
            if let (Some(leg), Command::Store(StoreCommand::Open { interaction, .. })) = (offered, &command) {
                edges.sip.belongs(leg, *interaction);
            }
            if let Command::Sip(SipCommand::Dial(dial)) = &command
                && let Some(interaction) = core.interaction_of(dial.leg)
            {
                edges.sip.belongs(dial.leg, interaction);
            }
            edges.carry_out(command);
            commands += 1;
        }
        if let Some(input) = copy {
            journal.handled(now, input, commands);
        }
        if stop_by.is_some_and(|limit| core.is_idle() || Instant::now() >= limit) {
            return;
        }
    }
}

fn patience(core: &Core, clock: Clock) -> Duration {
    core.next_deadline().map_or(IDLE, |(deadline, _)| Duration::from_millis(deadline.since(clock.now().time)).min(IDLE))
}
