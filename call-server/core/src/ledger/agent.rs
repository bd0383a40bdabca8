//! An agent's signed-in time as intervals that tile it exactly: each begins where the one before ended (1-7).

use super::{AgentInterval, IntervalCause};
use crate::command::SessionEnd;
use crate::time::Now;
use shared::model::{AgentId, AgentState, InteractionId, SessionId};

/// What an interval is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doing {
    /// The state throughout.
    pub(crate) state: AgentState,
    /// Why it began.
    pub(crate) cause: IntervalCause,
    /// The call it belongs to.
    pub(crate) interaction: Option<InteractionId>,
}

/// The open interval of one session.
#[derive(Debug)]
pub(crate) struct Timeline {
    agent: AgentId,
    session: SessionId,
    signed_in: Now,
    number: u32,
    since: Now,
    doing: Doing,
}

impl Timeline {
    /// A session begins.
    pub(crate) fn begin(agent: AgentId, session: SessionId, now: Now, doing: Doing) -> Self {
        Self { agent, session, signed_in: now, number: 1, since: now, doing }
    }

    /// When the present state began.
    pub(crate) fn since(&self) -> Now {
        self.since
    }

    /// Another state begins; returns the interval that ended with it.
    pub(crate) fn change(&mut self, now: Now, doing: Doing) -> AgentInterval {
        let finished = self.interval(now, None);
        self.number = self.number.saturating_add(1);
        self.since = now;
        self.doing = doing;
        finished
    }

    /// The present interval has another cause than it seemed.
    pub(crate) fn caused_by(&mut self, cause: IntervalCause) {
        self.doing.cause = cause;
    }

    /// The session ends; returns its last interval.
    pub(crate) fn end(self, now: Now, why: SessionEnd) -> AgentInterval {
        self.interval(now, Some(why))
    }

    fn interval(&self, now: Now, session_end: Option<SessionEnd>) -> AgentInterval {
        AgentInterval {
            agent: self.agent,
            session: self.session,
            number: self.number,
            state: self.doing.state,
            started: self.since.utc,
            offset_ms: self.since.time.since(self.signed_in.time),
            length_ms: now.time.since(self.since.time),
            cause: self.doing.cause,
            session_end,
            interaction: self.doing.interaction,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;
    use shared::model::{NotReadyReason, UnixMillis};

    #[test]
    fn intervals_tile_the_session_even_when_the_wall_clock_steps_back() {
        let at = |ms, utc| Now { time: Time(ms), utc: UnixMillis(utc) };
        let doing = |state| Doing { state, cause: IntervalCause::User, interaction: None };
        let mut timeline = Timeline::begin(AgentId(1), SessionId(1), at(1_000, 50_000), doing(AgentState::Ready));
        let first = timeline.change(at(1_700, 20_000), doing(AgentState::NotReady(NotReadyReason::Break)));
        let second = timeline.change(at(1_700, 20_000), doing(AgentState::Ready));
        let last = timeline.end(at(2_500, 20_800), SessionEnd::Asked);
        let tiles: Vec<_> = [&first, &second, &last].iter().map(|i| (i.number, i.offset_ms, i.length_ms)).collect();
        assert_eq!(tiles, [(1, 0, 700), (2, 700, 0), (3, 700, 800)]);
        assert_eq!((first.session_end, last.session_end), (None, Some(SessionEnd::Asked)));
    }
}
