//! Citizens' calls: from INVITE over ring-back, music and talk to the one record that each leaves behind.
//!
//! Knows nothing of the waiting line and of who serves it: the conductor says when an agent is there.

mod call;
mod farewell;
mod functions;
mod guided;
mod house;
mod load;
mod outgoing;
mod party;
mod pause;
mod recording;
mod wires;

pub(crate) use call::{Call, CallbackOf, Ending, Stage, Watcher};
pub(crate) use functions::{Called, Gone, Reached, Role};
pub(crate) use house::{HOLD_EMERGENCY, HouseDial};

use crate::command::{CallTo, MediaCommand, RecordingCommand, SessionText, SipCommand, StoreCommand};
use crate::contacts::Contacts;
use crate::input::{CallOffered, RecordingOutcome};
use crate::ledger::{CallLedger, Counters, FactKind, InteractionRecord, NodeEnd, OverflowCause};
use crate::origin::Origin;
use crate::plan::PromptName;
use crate::time::Now;
use crate::timer::Reason;
use crate::turn::Turn;
use call::{Dialling, Expecting, Waiting};
use farewell::Farewell;
use house::HouseCall;
use load::Load;
use outgoing::FIRST_OUTGOING_LEG;
pub(crate) use outgoing::Outgoing;
use recording::{Recording, Tracks};
use shared::model::{
    AgentId, Caller, CallerCard, DialResult, Direction, EndReason, InteractionId, KnownCaller, LegId, PartyId, PhoneNumber, QueueId,
    RecordingId, Side, Track, TrunkId,
};
use std::collections::{BTreeMap, BTreeSet};
use wires::Wires;

/// How long a finished call may wait for its recording to be closed before it is saved without, in ms.
const SAVE_WAIT_MS: u64 = 10_000;

/// Most recordings of finished calls, beside the main ones, that may wait for their row.
const MAX_LATE: usize = 1_000;

/// All calls of which no record is saved yet.
#[derive(Debug)]
pub(crate) struct Calls {
    next: InteractionId,
    /// Of calls of ours.
    next_leg: LegId,
    live: BTreeMap<InteractionId, Call>,
    farewells: BTreeMap<InteractionId, Farewell>,
    /// Of phones of the house.
    house: BTreeMap<InteractionId, HouseCall>,
    load: Load,
    legs: BTreeMap<LegId, InteractionId>,
    closing: BTreeMap<InteractionId, Closing>,
    /// Recordings of finished calls whose row is not stored yet, beside the main ones: they are closed when it is.
    late: BTreeSet<RecordingId>,
    counters: Counters,
    /// What is remembered about numbers.
    pub(crate) contacts: Contacts,
}

/// A call that is over but for its recording.
#[derive(Debug)]
struct Closing {
    record: Box<InteractionRecord>,
    /// The recorder may write, and was told to finish.
    row_stored: bool,
}

/// A call that has just begun to wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined {
    pub(crate) interaction: InteractionId,
    pub(crate) queue: QueueId,
    pub(crate) probe: bool,
    /// Its place in the line.
    pub(crate) entered: Now,
    /// It has talked with an agent who is lost.
    pub(crate) returned: bool,
}

/// By what an agent speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    pub(crate) leg: LegId,
    /// It is there; otherwise the agent's phone is called first.
    pub(crate) speaks: bool,
}

/// What a new call meets, and what is to be written down about it.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) notes: Vec<FactKind>,
    pub(crate) way: Way,
    /// Who is called back, and for which queue.
    pub(crate) callback: Option<(QueueId, PhoneNumber)>,
}

/// Where a new call goes.
#[derive(Debug)]
pub(crate) enum Way {
    /// It waits, after so many moves from queue to queue.
    Line { queue: QueueId, moves: usize },
    /// It hears a text and is hung up.
    Farewell { reason: EndReason, prompt: PromptName },
    /// It is refused at once.
    Refuse(EndReason),
}

/// From queue to queue by rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    pub(crate) from: QueueId,
    pub(crate) to: QueueId,
    pub(crate) cause: OverflowCause,
}

impl Move {
    fn fact(self) -> FactKind {
        let Self { from, to, cause } = self;
        FactKind::Overflowed { from, to, cause }
    }
}

impl Calls {
    /// No calls yet; the first gets `next`.
    pub(crate) fn new(next: InteractionId) -> Self {
        let (live, farewells, legs, closing) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (house, late) = (BTreeMap::new(), BTreeSet::new());
        let (load, counters, contacts, next_leg) = (Load::default(), Counters::default(), Contacts::default(), LegId(FIRST_OUTGOING_LEG));
        Self { next, next_leg, live, farewells, house, load, legs, closing, late, counters, contacts }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    /// The number that the next call gets.
    pub(crate) fn next(&self) -> InteractionId {
        self.next
    }

    /// Calls without a saved record, for the limit of interactions.
    pub(crate) fn count(&self) -> usize {
        self.live.len() + self.farewells.len() + self.house.len() + self.closing.len()
    }

    /// Finished calls that wait for their recording.
    pub(crate) fn closing(&self) -> usize {
        self.closing.len()
    }

    /// Whether a call is live or hears its last words.
    pub(crate) fn is_on(&self, interaction: InteractionId) -> bool {
        self.live.contains_key(&interaction) || self.farewells.contains_key(&interaction)
    }

    /// Live calls, in order of their numbers.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Call> {
        self.live.values()
    }

    pub(crate) fn get(&self, interaction: InteractionId) -> Option<&Call> {
        self.live.get(&interaction)
    }

    pub(crate) fn get_mut(&mut self, interaction: InteractionId) -> Option<&mut Call> {
        self.live.get_mut(&interaction)
    }

    /// To which call that is not over a leg belongs.
    pub(crate) fn interaction_of(&self, leg: LegId) -> Option<InteractionId> {
        self.legs.get(&leg).copied()
    }

    /// The live call that a leg belongs to, the citizen's or another one.
    pub(crate) fn of_leg(&self, leg: LegId) -> Option<&Call> {
        self.live.get(self.legs.get(&leg)?)
    }

    /// An INVITE: writes it down at once, then rings or refuses as the verdict says.
    pub(crate) fn offered(&mut self, turn: &mut Turn, offered: CallOffered, admitted: Admitted) -> Option<InteractionId> {
        let id = self.next;
        self.next = InteractionId(id.0 + 1);
        let (started, caller, leg) = (turn.now, offered.caller.clone(), offered.leg);
        let (dialled, probe, diversions) = (offered.dialled.clone(), offered.probe, offered.origin.diversions.clone());
        let (direction, started_utc, from) = (Direction::Inbound, started.utc, caller.clone());
        turn.store(StoreCommand::Open { interaction: id, started: started_utc, caller: from, dialled, probe, direction, diversions });
        let (mut ledger, fact) = CallLedger::open(id, offered.clone(), started);
        call::store_fact(turn, fact);
        let Admitted { notes, way, callback: _ } = admitted;
        for kind in notes {
            let fact = ledger.fact(turn.now, kind);
            call::store_fact(turn, fact);
        }
        match way {
            Way::Refuse(reason) => {
                turn.sip(SipCommand::Refuse { leg, reason });
                let (fact, record) = ledger.close(turn.now, reason, Side::Server);
                call::store_fact(turn, fact);
                self.save(turn, Box::new(record));
                None
            }
            Way::Farewell { reason, prompt } => {
                self.load.came(leg, &offered);
                self.greet(turn, id, ledger, &offered, (reason, prompt));
                None
            }
            Way::Line { queue, moves } => {
                turn.sip(SipCommand::Ring { leg });
                call::open_voice(turn, &offered);
                turn.timers.set(turn.now.time.plus(turn.plan.limits.media_open_ms), Reason::MediaOpenOverdue(id));
                let call = fresh(id, leg, caller, queue, ledger, started);
                let call = Call { moves, probe, ..call };
                self.load.came(leg, &offered);
                if !probe {
                    self.load.waiting(queue, true);
                }
                self.live.insert(id, call);
                self.legs.insert(leg, id);
                Some(id)
            }
        }
    }

    /// A leg, and so the call's talk, is on this one of media's threads.
    pub(crate) fn carried_by(&mut self, leg: LegId, thread: u8) {
        if let Some(call) = self.legs.get(&leg).and_then(|interaction| self.live.get_mut(interaction)) {
            call.thread = thread;
        }
    }

    /// The citizen's port is open.
    pub(crate) fn media_opened(&mut self, turn: &mut Turn, leg: LegId, answer: SessionText) -> Option<Joined> {
        if self.offer_made(turn, leg, &answer) {
            return None;
        }
        let Some(call) = self.live.get_mut(self.legs.get(&leg)?) else {
            self.begin_text(turn, leg, answer);
            return None;
        };
        match call.stage {
            Stage::Opening => {
                turn.timers.cancel(Reason::MediaOpenOverdue(call.id));
                call.answered(turn, answer);
                if call.probe {
                    turn.timers.set(turn.now.time.plus(turn.plan.limits.probe_ms), Reason::ProbeOver(call.id));
                }
                Some(Joined { interaction: call.id, queue: call.queue, probe: call.probe, entered: turn.now, returned: false })
            }
            Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Talking(_) | Stage::Guided(_) | Stage::Residual(_) => {
                None
            }
        }
    }

    /// The far side's voice is described anew; the voice path follows.
    pub(crate) fn far_described(&mut self, turn: &mut Turn, leg: LegId, description: SessionText) {
        if self.legs.contains_key(&leg) {
            turn.media(MediaCommand::Follow { leg, description });
        }
    }

    /// The citizen goes to wait in another queue.
    pub(crate) fn change_queue(&mut self, turn: &mut Turn, interaction: InteractionId, moved: Move) {
        if let Some(call) = self.live.get_mut(&interaction) {
            self.load.waiting(moved.from, false);
            self.load.waiting(moved.to, true);
            call.queue = moved.to;
            call.moves += 1;
            call.note(turn, moved.fact());
            call.note(turn, FactKind::Queued { queue: moved.to });
        }
    }

    /// An agent accepted the offer that rang since `rang`.
    pub(crate) fn connect(&mut self, turn: &mut Turn, interaction: InteractionId, agent: AgentId, agent_leg: LegId, rang: Now) {
        if let Some(call) = self.live.get_mut(&interaction)
            && let Stage::Waiting(Waiting { entered, .. }) = call.stage
        {
            self.load.waiting(call.queue, false);
            call.connect(turn, (agent, agent_leg), entered, rang.time.since(entered.time));
        }
    }

    /// 外拨: an agent, whose part of the call begins with this, calls somebody; at once if the agent has a voice to speak by.
    pub(crate) fn dial(&mut self, turn: &mut Turn, (agent, voice): (AgentId, Voice), to: CallTo, queue: QueueId) -> InteractionId {
        let (id, leg) = (self.next, self.new_leg());
        self.next = InteractionId(id.0 + 1);
        let dialled = to.number().clone();
        let caller = Caller { number: Some(dialled.clone().into()) };
        let (direction, started) = (Direction::Outbound, turn.now);
        let offered = open_outbound(turn, id, leg, dialled);
        let (ledger, fact) = CallLedger::dialled(id, offered, started, agent);
        call::store_fact(turn, fact);
        let mut out = Outgoing::awaited(leg, to, Caller::default(), turn.plan.limits.functions.dial_ms);
        let Voice { leg: agent_leg, speaks } = voice;
        if speaks {
            out.start(turn, None);
        }
        let stage = Stage::Dialling(Dialling { agent, agent_leg, out, since: started, entered: started, waited_ms: 0 });
        let call = Call { direction, stage, ..fresh(id, leg, caller, queue, ledger, started) };
        call.find_card(turn);
        self.live.insert(id, call);
        self.legs.insert(leg, id);
        id
    }

    /// 排队回呼: the turn of somebody who is to be called comes; `entered` is the place in the line.
    pub(crate) fn expect(&mut self, turn: &mut Turn, of: CallbackOf, number: &PhoneNumber, queue: QueueId, entered: Now) -> Joined {
        let (id, leg) = (self.next, self.next_leg);
        (self.next, self.next_leg) = (InteractionId(id.0 + 1), LegId(leg.0 + 1));
        let caller = Caller { number: Some(number.clone().into()) };
        let (direction, started) = (Direction::Outbound, turn.now);
        let offered = open_outbound(turn, id, leg, number.clone());
        let (ledger, fact) = CallLedger::called_back(id, offered, started, (of.callback, of.attempt));
        call::store_fact(turn, fact);
        let stage = Stage::Expecting(Expecting { entered, number: number.clone() });
        let mut call = Call { direction, stage, callback: Some(of), ..fresh(id, leg, caller, queue, ledger, started) };
        call.note(turn, FactKind::Queued { queue });
        call.find_card(turn);
        self.live.insert(id, call);
        self.legs.insert(leg, id);
        Joined { interaction: id, queue, probe: false, entered, returned: false }
    }

    /// An agent has taken the offer of a callback that rang since `rang`: the citizen is called.
    pub(crate) fn call_back(&mut self, turn: &mut Turn, interaction: InteractionId, (agent, agent_leg): (AgentId, LegId), rang: Now) {
        let Some(call) = self.live.get_mut(&interaction) else { return };
        let Stage::Expecting(Expecting { entered, number }) = &call.stage else { return };
        let (entered, to, since) = (*entered, CallTo::Number(number.clone()), turn.now);
        let fact = call.ledger.calls_back(since, agent);
        call::store_fact(turn, fact);
        let out = Outgoing::begin(turn, call.leg, to, Caller::default(), turn.queue(call.queue).callback.ring_ms, None);
        let waited_ms = rang.time.since(entered.time);
        call.stage = Stage::Dialling(Dialling { agent, agent_leg, out, since, entered, waited_ms });
    }

    /// Who listens to an agent of this call.
    pub(crate) fn watch(&mut self, turn: &mut Turn, interaction: InteractionId, watchers: Vec<Watcher>) {
        if let Some(call) = self.live.get_mut(&interaction)
            && call.watchers != watchers
        {
            call.note_watchers(turn, &watchers);
            call.watchers = watchers;
            call.settle(turn);
        }
    }

    /// 代答: a citizen who waits is with this agent.
    pub(crate) fn pick_up(&mut self, turn: &mut Turn, interaction: InteractionId, agent: AgentId, agent_leg: LegId) {
        let now = turn.now;
        self.connect(turn, interaction, agent, agent_leg, now);
    }

    /// The citizen who was called has answered: the talk with the agent begins.
    pub(crate) fn reached(&mut self, turn: &mut Turn, interaction: InteractionId) {
        let Some(call) = self.live.get_mut(&interaction) else { return };
        if let Stage::Dialling(Dialling { agent, agent_leg, entered, waited_ms, .. }) = call.stage {
            if let Some(fact) = call.ledger.dial_ended(turn.now, DialResult::Answered) {
                call::store_fact(turn, fact);
            }
            call.connect(turn, (agent, agent_leg), entered, waited_ms);
        }
    }

    /// What became of a call that an agent dialled, before it ends.
    pub(crate) fn dial_ended(&mut self, turn: &mut Turn, interaction: InteractionId, result: DialResult) {
        if let Some(call) = self.live.get_mut(&interaction)
            && matches!(call.stage, Stage::Dialling(_))
            && let Some(fact) = call.ledger.dial_ended(turn.now, result)
        {
            call::store_fact(turn, fact);
        }
    }

    /// The agent is gone in mid-call, or sends the citizen on to a line: the citizen waits again, in the old place. Whoever was called or took part is let go.
    pub(crate) fn back_to_line(
        &mut self,
        turn: &mut Turn,
        interaction: InteractionId,
        queue: Option<QueueId>,
    ) -> Option<(Joined, Vec<Gone>)> {
        let call = self.live.get_mut(&interaction)?;
        let (entered, gone) = match &mut call.stage {
            Stage::Talking(talking) => (talking.entered, talking.let_go()),
            Stage::Guided(guided) => (guided.entered, Vec::new()),
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Residual(_) => return None,
        };
        call.note_left(turn, &gone);
        call.queue = queue.unwrap_or(call.queue);
        self.load.waiting(call.queue, true);
        call.back_to_line(turn, entered, queue.is_some());
        let joined = Joined { interaction, queue: call.queue, probe: call.probe, entered, returned: queue.is_none() };
        gone.iter().for_each(|gone| self.forget_party(&gone.party));
        Some((joined, gone))
    }

    /// Remembers the caller's card.
    pub(crate) fn card_found(&mut self, interaction: InteractionId, card: Option<CallerCard>) {
        if let Some(call) = self.live.get_mut(&interaction) {
            call.card = card;
        }
    }

    /// Ends a call, once; returns where it stood, for whoever was in it.
    pub(crate) fn end(&mut self, turn: &mut Turn, interaction: InteractionId, ending: Ending) -> Option<Stage> {
        let mut call = self.live.remove(&interaction)?;
        self.no_longer_waits(&call);
        self.forget_leg(call.leg, interaction);
        turn.timers.cancel(Reason::MediaOpenOverdue(interaction));
        turn.timers.cancel(Reason::ProbeOver(interaction));
        if !ending.leg_gone {
            call.close_leg(turn, ending.reason);
        } else if let Stage::Dialling(Dialling { out, .. }) = &call.stage {
            turn.timers.cancel(Reason::LegOverdue(out.leg));
        }
        if let Some(fact) = call.ledger.node_left(turn.now, NodeEnd::CallEnded) {
            call::store_fact(turn, fact);
        }
        let was = call.fall_silent(turn);
        for party in was.parties() {
            party.hang_up(turn);
            self.forget_party(party);
        }
        if !matches!(was, Stage::Expecting(_)) {
            turn.media(MediaCommand::Close { leg: call.leg });
        }
        let (fact, record) = call.ledger.close(turn.now, ending.reason, ending.by);
        call::store_fact(turn, fact);
        self.close(turn, Box::new(record), &call.tracks);
        Some(was)
    }

    /// A recording's row is on disk.
    pub(crate) fn row_stored(&mut self, turn: &mut Turn, recording: RecordingId) {
        let interaction = recording.interaction();
        if let Some(tracks) = self.tracks_of(interaction) {
            tracks.row_stored(turn, recording);
        }
        let ended = match recording.track() {
            Track::Main => self.closing.get_mut(&interaction).is_some_and(|closing| !std::mem::replace(&mut closing.row_stored, true)),
            Track::Whisper | Track::Consultation => self.late.remove(&recording),
        };
        if ended {
            turn.recording(RecordingCommand::Write { recording });
            turn.recording(RecordingCommand::Finish { recording });
        }
    }

    /// A recording is closed; a finished call that waited for its main one is saved. One that comes too late for that is attached alike.
    pub(crate) fn recording_finished(&mut self, turn: &mut Turn, recording: RecordingId, outcome: RecordingOutcome) {
        let interaction = recording.interaction();
        turn.store(StoreCommand::CloseRecording { recording, outcome });
        if let Some(tracks) = self.tracks_of(interaction) {
            tracks.over(recording.track());
        }
        if recording.track() == Track::Main
            && let Some(closing) = self.closing.remove(&interaction)
        {
            turn.timers.cancel(Reason::SaveOverdue(interaction));
            self.save(turn, closing.record);
        }
    }

    fn tracks_of(&mut self, interaction: InteractionId) -> Option<&mut Tracks> {
        let live = self.live.get_mut(&interaction).map(|call| &mut call.tracks);
        live.or(self.house.get_mut(&interaction).map(HouseCall::tracks))
    }

    /// The recorder did not answer: the record stands without waiting longer.
    pub(crate) fn save_overdue(&mut self, turn: &mut Turn, interaction: InteractionId) {
        if let Some(closing) = self.closing.remove(&interaction) {
            if !closing.row_stored {
                turn.recording(RecordingCommand::Finish { recording: recording::id(interaction) });
            }
            self.save(turn, closing.record);
        }
    }

    fn close(&mut self, turn: &mut Turn, record: Box<InteractionRecord>, tracks: &Tracks) {
        let interaction = record.interaction;
        if record.direction == Direction::Inbound {
            self.contacts.finished(&record);
        } else if record.callback.is_some() {
            self.contacts.called_back(&record);
        }
        self.contacts.forget(turn.now.utc, turn.plan.limits.remembered_days);
        let mut main_row_stored = None;
        for (track, stage) in tracks.all() {
            let recording = RecordingId::of(interaction, track);
            // Bytes must not precede their row, so the recorder is told to finish when the row is there.
            let row_stored = match stage {
                Recording::Over => continue,
                Recording::RowAsked => false,
                Recording::Writing => {
                    turn.recording(RecordingCommand::Finish { recording });
                    true
                }
            };
            match track {
                Track::Main => main_row_stored = Some(row_stored),
                Track::Whisper | Track::Consultation if !row_stored => self.close_late(turn, recording),
                Track::Whisper | Track::Consultation => {}
            }
        }
        let Some(row_stored) = main_row_stored else { return self.save(turn, record) };
        self.closing.insert(interaction, Closing { record, row_stored });
        turn.timers.set(turn.now.time.plus(SAVE_WAIT_MS), Reason::SaveOverdue(interaction));
    }

    /// It is closed when its row is stored; if very many wait for that, the oldest is given up.
    fn close_late(&mut self, turn: &mut Turn, recording: RecordingId) {
        if self.late.len() >= MAX_LATE
            && let Some(recording) = self.late.pop_first()
        {
            turn.recording(RecordingCommand::Finish { recording });
        }
        self.late.insert(recording);
    }

    fn save(&mut self, turn: &mut Turn, record: Box<InteractionRecord>) {
        self.counters.add(&record);
        turn.store(StoreCommand::Save(record));
    }
}

/// Writes down a call of ours; what is told of it is as if it had come in.
fn open_outbound(turn: &mut Turn, interaction: InteractionId, leg: LegId, dialled: PhoneNumber) -> CallOffered {
    let caller = Caller { number: Some(dialled.clone().into()) };
    turn.store(StoreCommand::Open {
        interaction,
        started: turn.now.utc,
        caller: caller.clone(),
        dialled: dialled.clone(),
        probe: false,
        direction: Direction::Outbound,
        diversions: Vec::new(),
    });
    CallOffered { leg, trunk: TrunkId(0), caller, dialled, offer: None, probe: false, origin: Origin::default() }
}

/// A call that has just come to be.
fn fresh(id: InteractionId, leg: LegId, caller: Caller, queue: QueueId, ledger: CallLedger, started: Now) -> Call {
    Call {
        id,
        leg,
        direction: Direction::Inbound,
        caller,
        queue,
        moves: 0,
        probe: false,
        keys: None,
        started,
        card: None,
        known: KnownCaller::default(),
        served: None,
        ledger,
        tracks: Tracks::default(),
        paused: None,
        stage: Stage::Opening,
        callback: None,
        thread: 0,
        transfers: 0,
        last_party: PartyId(0),
        watchers: Vec::new(),
        wires: Wires::default(),
    }
}
