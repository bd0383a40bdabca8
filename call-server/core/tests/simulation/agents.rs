//! The watcher's page for one signed-in agent.

use call_core::Time;
use call_core::command::SessionEnd;
use call_core::input::AgentAction;
use call_core::ledger::{AgentInterval, IntervalCause};
use call_core::plan::{NoAnswer, ReasonRule};
use shared::model::{AgentId, AgentState, Desk, InteractionId, LegId, NotReadyReason, Notice, SessionId};

/// What was seen of one session.
pub(crate) struct AgentSeen {
    pub(crate) session: SessionId,
    pub(crate) leg: LegId,
    signed_in: Time,
    pub(crate) connected: bool,
    pub(crate) reachable: bool,
    pub(crate) gone_since: Time,
    pub(crate) back_since: Time,
    pub(crate) desk: Option<Desk>,
    intervals: u32,
    /// End of the last finished interval, since sign-in.
    tiled_ms: u64,
    before: Option<AgentInterval>,
    last_call: Option<InteractionId>,
    pub(crate) session_end: Option<SessionEnd>,
    /// Of finished intervals.
    pub(crate) rank: Rank,
    /// The last explicit choice during the present or last call.
    pub(crate) choice: Choice,
    /// The desktop vouches for somebody who sits there.
    pub(crate) attentive: bool,
    /// When the present reason of 示忙 has lasted for too long, and whether the agent was told.
    break_limit: Option<(Time, bool)>,
}

/// What the agent's place among the others rests on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rank {
    /// Ready since the last handled call.
    pub(crate) idle_ms: u64,
    /// Ready in this shift.
    pub(crate) ready_ms: u64,
    /// Talk and wrap-up in this shift.
    pub(crate) busy_ms: u64,
    /// Offers missed in a row.
    misses: u32,
}

impl Rank {
    /// After a sign-out in the same shift.
    pub(crate) fn signed_out(self) -> Self {
        Self { idle_ms: 0, ..self }
    }
}

/// What the agent wants after the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Ready,
    NotReady(NotReadyReason),
    SignOut,
}

impl AgentSeen {
    /// A session began.
    pub(crate) fn new(session: SessionId, leg: LegId, now: Time, (rank, choice): (Rank, Choice)) -> Self {
        let choice = if choice == Choice::SignOut { Choice::NotReady(NotReadyReason::SignedIn) } else { choice };
        Self {
            session,
            leg,
            signed_in: now,
            connected: true,
            reachable: false,
            gone_since: Time(0),
            back_since: now,
            desk: None,
            intervals: 0,
            tiled_ms: 0,
            before: None,
            last_call: None,
            session_end: None,
            rank,
            choice,
            attentive: false,
            break_limit: None,
        }
    }

    /// The state that the desk shows.
    pub(crate) fn state(&self) -> AgentState {
        self.desk.as_ref().expect("a desk is shown with the sign-in").state
    }

    pub(crate) fn eligible(&self) -> bool {
        self.state() == AgentState::Ready && self.connected && self.reachable
    }

    /// Will be free without anybody's decision.
    pub(crate) fn at_work(&self) -> bool {
        !matches!(self.state(), AgentState::NotReady(_) | AgentState::Lost) && self.connected
    }

    /// Ready time since the last handled call.
    pub(crate) fn idle_ms(&self, now: Time) -> u64 {
        self.rank.idle_ms + self.present_ready_ms(now)
    }

    /// (Talk + wrap-up) ÷ (these + Ready) of the shift, in millionths, as of the last full minute.
    pub(crate) fn occupancy(&self, now: Time) -> u64 {
        let minute = Time(now.0 - now.0 % 60_000);
        let all = self.rank.busy_ms + self.rank.ready_ms + self.present_ready_ms(minute);
        (self.rank.busy_ms * 1_000_000).checked_div(all).unwrap_or(0)
    }

    fn present_ready_ms(&self, now: Time) -> u64 {
        if self.state() == AgentState::Ready { now.since(self.signed_in.plus(self.tiled_ms)) } else { 0 }
    }

    /// An accepted call: the rank begins anew, and so does the choice of what follows.
    pub(crate) fn handled(&mut self) {
        self.rank.idle_ms = 0;
        self.rank.misses = 0;
        self.choice = Choice::Ready;
    }

    /// An offer was missed. Returns whether the rule wants the agent to be ready no longer.
    pub(crate) fn missed(&mut self, rule: NoAnswer) -> bool {
        self.rank.misses += 1;
        let over = match rule {
            NoAnswer::NotReady => true,
            NoAnswer::SkipOnly => false,
            NoAnswer::NotReadyAfter { misses } => self.rank.misses >= misses,
        };
        if over {
            self.rank.misses = 0;
        }
        over
    }

    /// A wish was carried out.
    pub(crate) fn chose(&mut self, action: AgentAction) {
        // 示忙 goes on after a call of one's own.
        if let AgentAction::Dial(_) = action {
            self.choice = match self.state() {
                AgentState::NotReady(reason) => Choice::NotReady(reason),
                _ => Choice::Ready,
            };
            return;
        }
        if self.desk.as_ref().is_none_or(|desk| !in_call(desk.state) && desk.state != AgentState::WrapUp) {
            return;
        }
        let talks = self.desk.as_ref().is_some_and(|desk| in_call(desk.state));
        self.choice = match action {
            AgentAction::GoReady => Choice::Ready,
            AgentAction::GoNotReady(reason) => Choice::NotReady(reason),
            AgentAction::SignOut if talks => Choice::SignOut,
            // Outside a call it is carried out at once.
            AgentAction::SignOut => return,
            AgentAction::Accept(_) | AgentAction::Reject(_) | AgentAction::HangUp(_) | AgentAction::EndWrapUp => return,
            AgentAction::ExtendWrapUp | AgentAction::AwaitNotReady(_) | AgentAction::Lock | AgentAction::Unlock => return,
            AgentAction::Dial(_) | AgentAction::Call(..) | AgentAction::Supervise(..) | AgentAction::UseVoice(_) => return,
        };
    }

    /// The reason of 示忙 that has this agent's place: the present one, or the one chosen to follow (1-7).
    pub(crate) fn reason(&self) -> Option<NotReadyReason> {
        let shown = self.desk.as_ref().expect("a desk is shown with the sign-in");
        let chosen = match self.choice {
            Choice::NotReady(reason) => Some(reason),
            Choice::Ready | Choice::SignOut => None,
        };
        match shown.state {
            AgentState::NotReady(reason) => Some(reason),
            AgentState::Talking | AgentState::Holding | AgentState::Consulting | AgentState::Outbound | AgentState::WrapUp => chosen,
            AgentState::Ready | AgentState::Offered => None,
            AgentState::Lost => match self.before.as_ref().map(|before| before.state) {
                Some(AgentState::NotReady(reason)) => Some(reason),
                Some(AgentState::Ready | AgentState::Offered | AgentState::Lost) | None => None,
                Some(_) => chosen,
            },
        }
    }

    /// The state that ended last lasted no time at all, so that nothing may look different.
    pub(crate) fn last_interval_was_empty(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.length_ms == 0)
    }

    /// 1-7: who is 示忙 for too long is told then, and not before.
    pub(crate) fn a_break_that_is_too_long_is_told(&self, agent: AgentId, now: Time) {
        if let (Some((limit, told)), AgentState::NotReady(_)) = (self.break_limit, self.state()) {
            assert!(told || now < limit, "1-7: {agent} is away for too long and was not told");
        }
    }

    /// 1-7: the limit of the state that begins now.
    pub(crate) fn limit_of(&mut self, began: Time, rule: Option<ReasonRule>) {
        // What was said before the desktop was lost still stands when it is back.
        let told = self.desk.as_ref().is_some_and(|desk| desk.notice == Some(Notice::BreakOver));
        self.break_limit = rule.filter(|rule| rule.max_ms > 0).map(|rule| (began.plus(rule.max_ms), told));
    }

    /// The call of the last interval that had one.
    pub(crate) fn last_call(&self) -> Option<InteractionId> {
        self.last_call
    }

    /// I-13: intervals tile the session; states follow each other only in ways that have a cause (I-8, I-30, I-31).
    pub(crate) fn interval(&mut self, now: Time, interval: &AgentInterval, wrap_up: Option<(Time, u64)>) {
        self.intervals += 1;
        assert_eq!((interval.number, interval.offset_ms), (self.intervals, self.tiled_ms), "I-13: intervals do not tile");
        self.tiled_ms += interval.length_ms;
        assert_eq!(self.tiled_ms, now.since(self.signed_in), "I-13: an interval does not end now");
        assert!(self.session_end.is_none(), "I-13: an interval after the last");
        self.session_end = interval.session_end;
        self.i8_i30_a_state_follows_its_cause(interval, wrap_up);
        self.i31_the_last_choice_wins(interval);
        // The interval that an accept ends is counted before the rank begins anew.
        match interval.state {
            AgentState::Ready => {
                self.rank.idle_ms += interval.length_ms;
                self.rank.ready_ms += interval.length_ms;
            }
            AgentState::Talking | AgentState::WrapUp | AgentState::Holding | AgentState::Consulting | AgentState::Outbound => {
                self.rank.busy_ms += interval.length_ms;
            }
            AgentState::NotReady(_) | AgentState::Offered | AgentState::Lost => {}
        }
        // Who takes a call has handled one (I-40).
        if (interval.state, interval.cause) == (AgentState::Talking, IntervalCause::Forced) {
            (self.rank.idle_ms, self.rank.misses) = (0, 0);
        }
        self.last_call = interval.interaction.or(self.last_call);
        self.before = Some(interval.clone());
    }

    fn i8_i30_a_state_follows_its_cause(&self, interval: &AgentInterval, wrap_up: Option<(Time, u64)>) {
        let before = self.before.as_ref().map(|before| before.state);
        let lawful = match interval.state {
            AgentState::Offered => before == Some(AgentState::Ready),
            // A supervisor takes a call from whichever state.
            AgentState::Talking if interval.cause == IntervalCause::Forced => {
                matches!(before, Some(AgentState::Ready | AgentState::NotReady(_)))
            }
            AgentState::Talking | AgentState::Consulting => {
                before.is_none_or(|before| in_call(before) || matches!(before, AgentState::Offered | AgentState::Lost))
            }
            AgentState::WrapUp => before.is_some_and(|before| in_call(before) || before == AgentState::Lost),
            AgentState::Holding => before.is_none_or(|before| in_call(before) || before == AgentState::Lost),
            AgentState::NotReady(_) | AgentState::Ready | AgentState::Lost | AgentState::Outbound => true,
        };
        assert!(lawful, "I-8, I-30: {:?} after {before:?}", interval.state);
        assert_eq!(before.is_none(), interval.cause == IntervalCause::SignIn, "I-30: sign-in begins a session");
        let began = self.signed_in.plus(interval.offset_ms);
        if interval.cause == IntervalCause::WrapUpOver {
            let (parted, wrap_up_ms) = wrap_up.expect("I-8: wrap-up without a call");
            assert_eq!(before, Some(AgentState::WrapUp), "I-8: wrap-up ran out without one");
            assert!(began >= parted.plus(wrap_up_ms), "I-8: wrap-up is cut");
        }
        // Nobody was served in a call of ours that nobody answered.
        let in_vain = before == Some(AgentState::Outbound);
        if interval.cause == IntervalCause::CallEnded && interval.state != AgentState::WrapUp && !in_vain {
            assert!(before.is_some_and(in_call), "I-8: a call ended without one");
            // Who was consulted has served nobody.
            let served = wrap_up.filter(|(parted, _)| *parted == began);
            assert!(served.is_some() || before == Some(AgentState::Consulting), "I-8: a call ended without a talk");
            assert!(served.is_none_or(|(_, ms)| ms == 0), "I-8: wrap-up is skipped");
        }
    }

    fn i31_the_last_choice_wins(&self, interval: &AgentInterval) {
        let Some(before) = &self.before else { return };
        let after_call = in_call(before.state) && interval.cause == IntervalCause::CallEnded;
        let after_wrap_up = before.state == AgentState::WrapUp && interval.cause == IntervalCause::WrapUpOver;
        if after_call {
            assert_ne!(self.choice, Choice::SignOut, "I-31: stays although sign-out was chosen");
        }
        if (after_call && interval.state != AgentState::WrapUp) || after_wrap_up {
            let wanted = match self.choice {
                Choice::NotReady(reason) => AgentState::NotReady(reason),
                Choice::Ready | Choice::SignOut => AgentState::Ready,
            };
            assert_eq!(interval.state, wanted, "I-31: not the last choice");
        }
    }

    /// A desk: newer by one and really different, or shown again after a resume.
    pub(crate) fn shown(&mut self, desk: &Desk, now: Time) {
        let before = self.desk.as_ref().and_then(|desk| desk.notice);
        if desk.notice == Some(Notice::BreakOver) && before != desk.notice {
            let limit = self.break_limit.map(|(limit, _)| limit);
            assert!(limit.is_some_and(|limit| now >= limit), "1-7: told that 示忙 lasts too long before {limit:?}");
            self.break_limit = limit.map(|limit| (limit, true));
        }
        let revision = self.desk.as_ref().map_or(0, |desk| desk.revision);
        assert_eq!(desk.revision, revision + 1, "revisions have a gap");
        assert_eq!(desk.offer.is_some(), desk.state == AgentState::Offered, "I-3: offer and state differ");
        assert_eq!(desk.wrap_up.is_some(), desk.state == AgentState::WrapUp, "I-8: wrap-up and state differ");
        self.i29_a_forced_change_is_told(desk);
        self.desk = Some(desk.clone());
    }

    fn i29_a_forced_change_is_told(&self, desk: &Desk) {
        let told = match desk.state {
            AgentState::NotReady(NotReadyReason::NoAnswer) => desk.notice == Some(Notice::OfferMissed),
            AgentState::NotReady(NotReadyReason::System) => desk.notice == Some(Notice::MediaLost),
            AgentState::NotReady(_)
            | AgentState::Ready
            | AgentState::Offered
            | AgentState::Talking
            | AgentState::Holding
            | AgentState::Consulting
            | AgentState::Outbound
            | AgentState::WrapUp
            | AgentState::Lost => true,
        };
        // What became of a call of the agent's own is told in its place.
        let told = told || matches!(desk.notice, Some(Notice::Call(_)));
        assert!(told, "I-29: {:?} with notice {:?}", desk.state, desk.notice);
        let before = self.desk.as_ref().map(|desk| desk.state);
        if before == Some(AgentState::Offered) && matches!(desk.state, AgentState::Talking) {
            assert_eq!(desk.notice, None, "I-29: an own change clears the notice");
        }
    }
}

/// Talks with somebody, or is about to.
pub(crate) fn in_call(state: AgentState) -> bool {
    matches!(state, AgentState::Talking | AgentState::Holding | AgentState::Consulting | AgentState::Outbound)
}
