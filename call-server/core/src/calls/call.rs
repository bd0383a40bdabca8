//! One citizen's call between its first INVITE and its end: a stage per struct, each holding only what is then known.

use super::functions::Gone;
use super::guided::Guided;
use super::outgoing::Outgoing;
use super::party::{Aside, Party, agent_name};
use super::pause::Pause;
use super::recording::{self, Tracks};
use super::wires::{Played, Wired, WiredKind, Wires};
use crate::command::{MediaCommand, Part, SipCommand, Sound, StoreCommand, VoiceTerms};
use crate::input::{CallOffered, LegEnd};
use crate::ledger::{CallLedger, Fact, FactKind};
use crate::plan::{KeyMode, MAX_MOVES, PromptName, TrunkVoice};
use crate::time::Now;
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{
    AgentId, AskedBy, CallPhase, CallView, CallbackView, Caller, CallerCard, Direction, EndReason, InteractionId, KnownCaller, LegId,
    PartyId, PhoneNumber, QueueId, RecordingId, Side, TalkView, Track, UnixMillis, WatchMode,
};
use std::collections::BTreeMap;

/// A live call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: InteractionId,
    /// The citizen's.
    pub(crate) leg: LegId,
    pub(crate) direction: Direction,
    pub(crate) caller: Caller,
    pub(crate) queue: QueueId,
    /// How often it changed the queue by rule.
    pub(crate) moves: usize,
    pub(crate) probe: bool,
    /// How keys are told to a citizen who was called: by the trunk that the call went over.
    pub(crate) keys: Option<KeyMode>,
    pub(crate) started: Now,
    pub(crate) card: Option<CallerCard>,
    /// What the hotline remembers about the number; who looks at it is added for each desk.
    pub(crate) known: KnownCaller,
    /// Who served the number last when it called.
    pub(crate) served: Option<AgentId>,
    pub(crate) ledger: CallLedger,
    pub(crate) tracks: Tracks,
    /// What is said is left out of them.
    pub(crate) paused: Option<Pause>,
    pub(crate) stage: Stage,
    /// How often it was handed over.
    pub(crate) transfers: u32,
    pub(crate) last_party: PartyId,
    /// Of which callback it is an attempt.
    pub(crate) callback: Option<CallbackOf>,
    /// Which of media's threads its talk is on.
    pub(crate) thread: u8,
    /// Supervisors who take part.
    pub(crate) watchers: Vec<Watcher>,
    pub(super) wires: Wires,
}

/// An attempt to call somebody back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallbackOf {
    /// Named by the call in which it was promised.
    pub(crate) callback: InteractionId,
    /// When that was.
    pub(crate) asked: UnixMillis,
    /// 1, 2, 3…
    pub(crate) attempt: u32,
}

/// Where a call stands.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The citizen hears ring-back; media was asked for a port.
    Opening,
    /// Nobody is on the line: the citizen is called back when the turn comes.
    Expecting(Expecting),
    /// 外拨: an agent has dialled, and nobody has answered yet.
    Dialling(Dialling),
    /// The citizen hears music; a desk may ring.
    Waiting(Waiting),
    /// An agent has the call: two-way audio, or the citizen is held.
    Talking(Talking),
    /// 语音菜单, 满意度调查: an agent has sent the citizen there.
    Guided(Guided),
    /// 无座席通话: citizen and experts go on without an agent.
    Residual(Residual),
}

/// A supervisor who takes part in the talk of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watcher {
    pub(crate) supervisor: AgentId,
    pub(crate) leg: LegId,
    pub(crate) agent: AgentId,
    pub(crate) mode: WatchMode,
}

/// The citizen has given up the line and not the place.
#[derive(Debug, Clone)]
pub(crate) struct Expecting {
    /// First entry into the line.
    pub(crate) entered: Now,
    /// Whom to call.
    pub(crate) number: PhoneNumber,
}

/// An agent calls a citizen.
#[derive(Debug)]
pub(crate) struct Dialling {
    pub(crate) agent: AgentId,
    pub(crate) agent_leg: LegId,
    pub(crate) out: Outgoing,
    pub(crate) since: Now,
    /// First entry into the line, if it is a callback.
    pub(crate) entered: Now,
    /// From there to the answered offer, in ms.
    pub(crate) waited_ms: u64,
}

/// The citizen waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    /// First entry into the line; never moved, whatever happens in between.
    pub(crate) entered: Now,
    /// An agent sent the citizen on to this line 盲转.
    pub(crate) sent_on: bool,
}

/// The citizen is with an agent.
#[derive(Debug)]
pub(crate) struct Talking {
    pub(crate) entered: Now,
    pub(crate) agent: AgentId,
    pub(crate) agent_leg: LegId,
    pub(crate) since: Now,
    /// Entry to the answered offer, in ms.
    pub(crate) waited_ms: u64,
    /// The agent does not hear the citizen, since then.
    pub(crate) held: Option<Now>,
    /// Somebody who is called or consulted.
    pub(crate) aside: Option<Aside>,
    /// Who takes part in the talk with the citizen.
    pub(crate) others: Vec<Party>,
}

/// The citizen goes on without an agent.
#[derive(Debug)]
pub(crate) struct Residual {
    pub(crate) entered: Now,
    pub(crate) since: Now,
    /// The agent who has left last.
    pub(crate) left_by: AgentId,
    /// Never empty.
    pub(crate) others: Vec<Party>,
}

impl Call {
    /// Notes a fact for the store.
    pub(crate) fn note(&mut self, turn: &mut Turn, kind: FactKind) {
        let fact = match kind {
            FactKind::Offered { agent } => self.ledger.offered(turn.now, agent),
            FactKind::Queued { queue } => self.ledger.queued(turn.now, queue),
            FactKind::Entered
            | FactKind::Answered
            | FactKind::Overflowed { .. }
            | FactKind::Blocked { .. }
            | FactKind::Favoured { .. }
            | FactKind::LastAgent { .. }
            | FactKind::TurnedAway { .. }
            | FactKind::Foretold { .. }
            | FactKind::Announced { .. }
            | FactKind::Decided(_)
            | FactKind::OfferEnded { .. }
            | FactKind::Connected { .. }
            | FactKind::KeysMasked { .. }
            | FactKind::Parted { .. }
            | FactKind::Dialled { .. }
            | FactKind::PhoneDialled { .. }
            | FactKind::DialEnded { .. }
            | FactKind::Held { .. }
            | FactKind::Retrieved { .. }
            | FactKind::AsideBegan { .. }
            | FactKind::AsideEnded { .. }
            | FactKind::PartyJoined { .. }
            | FactKind::PartyLeft { .. }
            | FactKind::HandedOver { .. }
            | FactKind::SentToQueue { .. }
            | FactKind::SentToNode { .. }
            | FactKind::NodeEntered { .. }
            | FactKind::NodeLeft(_)
            | FactKind::CallbackPromised { .. }
            | FactKind::CallbackBegan { .. }
            | FactKind::KeysPressed { .. }
            | FactKind::RecordingPaused { .. }
            | FactKind::RecordingResumed { .. }
            | FactKind::Watched { .. }
            | FactKind::Unwatched { .. }
            | FactKind::EmergencyCalled { .. }
            | FactKind::Ended { .. } => self.ledger.fact(turn.now, kind),
        };
        store_fact(turn, fact);
    }

    /// Media is open: the call is answered, hears music and waits.
    pub(crate) fn answered(&mut self, turn: &mut Turn, answer: crate::command::SessionText) {
        let leg = self.leg;
        turn.sip(SipCommand::Answer { leg, answer });
        self.stage = Stage::Waiting(Waiting { entered: turn.now, sent_on: false });
        self.settle(turn);
        self.note(turn, FactKind::Answered);
        self.note(turn, FactKind::Queued { queue: self.queue });
        self.find_card(turn);
    }

    pub(crate) fn find_card(&self, turn: &mut Turn) {
        if !self.probe && self.caller.number.is_some() {
            turn.store(StoreCommand::FindCard { interaction: self.id, caller: self.caller.clone() });
        }
    }

    /// The waiting citizen hears prompts, and then music again.
    pub(crate) fn tell(&mut self, turn: &mut Turn, prompts: Vec<PromptName>) {
        turn.media(MediaCommand::Announce { leg: self.leg, prompts: prompts.clone(), then: Sound::Music });
        self.note(turn, FactKind::Announced { prompts });
    }

    /// The waiting citizen hears a question; the digits of a number in it are not written down.
    pub(crate) fn ask(&mut self, turn: &mut Turn, prompts: Vec<PromptName>) {
        let asked = prompts.first().cloned().into_iter().collect();
        turn.media(MediaCommand::Announce { leg: self.leg, prompts, then: Sound::Music });
        self.note(turn, FactKind::Announced { prompts: asked });
    }

    /// Whether a rule may still lead it to another queue.
    pub(crate) fn moves_on(&self) -> bool {
        self.moves < MAX_MOVES
    }

    /// Whether nobody is on the line, and the citizen is called when the turn comes.
    pub(crate) fn is_expected(&self) -> bool {
        matches!(self.stage, Stage::Expecting(_))
    }

    /// The first entry into the line of a citizen who waits there.
    pub(crate) fn entered(&self) -> Option<Now> {
        match &self.stage {
            Stage::Waiting(waiting) => Some(waiting.entered),
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Talking(_) | Stage::Guided(_) | Stage::Residual(_) => None,
        }
    }

    /// An agent has the call from now on.
    pub(crate) fn connect(&mut self, turn: &mut Turn, (agent, agent_leg): (AgentId, LegId), entered: Now, waited_ms: u64) {
        self.stage =
            Stage::Talking(Talking { entered, agent, agent_leg, since: turn.now, waited_ms, held: None, aside: None, others: Vec::new() });
        self.settle(turn);
    }

    /// An agent goes on over another leg: the segment runs on.
    pub(crate) fn rejoin(&mut self, turn: &mut Turn, agent: AgentId, new_leg: LegId) {
        match &mut self.stage {
            Stage::Dialling(dialling) if dialling.agent == agent => dialling.agent_leg = new_leg,
            Stage::Talking(talking) if talking.agent == agent => talking.agent_leg = new_leg,
            Stage::Talking(talking) => talking.colleague_moves(agent, new_leg),
            Stage::Opening | Stage::Expecting(_) | Stage::Waiting(_) | Stage::Dialling(_) | Stage::Guided(_) | Stage::Residual(_) => {}
        }
        self.settle(turn);
    }

    /// The agent is gone in mid-call, or has sent the citizen on to a line: music again, and the place of the first entry.
    pub(crate) fn back_to_line(&mut self, turn: &mut Turn, entered: Now, sent_on: bool) {
        self.stage = Stage::Waiting(Waiting { entered, sent_on });
        self.settle(turn);
        self.note(turn, FactKind::Queued { queue: self.queue });
    }

    /// 盲转 to a waiting line, by this agent.
    pub(crate) fn sent_to_queue(&mut self, turn: &mut Turn, from: AgentId, queue: QueueId) {
        self.transfers += 1;
        let fact = self.ledger.sent_on(turn.now, FactKind::SentToQueue { from, queue });
        store_fact(turn, fact);
    }

    /// Brings media, recording, books and deadlines to what the stage says.
    pub(crate) fn settle(&mut self, turn: &mut Turn) {
        self.end_forsaken_pause(turn);
        let wanted = self.wanted(self.masks_keys(turn));
        for recording in wanted.recorded(self.id) {
            self.tracks.begin(turn, recording, self.paused.is_some());
        }
        let mut wires = std::mem::take(&mut self.wires);
        wires.become_(turn, wanted);
        self.wires = wires;
        self.book(turn);
        self.arm(turn);
    }

    /// The call is over: nobody hears anybody any more. Returns where it stood.
    pub(crate) fn fall_silent(&mut self, turn: &mut Turn) -> Stage {
        let was = std::mem::replace(&mut self.stage, Stage::Opening);
        // Its legs are closed: what they heard ends by itself.
        self.wires.sounds.clear();
        self.settle(turn);
        was
    }

    /// Whether keys are left out of the recording, as its queue wishes it. An agent's own call is in none.
    fn masks_keys(&self, turn: &Turn) -> bool {
        turn.plan.queues.get(&self.queue).is_some_and(|queue| queue.mask_keys)
    }

    /// Who is to hear whom.
    fn wanted(&self, masks_keys: bool) -> Wires {
        let mut wires = Wires::default();
        let recording = recording::id(self.id);
        let main = WiredKind::Main { recording, masks_keys };
        match &self.stage {
            Stage::Opening | Stage::Expecting(_) => {}
            Stage::Dialling(dialling) => {
                if dialling.out.is_audible() {
                    wires.talks.insert(self.leg, Wired::of(WiredKind::Early, dialling.agent_leg));
                } else if dialling.out.rings_silently() {
                    wires.sounds.insert(dialling.agent_leg, Played::Ringback);
                }
            }
            Stage::Waiting(_) => _ = wires.sounds.insert(self.leg, Played::Music),
            Stage::Guided(guided) => self.wire_onward(&mut wires, guided),
            Stage::Talking(talking) => {
                let members = talking.with_citizen();
                let others_go_on = !members.is_empty();
                match first_of(&members, talking.agent_leg) {
                    Some(first) => _ = wires.talks.insert(self.leg, Wired { kind: main, members, first }),
                    None => _ = wires.sounds.insert(self.leg, Played::Hold(recording)),
                }
                talking.wire_aside(&mut wires, recording, others_go_on);
            }
            Stage::Residual(residual) => {
                let members = parts(&residual.others);
                if let Some(first) = first_of(&members, self.leg) {
                    wires.talks.insert(self.leg, Wired { kind: main, members, first });
                }
            }
        }
        self.wire_watchers(&mut wires);
        wires
    }

    /// Who is called from a voice menu is heard by the citizen as by whoever dials.
    fn wire_onward(&self, wires: &mut Wires, guided: &Guided) {
        let Some(party) = &guided.out else { return };
        match party.leg().filter(|_| party.is_audible()) {
            Some(leg) => _ = wires.talks.insert(leg, Wired::of(WiredKind::Early, self.leg)),
            None => _ = wires.sounds.insert(self.leg, Played::Ringback),
        }
    }

    /// Supervisors are where their agent is: with the citizen, or with whom the agent consults (1-14).
    fn wire_watchers(&self, wires: &mut Wires) {
        for watcher in &self.watchers {
            let Some(agent_leg) = self.leg_of(watcher.agent) else { continue };
            let part = match watcher.mode {
                WatchMode::Listen => Part::Listen,
                WatchMode::Whisper => Part::Whisper,
                WatchMode::Barge => Part::Talk,
            };
            let talk = wires.talks.iter_mut().find(|(name, talk)| **name == agent_leg || talk.members.contains_key(&agent_leg));
            if let Some((_, talk)) = talk {
                talk.members.insert(watcher.leg, part);
            }
        }
    }

    /// Who begins and who ends to take part as a supervisor; there is nothing to be heard of it before somebody talks.
    pub(crate) fn note_watchers(&mut self, turn: &mut Turn, next: &[Watcher]) {
        let before = std::mem::take(&mut self.watchers);
        let same = |one: &Watcher, other: &Watcher| (one.supervisor, one.agent, one.mode) == (other.supervisor, other.agent, other.mode);
        for gone in before.iter().filter(|one| !next.iter().any(|other| other.supervisor == one.supervisor)) {
            self.note(turn, FactKind::Unwatched { supervisor: gone.supervisor });
        }
        for new in next.iter().filter(|one| !before.iter().any(|other| same(one, other))) {
            let Watcher { supervisor, agent, mode, .. } = *new;
            self.note(turn, FactKind::Watched { supervisor, agent, mode });
        }
        self.watchers = before;
    }

    /// The voice path of an agent who has the call or takes part in it.
    pub(crate) fn leg_of(&self, agent: AgentId) -> Option<LegId> {
        match &self.stage {
            Stage::Dialling(dialling) if dialling.agent == agent => Some(dialling.agent_leg),
            Stage::Talking(talking) if talking.agent == agent => Some(talking.agent_leg),
            Stage::Opening
            | Stage::Expecting(_)
            | Stage::Dialling(_)
            | Stage::Waiting(_)
            | Stage::Talking(_)
            | Stage::Guided(_)
            | Stage::Residual(_) => self.stage.parties().find(|party| party.agent() == Some(agent)).and_then(Party::leg),
        }
    }

    /// Whose audio the citizen hears, or would but for hold, and whether that is held.
    fn with_citizen(&self) -> BTreeMap<AgentId, bool> {
        match &self.stage {
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Guided(_) | Stage::Residual(_) => {
                BTreeMap::new()
            }
            Stage::Talking(talking) => {
                let colleagues = talking.others.iter().filter_map(Party::agent).map(|agent| (agent, false));
                colleagues.chain([(talking.agent, talking.held.is_some())]).collect()
            }
        }
    }

    fn book(&mut self, turn: &mut Turn) {
        let wanted = self.with_citizen();
        let running: Vec<AgentId> = self.ledger.running().collect();
        let mut facts = Vec::new();
        for agent in running.iter().filter(|agent| !wanted.contains_key(agent)) {
            facts.extend(self.ledger.parted(turn.now, *agent));
        }
        for (agent, held) in wanted {
            if !running.contains(&agent) {
                let connected = self.ledger.connected(turn.now, agent, recording::id(self.id));
                let masked = match connected.kind {
                    FactKind::Connected { segment, .. } if self.wires.mask_keys(self.leg) => Some(FactKind::KeysMasked { segment }),
                    _ => None,
                };
                facts.push(connected);
                facts.extend(masked.map(|masked| self.ledger.fact(turn.now, masked)));
            }
            facts.extend(self.ledger.held(turn.now, agent, held));
        }
        self.ledger.residual(turn.now, matches!(self.stage, Stage::Residual(_)));
        facts.into_iter().for_each(|fact| store_fact(turn, fact));
    }

    /// The deadlines of the stage.
    fn arm(&self, turn: &mut Turn) {
        let limits = turn.plan.limits.functions;
        let (held, residual) = match &self.stage {
            Stage::Talking(talking) => (talking.held.map(|since| since.time), None),
            Stage::Residual(residual) => (None, Some(residual.since.time)),
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Guided(_) => (None, None),
        };
        let deadlines = [
            (Reason::HeldLong(self.id), held, limits.held_ms),
            (Reason::HeldTooLong(self.id), held, limits.held_most_ms),
            (Reason::ResidualLong(self.id), residual, limits.residual_warning_ms),
            (Reason::ResidualOver(self.id), residual, limits.residual_ms),
            (Reason::PauseOver(self.id), self.paused.map(|pause| pause.until.time), 0),
        ];
        for (reason, since, after_ms) in deadlines {
            // What is told once is not told again; what ends something does so even if a new limit is over already.
            let ends = matches!(reason, Reason::ResidualOver(_) | Reason::PauseOver(_));
            match since.map(|since| since.plus(after_ms)) {
                Some(at) if at > turn.now.time || ends => turn.timers.set(at.max(turn.now.time), reason),
                Some(_) | None => turn.timers.cancel(reason),
            }
        }
    }

    /// Tells SIP to end the leg, in the way that fits the stage.
    pub(crate) fn close_leg(&self, turn: &mut Turn, reason: EndReason) {
        let leg = self.leg;
        match &self.stage {
            Stage::Opening => turn.sip(SipCommand::Refuse { leg, reason }),
            // Nobody was called yet.
            Stage::Expecting(_) => {}
            Stage::Dialling(dialling) => dialling.out.say_goodbye(turn, reason),
            Stage::Waiting(_) | Stage::Talking(_) | Stage::Guided(_) | Stage::Residual(_) => turn.sip(SipCommand::HangUp { leg, reason }),
        }
    }

    /// The end reason when the citizen's leg ends by itself.
    pub(crate) fn reason_of(&self, cause: LegEnd) -> EndReason {
        match (&self.stage, cause) {
            (Stage::Dialling(_) | Stage::Expecting(_), _) => EndReason::NotReached,
            (
                _,
                LegEnd::Timeout
                | LegEnd::Unreachable
                | LegEnd::Expired
                | LegEnd::Refused { .. }
                | LegEnd::ProtocolError
                | LegEnd::NoLine
                | LegEnd::AsCommanded,
            ) => EndReason::SignallingTimeout,
            (Stage::Opening, LegEnd::ByeReceived | LegEnd::CancelReceived) => EndReason::CancelledBeforeAnswer,
            (Stage::Waiting(_), LegEnd::ByeReceived | LegEnd::CancelReceived) => self.unserved(EndReason::Abandoned),
            (Stage::Talking(_) | Stage::Guided(_) | Stage::Residual(_), LegEnd::ByeReceived | LegEnd::CancelReceived) => {
                EndReason::CallerHungUp
            }
        }
    }

    /// Why a call ends that waits: an answered call is never counted as abandoned, and its agent was lost unless the citizen was sent on.
    pub(crate) fn unserved(&self, otherwise: EndReason) -> EndReason {
        match &self.stage {
            Stage::Waiting(Waiting { sent_on: true, .. }) => EndReason::CallerHungUp,
            _ if self.ledger.was_answered() => EndReason::AgentLost,
            _ => otherwise,
        }
    }

    /// The agent whose call it is.
    pub(crate) fn owner(&self) -> Option<AgentId> {
        match &self.stage {
            Stage::Dialling(dialling) => Some(dialling.agent),
            Stage::Talking(talking) => Some(talking.agent),
            Stage::Opening | Stage::Expecting(_) | Stage::Waiting(_) | Stage::Guided(_) | Stage::Residual(_) => None,
        }
    }

    /// Who is called or consulted.
    pub(crate) fn aside(&self) -> Option<&Aside> {
        match &self.stage {
            Stage::Talking(talking) => talking.aside.as_ref(),
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Guided(_) | Stage::Residual(_) => None,
        }
    }

    /// Who takes part in the talk with the citizen.
    pub(crate) fn others(&self) -> &[Party] {
        match &self.stage {
            Stage::Talking(talking) => &talking.others,
            Stage::Residual(residual) => &residual.others,
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Guided(_) => &[],
        }
    }

    /// The call as it rings at a desk since `since`.
    pub(crate) fn ringing_view(&self, turn: &Turn, since: Now) -> CallView {
        let entered = match &self.stage {
            Stage::Opening => self.started,
            Stage::Expecting(expecting) => expecting.entered,
            Stage::Dialling(dialling) => dialling.entered,
            Stage::Waiting(waiting) => waiting.entered,
            Stage::Talking(talking) => talking.entered,
            Stage::Guided(guided) => guided.entered,
            Stage::Residual(residual) => residual.entered,
        };
        let mut view = self.view(turn, CallPhase::Ringing, since, since.time.since(entered.time));
        if let (Some(owner), Some(aside)) = (self.owner(), self.aside()) {
            view.talk.asked_by = Some(AskedBy { name: agent_name(turn, owner), kind: aside.kind });
        }
        view
    }

    /// The call as an agent sees it who has it or takes part.
    pub(crate) fn talking_view(&self, turn: &Turn, agent: AgentId) -> Option<CallView> {
        let mut view = match &self.stage {
            Stage::Dialling(dialling) => self.view(turn, CallPhase::Dialling, dialling.since, dialling.waited_ms),
            Stage::Talking(talking) => self.view(turn, CallPhase::Talking, talking.since, talking.waited_ms),
            Stage::Opening | Stage::Expecting(_) | Stage::Waiting(_) | Stage::Guided(_) | Stage::Residual(_) => return None,
        };
        let owner = self.owner().filter(|owner| *owner != agent);
        view.talk.guest_of = owner.map(|owner| agent_name(turn, owner));
        Some(view)
    }

    fn view(&self, turn: &Turn, phase: CallPhase, since: Now, waited_ms: u64) -> CallView {
        let held = match &self.stage {
            Stage::Talking(talking) => talking.held.map(|since| since.utc),
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Guided(_) | Stage::Residual(_) => None,
        };
        CallView {
            interaction: self.id,
            caller: self.caller.clone(),
            card: self.card.clone(),
            queue: turn.queue(self.queue).name.clone(),
            waited_ms,
            phase,
            since: since.utc,
            known: self.known.clone(),
            talk: TalkView {
                direction: self.direction,
                held,
                aside: self.aside().map(|aside| aside.view(turn)),
                others: self.others().iter().map(|party| party.view(turn)).collect(),
                guest_of: None,
                asked_by: None,
                paused_until: self.paused.map(|pause| pause.until.utc),
                callback: self.callback.map(|CallbackOf { asked, attempt, .. }| CallbackView { asked, attempt }),
            },
        }
    }
}

impl Stage {
    /// Whoever is called, consulted or takes part.
    pub(crate) fn parties(&self) -> impl Iterator<Item = &Party> {
        let (aside, others): (_, &[Party]) = match self {
            Self::Talking(talking) => (talking.aside.as_ref().map(|aside| &aside.party), &talking.others),
            Self::Residual(residual) => (None, &residual.others),
            Self::Guided(guided) => (guided.out.as_ref(), &[]),
            Self::Opening | Self::Expecting(_) | Self::Dialling(_) | Self::Waiting(_) => (None, &[]),
        };
        aside.into_iter().chain(others)
    }
}

impl Talking {
    /// Whoever was called or takes part is in it no more.
    pub(crate) fn let_go(&mut self) -> Vec<Gone> {
        let aside = self.aside.take().map(|aside| Gone { party: aside.party, with_citizen: false });
        let others = std::mem::take(&mut self.others).into_iter().map(|party| Gone { party, with_citizen: true });
        aside.into_iter().chain(others).collect()
    }

    /// The legs that are with the citizen.
    fn with_citizen(&self) -> BTreeMap<LegId, Part> {
        let mut members = parts(&self.others);
        if self.held.is_none() {
            members.insert(self.agent_leg, Part::Talk);
        }
        members
    }

    fn wire_aside(&self, wires: &mut Wires, recording: RecordingId, others_go_on: bool) {
        let Some(Aside { party, .. }) = &self.aside else { return };
        if self.held.is_some() && party.rings_silently() {
            wires.sounds.insert(self.agent_leg, Played::Ringback);
        }
        let Some(leg) = party.leg().filter(|_| party.is_audible()) else { return };
        match self.held {
            Some(_) if !party.is_there() => _ = wires.talks.insert(leg, Wired::of(WiredKind::Early, self.agent_leg)),
            Some(_) => {
                // The right channel is the others' while they go on with the citizen.
                let track = if others_go_on { Track::Consultation } else { Track::Main };
                let recording = RecordingId::of(recording.interaction(), track);
                wires.talks.insert(leg, Wired::of(WiredKind::Aside(recording), self.agent_leg));
            }
            None if party.is_there() => _ = wires.sounds.insert(leg, Played::Music),
            None => {}
        }
    }

    fn colleague_moves(&mut self, colleague: AgentId, new_leg: LegId) {
        let aside = self.aside.as_mut().map(|aside| &mut aside.party);
        for party in self.others.iter_mut().chain(aside) {
            if let super::party::Member::Colleague { agent, leg: leg @ Some(_) } = &mut party.who
                && *agent == colleague
            {
                *leg = Some(new_leg);
            }
        }
    }
}

fn parts(parties: &[Party]) -> BTreeMap<LegId, Part> {
    let part = |party: &Party| if party.muted { Part::Listen } else { Part::Talk };
    parties.iter().filter_map(|party| Some((party.leg()?, part(party)))).collect()
}

/// Who sits opposite the citizen: the agent, else somebody who talks, else anybody.
fn first_of(members: &BTreeMap<LegId, Part>, agent: LegId) -> Option<LegId> {
    let talks = members.iter().find(|(_, part)| **part == Part::Talk).map(|(leg, _)| *leg);
    members.contains_key(&agent).then_some(agent).or(talks).or(members.keys().next().copied())
}

/// How a call ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    /// Why.
    pub(crate) reason: EndReason,
    /// Which side did it.
    pub(crate) by: Side,
    /// The leg ended by itself: SIP needs no command.
    pub(crate) leg_gone: bool,
}

impl Ending {
    /// The server ends it.
    pub(crate) fn by_server(reason: EndReason) -> Self {
        Self { reason, by: Side::Server, leg_gone: false }
    }
}

impl Call {
    /// How keys are told to the citizen's trunk.
    pub(crate) fn key_mode(&self, turn: &Turn) -> KeyMode {
        let of_trunk = || turn.plan.trunks.get(&self.ledger.way().0).map(|trunk| trunk.voice.keys);
        self.keys.or_else(of_trunk).unwrap_or_default()
    }
}

/// Asks for a citizen's voice path, as the trunk wants it.
pub(crate) fn open_voice(turn: &mut Turn, offered: &CallOffered) {
    let leg = offered.leg;
    let voice = turn.plan.trunks.get(&offered.trunk).map_or_else(TrunkVoice::of_a_phone, |trunk| trunk.voice.clone());
    let hears_tones = voice.keys == KeyMode::InBand;
    let terms = VoiceTerms { voice, encrypted: offered.origin.encrypted, ipv6: offered.origin.ipv6 };
    turn.media(MediaCommand::OpenTrunk { leg, offer: offered.offer.clone(), terms });
    if hears_tones {
        turn.media(MediaCommand::HearTones { leg });
    }
}

/// Hands a fact to the store.
pub(crate) fn store_fact(turn: &mut Turn, fact: Fact) {
    turn.store(StoreCommand::Note(fact));
}
