//! Folds the facts of one interaction into its record. A field is set once, by its defining event (I-37).

use super::{Fact, FactKind, InteractionRecord, NodeEnd, NodeVisit, Segment};
use crate::input::CallOffered;
use crate::time::{Now, Time};
use shared::model::{
    AgentId, DialResult, Direction, EndReason, InteractionId, NodeId, PhoneNumber, QueueId, RecordingId, SegmentId, Side, TrunkId,
};
use std::collections::BTreeMap;

/// The open book of one interaction.
#[derive(Debug)]
pub(crate) struct CallLedger {
    interaction: InteractionId,
    call: CallOffered,
    began: Now,
    facts: u32,
    queued: Option<(QueueId, Time)>,
    /// The desks that ring, and since when.
    rang: BTreeMap<AgentId, Time>,
    first_connect: Option<Time>,
    /// Left the line for a text.
    left: Option<Time>,
    segments: Vec<Segment>,
    /// Whose audio the citizen hears, or would but for hold.
    open: BTreeMap<AgentId, Open>,
    recording: Option<RecordingId>,
    direction: Direction,
    dial_result: Option<DialResult>,
    transfers: u32,
    /// A talk without an agent goes on.
    residual: Option<Time>,
    residual_ms: u64,
    callback: Option<InteractionId>,
    /// In which voice menu or survey the citizen is, and since when.
    node: Option<OpenVisit>,
    /// How long an offer rang whose agent has taken it while nobody is there yet.
    rung_ms: Option<u64>,
}

/// A stay in a voice menu or a survey that goes on.
#[derive(Debug)]
struct OpenVisit {
    node: NodeId,
    name: String,
    survey: bool,
    since: Now,
}

/// A segment that runs.
#[derive(Debug, Clone, Copy)]
struct Open {
    place: usize,
    since: Time,
    held: bool,
}

impl CallLedger {
    /// Opens the book with its first fact.
    pub(crate) fn open(interaction: InteractionId, call: CallOffered, now: Now) -> (Self, Fact) {
        let mut ledger = Self::begin(interaction, call, now, Direction::Inbound);
        let fact = ledger.fact(now, FactKind::Entered);
        (ledger, fact)
    }

    /// The trunk that brought the call, and the dialled number.
    pub(crate) fn way(&self) -> (TrunkId, &PhoneNumber) {
        (self.call.trunk, &self.call.dialled)
    }

    /// Opens the book of a call that an agent has dialled.
    pub(crate) fn dialled(interaction: InteractionId, call: CallOffered, now: Now, agent: AgentId) -> (Self, Fact) {
        let mut ledger = Self::begin(interaction, call, now, Direction::Outbound);
        let fact = ledger.fact(now, FactKind::Dialled { agent });
        (ledger, fact)
    }

    /// Opens the book of a call that a phone of the house has dialled.
    pub(crate) fn dialled_by_phone(interaction: InteractionId, call: CallOffered, now: Now, inside: bool) -> (Self, Fact) {
        let mut ledger = Self::begin(interaction, call, now, Direction::Outbound);
        let fact = ledger.fact(now, FactKind::PhoneDialled { inside });
        (ledger, fact)
    }

    /// Two phones talk, without an agent.
    pub(crate) fn phones_talk(&mut self, now: Now, recording: RecordingId) {
        self.recording.get_or_insert(recording);
        self.residual(now, true);
    }

    /// Opens the book of an attempt to call somebody back.
    pub(crate) fn called_back(
        interaction: InteractionId,
        call: CallOffered,
        now: Now,
        (callback, attempt): (InteractionId, u32),
    ) -> (Self, Fact) {
        let mut ledger = Self::begin(interaction, call, now, Direction::Outbound);
        ledger.callback = Some(callback);
        let fact = ledger.fact(now, FactKind::CallbackBegan { callback, attempt });
        (ledger, fact)
    }

    /// An agent has taken the offer and calls the citizen.
    pub(crate) fn calls_back(&mut self, now: Now, agent: AgentId) -> Fact {
        self.rung_ms = self.rang.remove(&agent).map(|rang| now.time.since(rang));
        self.rang.clear();
        self.fact(now, FactKind::Dialled { agent })
    }

    /// What became of an outbound call, once that is known.
    pub(crate) fn dial_result(&self) -> Option<DialResult> {
        self.dial_result
    }

    fn begin(interaction: InteractionId, call: CallOffered, now: Now, direction: Direction) -> Self {
        Self {
            interaction,
            // The session description is long, and no part of the record.
            call: CallOffered { offer: None, ..call },
            began: now,
            facts: 0,
            queued: None,
            rang: BTreeMap::new(),
            first_connect: None,
            left: None,
            segments: Vec::new(),
            open: BTreeMap::new(),
            recording: None,
            direction,
            dial_result: None,
            transfers: 0,
            residual: None,
            residual_ms: 0,
            callback: None,
            node: None,
            rung_ms: None,
        }
    }

    /// What became of an outbound call; the first word counts (I-37).
    pub(crate) fn dial_ended(&mut self, now: Now, result: DialResult) -> Option<Fact> {
        if self.dial_result.is_some() {
            return None;
        }
        self.dial_result = Some(result);
        Some(self.fact(now, FactKind::DialEnded { result }))
    }

    /// The call has another owner, or none.
    pub(crate) fn handed_over(&mut self, now: Now, from: AgentId, to: Option<AgentId>) -> Fact {
        self.transfers += 1;
        self.fact(now, FactKind::HandedOver { from, to })
    }

    /// 盲转 to a line, a menu or a survey: the call has no owner for a while.
    pub(crate) fn sent_on(&mut self, now: Now, kind: FactKind) -> Fact {
        self.transfers += 1;
        self.fact(now, kind)
    }

    /// The citizen hears a voice menu or a survey.
    pub(crate) fn node_entered(&mut self, now: Now, node: NodeId, (name, survey): (String, bool)) -> Fact {
        self.node = Some(OpenVisit { node, name: name.clone(), survey, since: now });
        self.fact(now, FactKind::NodeEntered { node, name })
    }

    /// And does not any more. `None` if there was none.
    pub(crate) fn node_left(&mut self, now: Now, end: NodeEnd) -> Option<Fact> {
        let OpenVisit { node, name, survey, since } = self.node.take()?;
        let agent = self.segments.last().map(|segment| segment.agent);
        let (started, length_ms) = (since.utc, now.time.since(since.time));
        Some(self.fact(now, FactKind::NodeLeft(NodeVisit { node, name, survey, agent, started, length_ms, end })))
    }

    /// Whether citizen and others talk without an agent now.
    pub(crate) fn residual(&mut self, now: Now, is_residual: bool) {
        match (self.residual, is_residual) {
            (None, true) => self.residual = Some(now.time),
            (Some(since), false) => {
                self.residual_ms += now.time.since(since);
                self.residual = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// The citizen joined a waiting line.
    pub(crate) fn queued(&mut self, now: Now, queue: QueueId) -> Fact {
        self.queued.get_or_insert((queue, now.time));
        self.fact(now, FactKind::Queued { queue })
    }

    /// The citizen waits no more, and hears a text.
    pub(crate) fn left_line(&mut self, now: Now) {
        self.left = Some(now.time);
    }

    /// A desk began to ring.
    pub(crate) fn offered(&mut self, now: Now, agent: AgentId) -> Fact {
        self.rang.insert(agent, now.time);
        self.fact(now, FactKind::Offered { agent })
    }

    /// Two-way audio began: opens a segment.
    pub(crate) fn connected(&mut self, now: Now, agent: AgentId, recording: RecordingId) -> Fact {
        let segment = SegmentId(u32::try_from(self.segments.len()).unwrap_or(u32::MAX).saturating_add(1));
        let rang_ms = self.rang.remove(&agent).map(|rang| now.time.since(rang));
        let ring_ms = rang_ms.or(self.rung_ms.take()).unwrap_or(0);
        self.rang.clear();
        self.first_connect.get_or_insert(now.time);
        self.recording.get_or_insert(recording);
        self.open.insert(agent, Open { place: self.segments.len(), since: now.time, held: false });
        self.segments.push(Segment { segment, agent, started: now.utc, ring_ms, talk_ms: 0, hold_ms: 0, holds: 0 });
        self.fact(now, FactKind::Connected { agent, segment })
    }

    /// Whose segments run.
    pub(crate) fn running(&self) -> impl Iterator<Item = AgentId> {
        self.open.keys().copied()
    }

    /// The agent's audio left the citizen: closes that segment (I-10).
    pub(crate) fn parted(&mut self, now: Now, agent: AgentId) -> Option<Fact> {
        let open = self.open.remove(&agent)?;
        let segment = self.count(now, open)?;
        Some(self.fact(now, FactKind::Parted { segment }))
    }

    /// The citizen is held in an agent's segment, or is not any more. `None` if that is no news.
    pub(crate) fn held(&mut self, now: Now, agent: AgentId, held: bool) -> Option<Fact> {
        let open = self.open.get(&agent).copied().filter(|open| open.held != held)?;
        let segment = self.count(now, open)?;
        self.open.insert(agent, Open { since: now.time, held, ..open });
        if held {
            self.segments.get_mut(open.place)?.holds += 1;
        }
        Some(self.fact(now, if held { FactKind::Held { segment } } else { FactKind::Retrieved { segment } }))
    }

    /// Adds what ran until now to its segment.
    fn count(&mut self, now: Now, open: Open) -> Option<SegmentId> {
        let segment = self.segments.get_mut(open.place)?;
        let length_ms = now.time.since(open.since);
        if open.held {
            segment.hold_ms += length_ms;
        } else {
            segment.talk_ms += length_ms;
        }
        Some(segment.segment)
    }

    /// Any other fact, in order.
    pub(crate) fn fact(&mut self, now: Now, kind: FactKind) -> Fact {
        self.facts = self.facts.saturating_add(1);
        Fact { interaction: self.interaction, number: self.facts, offset_ms: now.time.since(self.began.time), at: now.utc, kind }
    }

    /// Whether an agent ever spoke with the citizen.
    pub(crate) fn was_answered(&self) -> bool {
        self.first_connect.is_some()
    }

    /// Closes the book: the last fact and the record.
    pub(crate) fn close(mut self, now: Now, reason: EndReason, by: Side) -> (Fact, InteractionRecord) {
        self.residual(now, false);
        let fact = self.fact(now, FactKind::Ended { reason, by });
        let waited_until = self.first_connect.or(self.left).unwrap_or(now.time);
        let wait_ms = self.queued.map(|(_, entered)| waited_until.since(entered));
        let record = InteractionRecord {
            interaction: self.interaction,
            trunk: self.call.trunk,
            caller: self.call.caller,
            dialled: self.call.dialled,
            probe: self.call.probe,
            queue: self.queued.map(|(queue, _)| queue),
            started: self.began.utc,
            ended: now.utc,
            length_ms: now.time.since(self.began.time),
            wait_ms,
            answered_by_agent: self.first_connect.is_some(),
            reason,
            ended_by: by,
            segments: self.segments,
            recording: self.recording,
            direction: self.direction,
            dial_result: self.dial_result,
            transfers: self.transfers,
            residual_ms: self.residual_ms,
            callback: self.callback,
        };
        (fact, record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::model::{Caller, LegId, UnixMillis};

    fn at(ms: u64) -> Now {
        Now { time: Time(0), utc: UnixMillis(1_000_000) }.plus(ms)
    }

    fn open(ms: u64) -> CallLedger {
        let call = CallOffered {
            leg: LegId(1),
            trunk: TrunkId(0),
            caller: Caller::default(),
            dialled: PhoneNumber::parse("12345").expect("a number"),
            offer: None,
            probe: false,
            origin: Default::default(),
        };
        CallLedger::open(InteractionId(9), call, at(ms)).0
    }

    #[test]
    fn a_call_never_answered_waits_until_its_end() {
        let mut ledger = open(100);
        ledger.queued(at(150), QueueId(1));
        ledger.offered(at(200), AgentId(1));
        let (fact, record) = ledger.close(at(1_150), EndReason::Abandoned, Side::Caller);
        assert_eq!((fact.number, fact.offset_ms), (4, 1_050));
        assert_eq!((record.wait_ms, record.length_ms), (Some(1_000), 1_050));
        assert!(!record.answered_by_agent && record.segments.is_empty() && record.recording.is_none());
    }

    #[test]
    fn hold_is_no_talk_and_is_counted_in_its_own_segment() {
        let mut ledger = open(0);
        ledger.connected(at(0), AgentId(1), RecordingId(9));
        assert!(ledger.held(at(100), AgentId(1), false).is_none(), "not held is no news");
        assert!(ledger.held(at(100), AgentId(1), true).is_some());
        assert!(ledger.held(at(120), AgentId(1), true).is_none(), "held twice is held once");
        ledger.held(at(150), AgentId(1), false);
        ledger.connected(at(160), AgentId(2), RecordingId(9));
        ledger.held(at(200), AgentId(1), true);
        ledger.parted(at(230), AgentId(1));
        ledger.residual(at(240), true);
        ledger.parted(at(240), AgentId(2));
        let (_, record) = ledger.close(at(300), EndReason::CallerHungUp, Side::Caller);
        let parts: Vec<_> = record.segments.iter().map(|s| (s.agent.0, s.talk_ms, s.hold_ms, s.holds)).collect();
        assert_eq!(parts, [(1, 150, 80, 2), (2, 80, 0, 0)]);
        assert_eq!(record.residual_ms, 60);
    }

    #[test]
    fn wait_ends_at_the_first_connect_and_each_segment_has_its_own_ring_and_talk() {
        let mut ledger = open(0);
        ledger.queued(at(10), QueueId(1));
        ledger.offered(at(20), AgentId(1));
        ledger.connected(at(50), AgentId(1), RecordingId(9));
        assert!(ledger.parted(at(150), AgentId(1)).is_some());
        assert!(ledger.parted(at(160), AgentId(1)).is_none(), "a segment ends once");
        ledger.offered(at(200), AgentId(2));
        ledger.connected(at(207), AgentId(2), RecordingId(9));
        ledger.parted(at(1_007), AgentId(2));
        let (_, record) = ledger.close(at(1_007), EndReason::CallerHungUp, Side::Caller);
        assert_eq!(record.wait_ms, Some(40));
        let parts: Vec<_> = record.segments.iter().map(|s| (s.segment.0, s.agent.0, s.ring_ms, s.talk_ms)).collect();
        assert_eq!(parts, [(1, 1, 30, 100), (2, 2, 7, 800)]);
        assert_eq!(record.talk_ms(), 900);
    }
}
