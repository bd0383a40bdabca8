//! The watcher's page for one call.

use crate::parties::Parties;
use call_core::command::RecordingCommand;
use call_core::input::{CallOffered, PastContact};
use call_core::ledger::{Decision, Fact, FactKind, InteractionRecord, LastAgentOutcome};
use call_core::plan::{QueuePlan, Strategy};
use call_core::{Now, Time};
use shared::model::{AgentId, Caller, EndReason, InteractionId, LegId, QueueId, RecordingId, Side, Track, TrunkId, UnixMillis};
use std::collections::{BTreeMap, BTreeSet};

/// What was seen of one call.
pub(crate) struct CallSeen {
    pub(crate) interaction: InteractionId,
    pub(crate) leg: LegId,
    pub(crate) probe: bool,
    pub(crate) trunk: TrunkId,
    pub(crate) caller: Caller,
    started: Time,
    started_utc: UnixMillis,
    /// Was refused before anything rang.
    pub(crate) refused: bool,
    /// Hears a text on its way out, or is to: why, and since when.
    pub(crate) turned: Option<(EndReason, Time)>,
    /// The text is played.
    pub(crate) speaks: bool,
    /// When it was last worked out what to tell while it waits, and the least waiting time it was told, in minutes.
    pub(crate) told_at: Option<Time>,
    pub(crate) told_least: Option<u32>,
    /// Since when nothing has kept the next text from being heard: waits in this queue, and no desk rings.
    pub(crate) unheard_since: Time,
    /// A call of ours.
    pub(crate) outbound: bool,
    /// The callback of which it is an attempt.
    pub(crate) callback: Option<InteractionId>,
    /// Nobody is on the line.
    pub(crate) absent: bool,
    /// The agent who calls, until somebody answers.
    pub(crate) dialling: Option<AgentId>,
    /// When the last key came of a talk about a callback.
    pub(crate) asked_at: Option<Time>,
    /// Who is in it.
    pub(crate) parties: Parties,
    /// An agent has sent it on to a line.
    pub(crate) sent_on: bool,
    /// When it joined a line first, as this call.
    joined: Option<Time>,
    pub(crate) queue: Option<QueueId>,
    first_queue: Option<QueueId>,
    /// The queue that it will wait in.
    pub(crate) bound_for: Option<QueueId>,
    /// Points that the lists of callers give, as of the present wait.
    pub(crate) listed: i32,
    /// Who served the number last, and what came of asking that agent first in this wait.
    pub(crate) seeks: Option<Seeks>,
    /// When the offer at a desk is accepted by itself.
    pub(crate) accepts_itself: BTreeMap<AgentId, Time>,
    /// Who is being told of it before that.
    pub(crate) whispered: BTreeMap<AgentId, LegId>,
    /// By how much each extension lengthens the wrap-up of its last talk, in ms.
    pub(crate) extension_ms: u64,
    /// How often it changed the queue by rule.
    pub(crate) moves: u32,
    /// Is on its way from queue to queue.
    moving: bool,
    pub(crate) first_entered: Option<Time>,
    pub(crate) waiting_since: Option<Time>,
    pub(crate) limit: Option<Time>,
    /// The limit of the last wait, also when it is over.
    pub(crate) limit_of_wait: Option<Time>,
    pub(crate) ringing: BTreeSet<AgentId>,
    /// When the present round of ringing began, and how many desks it has had.
    round: Option<(Time, u64)>,
    pub(crate) excluded: BTreeMap<AgentId, Time>,
    /// The highest tier that was ever open in this wait.
    pub(crate) open_tier: u8,
    /// The last decision about it, until an offer followed.
    pub(crate) decision: Option<Decision>,
    returned: bool,
    pub(crate) ever_connected: bool,
    first_connect: Option<Time>,
    pub(crate) last_agent: Option<AgentId>,
    /// When each agent's talk ended, and how long its wrap-up is, in ms.
    pub(crate) wrap_ups: BTreeMap<AgentId, (Time, u64)>,
    facts: u32,
    last_offset_ms: u64,
    pub(crate) leg_closed: bool,
    pub(crate) expected_side: Option<Side>,
    pub(crate) ended: Option<(EndReason, Side, Time)>,
    pub(crate) saves: u32,
    pub(crate) recordings: BTreeMap<Track, RecordingSeen>,
}

/// What was seen of one recording.
#[derive(Default)]
pub(crate) struct RecordingSeen {
    pub(crate) row_stored: bool,
    prepared: bool,
    writing: bool,
    told_to_finish: bool,
    pub(crate) finished_by_recorder: u32,
    pub(crate) attached: u32,
}

/// The agent who served a number last, in one wait (1-8).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeks {
    pub(crate) agent: AgentId,
    pub(crate) outcome: Option<LastAgentOutcome>,
    /// Until then the call may wait for that agent alone.
    pub(crate) hold_until: Time,
}

impl CallSeen {
    /// The INVITE was written down.
    pub(crate) fn new(interaction: InteractionId, offered: &CallOffered, bound_for: Option<QueueId>, now: Now) -> Self {
        Self {
            interaction,
            leg: offered.leg,
            probe: offered.probe,
            trunk: offered.trunk,
            caller: offered.caller.clone(),
            started: now.time,
            started_utc: now.utc,
            refused: false,
            turned: None,
            speaks: false,
            told_at: None,
            told_least: None,
            unheard_since: now.time,
            outbound: false,
            callback: None,
            absent: false,
            dialling: None,
            asked_at: None,
            parties: Parties::default(),
            sent_on: false,
            joined: None,
            queue: None,
            first_queue: None,
            bound_for,
            listed: 0,
            seeks: None,
            accepts_itself: BTreeMap::new(),
            whispered: BTreeMap::new(),
            extension_ms: 0,
            moves: 0,
            moving: false,
            first_entered: None,
            waiting_since: None,
            limit: None,
            limit_of_wait: None,
            ringing: BTreeSet::new(),
            round: None,
            excluded: BTreeMap::new(),
            open_tier: 0,
            decision: None,
            returned: false,
            ever_connected: false,
            first_connect: None,
            last_agent: None,
            wrap_ups: BTreeMap::new(),
            facts: 0,
            last_offset_ms: 0,
            leg_closed: false,
            expected_side: None,
            ended: None,
            saves: 0,
            recordings: BTreeMap::new(),
        }
    }

    /// Waits, and no desk rings for it.
    pub(crate) fn waits(&self) -> bool {
        self.waiting_since.is_some() && self.ringing.is_empty() && self.ended.is_none() && !self.probe
    }

    /// Counts for the limit of its queue: waits, or is about to.
    pub(crate) fn counts_as_waiting(&self) -> bool {
        let on_the_line = !self.outbound || self.ever_connected;
        !self.probe
            && on_the_line
            && self.ended.is_none()
            && self.owner().is_none()
            && !self.parties.residual()
            && self.turned.is_none()
            && !self.refused
    }

    /// Was let in and is not over.
    pub(crate) fn lives(&self) -> bool {
        self.ended.is_none() && !self.refused
    }

    /// Hears a text, or is to.
    pub(crate) fn hears_text(&self) -> bool {
        self.turned.is_some() && self.ended.is_none()
    }

    /// Is asked about a callback, or may be: a question is repeated twice.
    pub(crate) fn is_asked(&self, now: Time, longest_text_ms: u64) -> bool {
        let once = longest_text_ms.max(30_000) + 10_000;
        self.asked_at.is_some_and(|at| now < at.plus(3 * once))
    }

    /// Whose it is: who talks, or calls.
    pub(crate) fn agent(&self) -> Option<AgentId> {
        self.owner().or(self.dialling)
    }

    /// Whose it is, once it was answered.
    pub(crate) fn owner(&self) -> Option<AgentId> {
        self.parties.owner.map(|(agent, _)| agent)
    }

    /// Is in it, as whatever.
    pub(crate) fn has(&self, agent: AgentId) -> bool {
        self.dialling == Some(agent) || self.parties.agents().any(|one| one == agent)
    }

    /// Waits for one agent alone.
    pub(crate) fn held_for(&self, now: Time) -> Option<AgentId> {
        let seeks = self.seeks.filter(|seeks| seeks.outcome.is_none() && now < seeks.hold_until)?;
        let held = self.decision.as_ref().and_then(|decision| decision.held_for);
        held.filter(|agent| *agent == seeks.agent)
    }

    /// Over, but not saved.
    pub(crate) fn closing(&self) -> bool {
        self.ended.is_some() && self.saves == 0
    }

    pub(crate) fn waited_ms(&self, now: Time) -> u64 {
        self.first_entered.map_or(0, |entered| now.since(entered))
    }

    /// Whether it goes before another call: first whoever is past the guard, then points, then the entry.
    pub(crate) fn goes_before(&self, mine: &QueuePlan, other: &Self, theirs: &QueuePlan, now: Time) -> bool {
        let (this, that) = (self.points(mine, now), other.points(theirs, now));
        let entry = (self.first_entered, self.interaction) < (other.first_entered, other.interaction);
        match (this, that) {
            (None, None) => entry,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (Some(this), Some(that)) => this > that || (this == that && entry),
        }
    }

    /// Thousandths of points; `None` past the guard.
    fn points(&self, plan: &QueuePlan, now: Time) -> Option<i64> {
        let priority = plan.priority;
        let waited = i64::try_from(self.waited_ms(now)).expect("a simulated day is short");
        let guarded = priority.guard_ms > 0 && self.waited_ms(now) >= priority.guard_ms;
        let fixed = priority.weight + self.listed + if self.returned { priority.returned } else { 0 };
        (!guarded).then(|| i64::from(fixed) * 1_000 + waited * i64::from(priority.slope))
    }

    pub(crate) fn excludes(&self, agent: AgentId, now: Time) -> bool {
        self.excluded.get(&agent).is_some_and(|until| now < *until)
    }

    /// I-37: facts are numbered without a gap, in order of time, none after the last.
    pub(crate) fn count(&mut self, fact: &Fact, now: Time) {
        self.facts += 1;
        assert_eq!(fact.number, self.facts, "I-37: facts of {} have a gap", self.interaction);
        assert_eq!(fact.offset_ms, now.since(self.started), "I-13: offset of a fact");
        assert!(fact.offset_ms >= self.last_offset_ms && self.ended.is_none(), "I-37: a fact after the end");
        let first = matches!(fact.kind, FactKind::Entered | FactKind::CallbackBegan { .. });
        let first = first || (self.outbound && self.facts == 1 && matches!(fact.kind, FactKind::Dialled { .. }));
        assert_eq!(self.facts == 1, first, "I-37: the first fact is the INVITE");
        self.last_offset_ms = fact.offset_ms;
        if let FactKind::Connected { .. } = fact.kind {
            self.first_connect.get_or_insert(now);
        }
    }

    /// Entered or re-entered a line; the first entry decides the place. Returns whether it came from another queue.
    pub(crate) fn queued(&mut self, queue: QueueId, plan: &QueuePlan, now: Time) -> bool {
        self.queue = Some(queue);
        self.first_queue.get_or_insert(queue);
        self.first_entered.get_or_insert(now);
        self.joined.get_or_insert(now);
        self.asked_at = None;
        self.parties.let_go();
        let sent_on = std::mem::take(&mut self.sent_on);
        self.waiting_since = Some(now);
        if !self.moving {
            self.told_least = None;
        }
        (self.told_at, self.unheard_since) = (None, now);
        self.bound_for = Some(queue);
        self.open_tier = 0;
        self.decision = None;
        let moved = std::mem::take(&mut self.moving);
        if !moved {
            self.excluded.clear();
            self.returned = self.ever_connected && !sent_on;
        }
        self.limit = (plan.max_wait_ms > 0 && !self.probe && !self.absent).then(|| now.plus(plan.max_wait_ms));
        self.limit_of_wait = self.limit;
        moved
    }

    /// Leaves the line for a text, or is led to one at the door.
    pub(crate) fn turned_away(&mut self, reason: EndReason, now: Time) {
        assert!(self.turned.is_none(), "I-12: {} is turned away twice", self.interaction);
        assert!(self.ringing.is_empty(), "I-24: {} is turned away while a desk rings", self.interaction);
        assert!(self.owner().is_none(), "I-21: {} hears a text while it talks", self.interaction);
        self.turned = Some((reason, now));
        (self.waiting_since, self.limit) = (None, None);
    }

    /// What the hotline remembers of it for 首问负责, once it is over.
    pub(crate) fn contact(&self) -> Option<PastContact> {
        (!self.probe && self.first_queue.is_some() && (!self.outbound || self.ever_connected)).then(|| PastContact {
            caller: self.caller.clone(),
            at: self.started_utc,
            agent: self.last_agent,
            avoid: false,
        })
    }

    /// Leaves a queue, or cannot enter it, and goes to another.
    pub(crate) fn moved(&mut self, from: QueueId, to: QueueId) {
        assert_eq!(self.queue.or(self.bound_for), Some(from), "I-19: {} leaves a queue that it is not in", self.interaction);
        self.bound_for = Some(to);
        assert!(self.ringing.is_empty(), "I-24: {} leaves its queue while a desk rings", self.interaction);
        self.moves += 1;
        self.moving = self.queue.is_some();
        assert!(self.moves <= 5, "{} goes from queue to queue for ever", self.interaction);
    }

    /// A desk begins to ring. Returns whether it is the first of its round.
    pub(crate) fn offered(&mut self, agent: AgentId, strategy: Strategy, now: Time) -> bool {
        let first = self.ringing.is_empty();
        assert!(!self.probe, "a probe is offered to an agent");
        assert!(first || self.wants_more(strategy, now), "I-1: another desk rings for {} against the strategy", self.interaction);
        assert!(self.ringing.insert(agent), "I-1: {agent} is offered the same call twice");
        let (began, desks) = self.round.filter(|_| !first).unwrap_or((now, 0));
        self.round = Some((began, desks + 1));
        first
    }

    /// A desk falls silent.
    pub(crate) fn silent(&mut self, agent: AgentId) {
        assert!(self.ringing.remove(&agent), "I-1: an offer ended that was not live");
    }

    /// Rings, and more desks may ring for it.
    pub(crate) fn wants_more(&self, strategy: Strategy, now: Time) -> bool {
        let Some((began, desks)) = self.round.filter(|_| !self.ringing.is_empty()) else { return false };
        match strategy {
            Strategy::RingAll => true,
            Strategy::Progressive { more, every_ms } => desks < u64::from(more) * (1 + now.since(began) / every_ms),
            Strategy::LongestIdle | Strategy::LeastOccupied | Strategy::RoundRobin => false,
            Strategy::Linear | Strategy::Random | Strategy::WeightedRandom => false,
        }
    }

    /// I-15, I-17: prepared once, bytes after the row, closed once.
    pub(crate) fn recording_command(&mut self, recording: RecordingId, command: &RecordingCommand) {
        let ended = self.ended.is_some();
        let seen = self.recordings.entry(recording.track()).or_default();
        match command {
            RecordingCommand::Prepare { .. } => {
                assert!(!seen.prepared, "I-15: one recording per track");
                seen.prepared = true;
            }
            RecordingCommand::Write { .. } => {
                assert!(seen.row_stored && !seen.writing && !seen.told_to_finish, "I-15: bytes before the row, or twice");
                seen.writing = true;
            }
            RecordingCommand::Finish { .. } => {
                assert!(seen.prepared && !seen.told_to_finish, "I-15: closed without need");
                assert!(ended, "I-14: closed while the call lives");
                seen.told_to_finish = true;
            }
            RecordingCommand::Pause { .. } | RecordingCommand::Resume { .. } => {
                assert!(seen.prepared && !seen.told_to_finish, "I-15: paused without need");
            }
        }
    }

    /// The record agrees with what was seen.
    pub(crate) fn saved(&mut self, record: &InteractionRecord, now: Time) {
        self.saves += 1;
        assert_eq!(self.saves, 1, "I-12: {} is saved twice", self.interaction);
        let (reason, by, ended) = self.ended.expect("I-12: saved before its end");
        assert_eq!((record.reason, record.ended_by), (reason, by), "I-37: the end was overwritten");
        assert_eq!(record.length_ms, ended.since(self.started), "I-13: length");
        let left = self.turned.map_or(ended, |(_, left)| left);
        let wait = self.joined.map(|entered| self.first_connect.unwrap_or(left).since(entered));
        assert_eq!(record.wait_ms, wait, "I-13: wait");
        self.parties.i10_talk_ends_when_the_voice_leaves(&record.segments, ended);
        assert_eq!(record.residual_ms, self.parties.alone_ms(ended), "1-5: the time without an agent");
        assert_eq!(record.answered_by_agent, self.ever_connected, "I-12, I-38: answered and connected differ");
        assert_eq!(record.recording.is_some(), self.ever_connected, "I-17: a recording without audio, or none with");
        assert_eq!(record.queue, self.first_queue, "I-37: the queue was overwritten");
        assert!(!(record.answered_by_agent && reason == EndReason::Abandoned), "I-12: answered and abandoned");
        let main = self.recordings.get(&Track::Main);
        if main.is_some_and(|main| main.prepared && main.finished_by_recorder == 0) {
            assert!(now >= ended.plus(10_000), "saved before its recording was closed");
        }
    }
}
