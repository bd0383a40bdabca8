//! Distribution: who waits, who is there to answer, and which of them are brought together.
//!
//! Knows a call by its number, its queue and its entry time; what a call is stays with `calls`.

mod agent;
mod breaks;
mod chance;
mod choose;
mod foretell;
mod last_agent;
mod line;
mod matching;
mod order;
mod pace;
mod pool;
mod random;
mod rank;
mod ranked;
mod standing;
mod voice;

pub(crate) use agent::{Activity, Agent, Asked, Offered, Remains, SegmentOver, Talk, TalkMode};
pub use foretell::ForecastError;
pub(crate) use foretell::Foretold;
pub(crate) use last_agent::SoughtOver;
pub(crate) use line::Joins;

use crate::command::{AgentCommand, MediaAccess, MediaCommand, SessionEnd};
use crate::ledger::{Decision, IntervalCause, LastAgentOutcome, OfferEnd, OverflowCause};
use crate::plan::{Plan, Unattended};
use crate::time::Time;
use crate::timer::Reason;
use crate::turn::Turn;
use agent::Beginning;
use breaks::Breaks;
use choose::Place;
use foretell::Forecasts;
use line::Line;
use pace::Pace;
use pool::Pools;
use random::Random;
use shared::model::{AgentId, InteractionId, LegId, OfferId, PhoneNumber, QueueId, Refusal, SessionId, VoiceDevice};
use standing::{Left, Standing};
use std::collections::{BTreeMap, BTreeSet};

/// Agents' legs are numbered from here on by the core; the SIP edge numbers its own below.
const FIRST_AGENT_LEG: u64 = 1 << 62;

/// All agents and all who wait.
#[derive(Debug)]
pub(crate) struct Acd {
    seats: BTreeMap<AgentId, Seat>,
    line: Line,
    pools: Pools,
    /// Whose seat may mean something else for its queues now.
    unsettled: BTreeSet<AgentId>,
    legs: BTreeMap<LegId, AgentId>,
    next_offer: OfferId,
    next_leg: LegId,
    /// Agents whose desk may have changed since it was shown.
    touched: BTreeSet<AgentId>,
    random: Random,
    /// Per queue: the member who was offered a call last.
    last_offered: BTreeMap<QueueId, Place>,
    pace: Pace,
    forecasts: Forecasts,
    /// Outcomes of 首问负责 that are not written down yet.
    sought_over: Vec<SoughtOver>,
    /// Agents for whom calls ask first and who are free.
    sought_free: BTreeSet<AgentId>,
    /// Agents for whom calls ask first and who are not at work any more.
    sought_gone: BTreeSet<AgentId>,
    breaks: Breaks,
    /// The standing of who is signed out, until the shift counts as over.
    left: BTreeMap<AgentId, Left>,
    /// Phones of the house that are registered no more; no more of them than the house has.
    gone_phones: BTreeSet<PhoneNumber>,
}

/// One agent's seat.
#[derive(Debug)]
enum Seat {
    Arriving(Arrival),
    SignedIn(Box<Agent>),
}

impl Seat {
    fn leg(&self) -> LegId {
        match self {
            Self::Arriving(arrival) => arrival.leg,
            Self::SignedIn(agent) => agent.leg,
        }
    }
}

/// Signs in; media has not answered yet.
#[derive(Debug)]
struct Arrival {
    session: SessionId,
    leg: LegId,
    standing: Standing,
    device: VoiceDevice,
    /// A live call of the session that this one supersedes.
    talk: Option<Talk>,
}

/// An offer that ended without a talk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfferOver {
    pub(crate) agent: AgentId,
    pub(crate) interaction: InteractionId,
    pub(crate) why: OfferEnd,
}

/// An offer that was taken.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) offered: Offered,
    /// The agent's voice path.
    pub(crate) leg: LegId,
    /// Offers of the same call to others.
    pub(crate) losers: Vec<OfferOver>,
}

/// A match that was just made.
#[derive(Debug)]
pub(crate) struct Match {
    pub(crate) agent: AgentId,
    pub(crate) interaction: InteractionId,
    pub(crate) decision: Decision,
}

impl Acd {
    /// Nobody is there.
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut pools = Pools::default();
        pools.rebuild(plan, Time(0));
        Self {
            seats: BTreeMap::new(),
            line: Line::default(),
            pools,
            unsettled: BTreeSet::new(),
            legs: BTreeMap::new(),
            next_offer: OfferId(1),
            next_leg: LegId(FIRST_AGENT_LEG),
            touched: BTreeSet::new(),
            random: Random::new(plan.seed),
            last_offered: BTreeMap::new(),
            pace: Pace::default(),
            forecasts: Forecasts::default(),
            sought_over: Vec::new(),
            sought_free: BTreeSet::new(),
            sought_gone: BTreeSet::new(),
            breaks: Breaks::default(),
            left: BTreeMap::new(),
            gone_phones: BTreeSet::new(),
        }
    }

    /// A citizen begins to wait, or waits again in the old place.
    pub(crate) fn join(&mut self, turn: &mut Turn, joins: Joins) {
        self.line.join(turn, joins);
    }

    /// A call is over: it leaves the line, and the desks that ring for it fall silent (I-3).
    pub(crate) fn call_over(&mut self, turn: &mut Turn, interaction: InteractionId) -> Vec<OfferOver> {
        self.stop_seeking(turn, interaction, LastAgentOutcome::CallerLeft);
        let ringing = self.line.leave(turn, interaction).map_or_else(BTreeSet::new, |entry| entry.ringing);
        self.free(turn, ringing, Agent::caller_left)
    }

    fn free(
        &mut self,
        turn: &mut Turn,
        ringing: BTreeSet<AgentId>,
        step: impl Fn(&mut Agent, &mut Turn) -> Option<OfferOver>,
    ) -> Vec<OfferOver> {
        ringing.into_iter().filter_map(|agent| step(self.agent_mut(agent)?, turn)).collect()
    }

    /// 代答: a citizen is taken out of the line by hand; the desks that ring fall silent.
    pub(crate) fn taken(&mut self, turn: &mut Turn, interaction: InteractionId) -> Vec<OfferOver> {
        self.stop_seeking(turn, interaction, LastAgentOutcome::AnsweredByOther);
        let ringing = self.line.leave(turn, interaction).map_or_else(BTreeSet::new, |entry| entry.ringing);
        self.free(turn, ringing, Agent::answered_elsewhere)
    }

    /// Whether the limit of waiting is reached and no desk rings (I-24).
    pub(crate) fn overdue(&self, interaction: InteractionId, now: Time) -> bool {
        self.line.overdue(interaction, now)
    }

    /// A citizen goes to wait in another queue, in the place of the first entry; `moves_on` if that may happen again.
    pub(crate) fn change_queue(&mut self, turn: &mut Turn, interaction: InteractionId, queue: QueueId, moves_on: bool) {
        self.stop_seeking(turn, interaction, LastAgentOutcome::HoldOver);
        self.line.change_queue(turn, interaction, queue, moves_on);
    }

    /// Whether a citizen waits and no desk rings.
    pub(crate) fn waits_unserved(&self, interaction: InteractionId) -> bool {
        self.line.get(interaction).is_some_and(|entry| entry.ringing.is_empty())
    }

    /// Of those of a queue who are on the line and for whom no desk rings, the one who came first; of those who may go to another queue only,
    /// if so asked.
    pub(crate) fn first_unserved(&self, queue: QueueId, moves_on: bool) -> Option<InteractionId> {
        self.line.first_unserved(queue, moves_on)
    }

    /// Why nobody can answer in a queue until somebody decides to, if so. Who changes desks or is gone for a moment counts as there.
    /// True once [`Acd::settle`] was called.
    pub(crate) fn unstaffed(&self, queue: QueueId) -> Option<OverflowCause> {
        match self.pools.staff(queue) {
            (0, ..) => Some(OverflowCause::NobodySignedIn),
            (_, 0, _) => Some(OverflowCause::AllNotReady),
            _ => None,
        }
    }

    /// 接听: the reservation becomes a talk over the agent's leg; all others for this call are taken back.
    pub(crate) fn accept(&mut self, turn: &mut Turn, agent: AgentId, offer: OfferId, cause: IntervalCause) -> Result<Accepted, Refusal> {
        let found = self.agent(agent).ok_or(Refusal::WrongState)?;
        let leg = found.voice();
        let absent = found.offered(offer).ok().and_then(|offered| self.line.get(offered.interaction)).is_some_and(|entry| entry.absent);
        let mode = if absent { TalkMode::Outbound } else { TalkMode::Talk };
        let found = self.agent_mut(agent).ok_or(Refusal::WrongState)?;
        let offered = found.accept(turn, offer, cause, mode)?;
        let sought = self.line.get(offered.interaction).and_then(|entry| entry.sought).map(|sought| sought.agent);
        let outcome = if sought == Some(agent) { LastAgentOutcome::Hit } else { LastAgentOutcome::AnsweredByOther };
        self.stop_seeking(turn, offered.interaction, outcome);
        let mut ringing = match self.line.leave(turn, offered.interaction) {
            Some(entry) => {
                self.forecast_came(turn, &entry);
                entry.ringing
            }
            None => BTreeSet::new(),
        };
        ringing.remove(&agent);
        let losers = self.free(turn, ringing, Agent::answered_elsewhere);
        Ok(Accepted { offered, leg, losers })
    }

    /// More agents may be asked for a call: the next round of matching does.
    pub(crate) fn reach_grows(&mut self, turn: &mut Turn, interaction: InteractionId) {
        self.line.reach_grows(turn, interaction);
    }

    /// What waits is judged by the new plan.
    pub(crate) fn plan_changed(&mut self, turn: &mut Turn) {
        self.pools.rebuild(&turn.plan, turn.now.time);
        self.line.plan_changed(turn);
        self.left.retain(|agent, _| turn.plan.agents.contains_key(agent));
        self.touched.extend(self.seats.keys().copied());
    }

    /// A desk rang long enough.
    pub(crate) fn miss(&mut self, turn: &mut Turn, agent: AgentId, offer: OfferId) -> Option<OfferOver> {
        let offered = self.agent(agent)?.offered(offer).ok()?;
        let rule = turn.queue(offered.queue).no_answer;
        self.agent_mut(agent)?.miss(turn, offered, rule)
    }

    /// Books an offer that ended without a talk: the call is free for others, and not for who did not take it.
    pub(crate) fn offer_over(&mut self, turn: &mut Turn, over: OfferOver) {
        self.line.silence(turn, over.interaction, over.agent);
        if self.line.get(over.interaction).and_then(|entry| entry.sought).is_some_and(|sought| sought.agent == over.agent) {
            let declined = matches!(over.why, OfferEnd::Rejected | OfferEnd::NotAnswered);
            let outcome = if declined { LastAgentOutcome::Declined } else { LastAgentOutcome::NotReady };
            self.stop_seeking(turn, over.interaction, outcome);
        }
        match over.why {
            OfferEnd::Rejected | OfferEnd::NotAnswered => self.line.exclude(turn, over.interaction, over.agent),
            OfferEnd::CallerLeft | OfferEnd::Withdrawn | OfferEnd::AnsweredElsewhere => {}
        }
    }

    /// An agent's part of a call is over; returns whether the agent wished to sign out now.
    pub(crate) fn segment_over(&mut self, turn: &mut Turn, agent: AgentId, over: SegmentOver) -> bool {
        self.touched.insert(agent);
        self.unsettled.insert(agent);
        match self.seats.get_mut(&agent) {
            Some(Seat::Arriving(arrival)) => {
                arrival.talk = None;
                false
            }
            Some(Seat::SignedIn(agent)) => agent.segment_over(turn, over),
            None => false,
        }
    }

    /// Somebody signs in: an older session ends, media is asked for a voice path. `None` if the plan knows no such agent.
    pub(crate) fn arrive(
        &mut self,
        turn: &mut Turn,
        (agent, session): (AgentId, SessionId),
        voice: Option<VoiceDevice>,
    ) -> Option<Remains> {
        let Some(plan) = turn.plan.agents.get(&agent) else {
            turn.agent(AgentCommand::SignInFailed { agent, session });
            return None;
        };
        let device = plan.phone.as_ref().map_or(VoiceDevice::Headset, |phone| voice.unwrap_or(phone.first));
        let remains = self.leave(turn, agent, SessionEnd::Superseded);
        let leg = self.next_leg;
        self.next_leg = LegId(leg.0 + 1);
        turn.media(MediaCommand::OpenAgent { agent, leg });
        turn.timers.set(turn.now.time.plus(turn.plan.limits.media_open_ms), Reason::SignInOverdue(agent));
        let (standing, talk) = match &remains {
            Some(remains) => (remains.standing, remains.talk),
            None => (self.shift_of(turn, agent), None),
        };
        self.seats.insert(agent, Seat::Arriving(Arrival { session, leg, standing, device, talk }));
        self.legs.insert(leg, agent);
        self.unsettled.insert(agent);
        remains
    }

    /// The voice path is open: the session begins. Returns a call to be joined with the new path.
    pub(crate) fn media_opened(
        &mut self,
        turn: &mut Turn,
        agent: AgentId,
        leg: LegId,
        access: MediaAccess,
    ) -> Option<(InteractionId, LegId)> {
        let Some(Seat::Arriving(arrival)) = self.seats.get(&agent) else { return None };
        if arrival.leg != leg {
            return None;
        }
        let Arrival { session, standing, device, talk, .. } = *arrival;
        turn.timers.cancel(Reason::SignInOverdue(agent));
        turn.agent(AgentCommand::SignedIn { agent, session, access });
        self.seat(turn, Beginning { agent, session, leg, standing, device, unattended: None, talk });
        talk.map(|talk| (talk.interaction, leg))
    }

    fn seat(&mut self, turn: &Turn, beginning: Beginning) {
        let agent = beginning.agent;
        self.seats.insert(agent, Seat::SignedIn(Box::new(Agent::sign_in(turn, beginning))));
        self.touched.insert(agent);
        self.unsettled.insert(agent);
    }

    /// Signs in whoever has a phone and no desktop; returns those whom the plan names so no longer.
    pub(crate) fn seat_unattended(&mut self, turn: &Turn) -> Vec<AgentId> {
        let unattended = turn.plan.agents.iter().filter_map(|(agent, plan)| Some((*agent, plan.phone.as_ref()?.unattended?)));
        let wanted: BTreeMap<AgentId, Unattended> = unattended.collect();
        for (agent, rule) in &wanted {
            match self.seats.get_mut(agent) {
                Some(Seat::SignedIn(found)) if found.unattended.is_some() => found.unattended = Some(*rule),
                Some(_) => {}
                None => {
                    let (leg, standing) = (self.next_leg, self.shift_of(turn, *agent));
                    self.next_leg = LegId(leg.0 + 1);
                    // No desktop has it: only the books do.
                    let session = SessionId(u64::try_from(turn.now.utc.0).unwrap_or(0));
                    let (device, unattended, agent) = (VoiceDevice::Phone, Some(*rule), *agent);
                    self.seat(turn, Beginning { agent, session, leg, standing, device, unattended, talk: None });
                }
            }
        }
        let present = self.signed_in().filter(|agent| agent.unattended.is_some()).map(|agent| agent.agent);
        present.filter(|agent| !wanted.contains_key(agent)).collect()
    }

    /// Ends whatever an agent has here, a session or an attempt at one.
    pub(crate) fn leave(&mut self, turn: &mut Turn, agent: AgentId, why: SessionEnd) -> Option<Remains> {
        self.stop_awaiting(agent);
        self.touched.insert(agent);
        self.unsettled.insert(agent);
        let seat = self.seats.remove(&agent)?;
        self.legs.remove(&seat.leg());
        let remains = match seat {
            Seat::Arriving(arrival) => {
                turn.timers.cancel(Reason::SignInOverdue(agent));
                turn.media(MediaCommand::Close { leg: arrival.leg });
                turn.agent(AgentCommand::SignInFailed { agent, session: arrival.session });
                Remains { offer: None, talk: arrival.talk, standing: arrival.standing }
            }
            Seat::SignedIn(signed_in) => signed_in.leave(turn, why),
        };
        self.left.insert(agent, Left { standing: remains.standing, at: turn.now.time });
        Some(remains)
    }

    /// The standing with which somebody signs in who was not there.
    fn shift_of(&self, turn: &Turn, agent: AgentId) -> Standing {
        let same = |left: &&Left| turn.now.time.since(left.at) <= turn.plan.limits.shift_gap_ms;
        self.left.get(&agent).filter(same).map_or_else(Standing::default, |left| left.standing.signed_out())
    }

    /// A signed-in agent with this very session; a message of an old one is to be ignored.
    pub(crate) fn in_session(&mut self, agent: AgentId, session: SessionId) -> Option<&mut Agent> {
        self.agent_mut(agent).filter(|agent| agent.session == session)
    }

    /// Whether somebody is signing in.
    pub(crate) fn is_coming(&self, agent: AgentId) -> bool {
        matches!(self.seats.get(&agent), Some(Seat::Arriving(_)))
    }

    /// Whether this session is still being opened.
    pub(crate) fn is_arriving(&self, agent: AgentId, session: SessionId) -> bool {
        matches!(self.seats.get(&agent), Some(Seat::Arriving(arrival)) if arrival.session == session)
    }

    /// Whose voice path a leg is, and whether the session has begun.
    pub(crate) fn of_leg(&self, leg: LegId) -> Option<(AgentId, bool)> {
        let agent = *self.legs.get(&leg)?;
        Some((agent, matches!(self.seats.get(&agent)?, Seat::SignedIn(_))))
    }

    /// A signed-in agent.
    pub(crate) fn agent(&self, agent: AgentId) -> Option<&Agent> {
        match self.seats.get(&agent)? {
            Seat::Arriving(_) => None,
            Seat::SignedIn(agent) => Some(agent),
        }
    }

    /// A signed-in agent to be changed.
    pub(crate) fn agent_mut(&mut self, agent: AgentId) -> Option<&mut Agent> {
        match self.seats.get_mut(&agent)? {
            Seat::Arriving(_) => None,
            Seat::SignedIn(signed_in) => {
                self.touched.insert(agent);
                self.unsettled.insert(agent);
                Some(signed_in)
            }
        }
    }

    /// The agents whose desks ring for a call.
    pub(crate) fn rings_for(&self, interaction: InteractionId) -> impl Iterator<Item = AgentId> {
        self.line.get(interaction).into_iter().flat_map(|entry| entry.ringing.iter().copied())
    }

    /// Everybody signed in, in order of their ids.
    pub(crate) fn signed_in(&self) -> impl Iterator<Item = &Agent> {
        self.seats.values().filter_map(|seat| match seat {
            Seat::Arriving(_) => None,
            Seat::SignedIn(agent) => Some(&**agent),
        })
    }

    /// Everybody who has a seat, signed in or arriving.
    pub(crate) fn seated(&self) -> Vec<AgentId> {
        self.seats.keys().copied().collect()
    }

    /// Entry times of those who wait on the line in a queue, oldest first.
    pub(crate) fn waiting_in(&self, queue: QueueId) -> impl Iterator<Item = Time> {
        self.line.in_queue(queue).filter(|entry| !entry.absent).map(|entry| entry.entered)
    }

    /// Notes that an agent's desk may look different now.
    pub(crate) fn touch(&mut self, agent: AgentId) {
        self.touched.insert(agent);
    }

    /// Takes the agents whose desk may have changed; what they finished is counted.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<AgentId> {
        let touched = std::mem::take(&mut self.touched);
        for agent in &touched {
            if let Some(Seat::SignedIn(agent)) = self.seats.get_mut(agent)
                && let Some((queue, length_ms)) = agent.finished.take()
            {
                self.pace.handled(queue, length_ms);
            }
        }
        touched
    }
}
