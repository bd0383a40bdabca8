//! The only loop: [`Input`] in, [`Command`] out, nearest deadline. It runs on a thread of its own and never waits for an edge.
//!
//! It reads both clocks, once per input, and decides nothing: whatever an edge tells goes to the core, whatever the core wants
//! goes to one edge.

mod inbox;

pub(crate) use inbox::{Inbox, Message, Messages};

use crate::gateway::GatewayHandle;
use crate::journal::Journal;
use crate::media::MediaHandle;
use crate::recording::RecordingHandle;
use crate::sip::SipHandle;
use crate::store::StoreHandle;
use call_core::command::{SipCommand, StoreCommand};
use call_core::{Command, Core, Input, Now, Time};
use shared::model::UnixMillis;
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::task::consume_budget;
use tokio::time::timeout;

/// Longest time that calls are given to end in order when the server stops.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Longest sleep without a deadline.
const IDLE: Duration = Duration::from_secs(1);

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

/// Runs until [`Input::Stop`] has been carried out. On its thread only the SIP edge lives beside it. `media_bell` is that of the media edge.
pub(crate) async fn run(mut core: Core, mut edges: Edges, mut journal: Journal, messages: Messages, mut media_bell: pipe::Receiver) {
    let clock = Clock { start: Instant::now() };
    let mut stop_by: Option<Instant> = None;
    let mut waiting = VecDeque::new();
    loop {
        let is_due = tokio::select! {
            taken = timeout(patience(&core, clock), messages.take(&mut waiting)) => taken.is_err(),
            () = rung(&mut media_bell) => false,
        };
        if is_due {
            waiting.push_back(Message::Input(Input::Tick));
        }
        for message in waiting.drain(..) {
            match message {
                Message::Input(input) => {
                    if input == Input::Stop {
                        stop_by.get_or_insert(Instant::now() + STOP_LIMIT);
                    }
                    handle(clock.now(), input, &mut core, &mut edges, &mut journal);
                }
                // Whoever asked may have gone away.
                Message::Snapshot(reply) => drop(reply.try_send(core.snapshot(clock.now()))),
            }
        }
        edges.media.tend();
        // What media has just told is handled first.
        if stop_by.is_some_and(|limit| (core.is_idle() && messages.is_empty()) || Instant::now() >= limit) {
            return;
        }
        // However much is told here, SIP has its turn.
        consume_budget().await;
    }
}

/// Waits until the media threads have said something.
async fn rung(bell: &mut pipe::Receiver) {
    // Longer than what an eventfd gives, so that it is known to be empty then. It fails only when the runtime ends.
    let _ = bell.read(&mut [0; 16]).await;
}

/// One input, and all commands that come of it.
fn handle(now: Now, input: Input, core: &mut Core, edges: &mut Edges, journal: &mut Journal) {
    let (copy, mut commands) = (journal.copy_of(&input), 0);
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
}

fn patience(core: &Core, clock: Clock) -> Duration {
    core.next_deadline().map_or(IDLE, |(deadline, _)| Duration::from_millis(deadline.since(clock.now().time)).min(IDLE))
}
