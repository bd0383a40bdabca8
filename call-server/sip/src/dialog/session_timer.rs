//! When a session is refreshed, and when it is over because nobody did (RFC 4028).

use crate::fields::{MIN_SE, SESSION_EXPIRES, SUPPORTED, parameter};
use crate::message::Head;

/// Shortest interval that may be asked for, in s (RFC 4028 section 4).
pub(crate) const SHORTEST_S: u32 = 90;
/// A session is left this long before it would expire, in ms, or a third of the interval if that is less (section 10).
const MARGIN_MS: u64 = 32_000;

/// An agreed session timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionTimer {
    pub(crate) interval_s: u32,
    /// When we refresh; `None` if the far side does, or while our refresh is under way.
    pub(crate) refresh_at: Option<u64>,
    /// Whether we refresh.
    pub(crate) is_ours: bool,
    /// When the session is over.
    pub(crate) expires_at: u64,
}

impl SessionTimer {
    pub(crate) fn new(now: u64, interval_s: u32, is_ours: bool) -> Self {
        let interval_ms = u64::from(interval_s).saturating_mul(1_000);
        let margin_ms = MARGIN_MS.min(interval_ms.div_euclid(3));
        Self {
            interval_s,
            refresh_at: is_ours.then_some(now.saturating_add(interval_ms.div_euclid(2))),
            is_ours,
            expires_at: now.saturating_add(interval_ms.saturating_sub(margin_ms)),
        }
    }

    pub(crate) fn deadline(&self) -> u64 {
        self.refresh_at.map_or(self.expires_at, |at| at.min(self.expires_at))
    }

    /// What the 2xx to a request of ours says: section 7.2.
    pub(crate) fn of_response(now: u64, head: &Head) -> Option<Self> {
        let interval_s = SESSION_EXPIRES.number(head)?.max(SHORTEST_S);
        let refresher = SESSION_EXPIRES.first(head).and_then(|field| parameter(field, "refresher"));
        let is_theirs = refresher.is_some_and(|who| who.eq_ignore_ascii_case(b"uas"));
        Some(Self::new(now, interval_s, !is_theirs))
    }
}

/// What we answer to the wish for a session timer in an INVITE or UPDATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// There is none.
    None,
    /// This one, and whether the far side is told by Require that it is the refresher.
    Agreed { timer: SessionTimer, requires: bool },
    /// 422: the interval is below our minimum, in s.
    TooShort(u32),
}

/// Section 9. `ours_s` is the interval that we put in where the far side does not ask. One that knows no session timers is refreshed by us, so
/// that a far side which is gone is noticed.
pub(crate) fn wish_of(now: u64, head: &Head, ours_s: Option<u32>, minimum_s: u32) -> Wish {
    let is_able = SUPPORTED.lists(head, "timer") || crate::fields::REQUIRE.lists(head, "timer");
    let asked_s = SESSION_EXPIRES.number(head);
    if let Some(too_short) = asked_s.filter(|asked| *asked < minimum_s) {
        // A far side that does not know 422 gets its short interval made longer instead (table 1).
        if is_able {
            return Wish::TooShort(minimum_s);
        }
        let timer = SessionTimer::new(now, too_short.max(minimum_s), true);
        return Wish::Agreed { timer, requires: false };
    }
    let theirs_minimum_s = MIN_SE.number(head).unwrap_or(SHORTEST_S);
    let Some(interval_s) = asked_s.or(ours_s.map(|ours| ours.max(theirs_minimum_s))) else { return Wish::None };
    let named = SESSION_EXPIRES.first(head).and_then(|field| parameter(field, "refresher"));
    let is_ours = match named {
        Some(who) => who.eq_ignore_ascii_case(b"uas"),
        None => !is_able || asked_s.is_none(),
    };
    Wish::Agreed { timer: SessionTimer::new(now, interval_s, is_ours || !is_able), requires: is_able && !is_ours }
}
