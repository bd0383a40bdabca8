//! The reference for the door: what a new call must meet, from the plan, the clock and the watcher's own counts (2.1, 1-11, 2.4).

use crate::draw;
use call_core::input::CallOffered;
use call_core::ledger::OverflowCause;
use call_core::plan::{BlockLevel, CalendarId, Callers, DayKind, Exit, HoursRule, Mode, Plan, PromptName, Scope, Weekday};
use shared::model::{Caller, CareClass, EndReason, QueueId, UnixMillis};

/// What a new call meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meets {
    /// Nobody answers.
    Refused(EndReason),
    /// It hears a text and is hung up.
    Text(EndReason),
    /// It is to wait in this queue, after so many moves.
    Line(QueueId, u32),
}

/// How full and how staffed the hotline is, as the watcher has counted it.
pub(crate) trait House {
    /// Why a queue takes no calls for want of people.
    fn unstaffed(&self, queue: QueueId) -> Option<OverflowCause>;
    /// Citizens who wait or are about to.
    fn waiting_in(&self, queue: QueueId) -> usize;
    /// Calls without a record, on the trunk, of this caller; texts being heard; calls let in during the last second.
    fn load(&self, offered: &CallOffered) -> Load;
    /// Whether a caller who may not wait is called back for a queue instead.
    fn calls_back(&self, caller: &Caller, queue: QueueId) -> bool;
    /// Calls of an entry that it let in within a span of time.
    fn rated(&self, entry: u32, within_ms: u64) -> usize;
}

/// Counts for the limits of storms.
pub(crate) struct Load {
    pub(crate) open: usize,
    pub(crate) of_trunk: u32,
    pub(crate) of_caller: u32,
    pub(crate) texts: u32,
    pub(crate) in_this_second: u32,
    pub(crate) stopped: bool,
}

/// The entry by which a call is blocked, the severest one first, then the older one.
pub(crate) fn blocked(lists: &Callers, caller: &Caller, utc: UnixMillis) -> Option<(u32, BlockLevel)> {
    let number = caller.number.as_ref()?.reveal().subscriber();
    let severity = |level: &BlockLevel| match level {
        BlockLevel::LowPriority(points) => (0, *points),
        BlockLevel::Rate { calls, .. } => (1, *calls),
        BlockLevel::Announce => (2, 0),
        BlockLevel::Reject => (3, 0),
    };
    let mut found: Option<(u32, BlockLevel)> = None;
    for entry in &lists.blocked {
        let lives = entry.expires.is_none_or(|expires| utc < expires);
        let better = |(_, known): (u32, BlockLevel)| severity(&entry.level) > severity(&known);
        if lives && entry.callers.number.subscriber() == number && found.is_none_or(better) {
            found = Some((entry.entry, entry.level));
        }
    }
    found
}

/// Points that the lists give, and whether the caller is one of an emergency.
pub(crate) fn favoured(lists: &Callers, caller: &Caller, utc: UnixMillis) -> (i32, bool) {
    let Some(number) = caller.number.as_ref().map(|number| number.reveal().subscriber()) else { return (0, false) };
    let (mut points, mut emergency) = (0, false);
    for entry in &lists.favoured {
        if entry.expires.is_none_or(|expires| utc < expires) && entry.callers.number.subscriber() == number {
            points += i32::try_from(entry.points).expect("few points");
            emergency |= entry.mark.as_ref().is_some_and(|mark| mark.class == CareClass::Emergency);
        }
    }
    for entry in &lists.blocked {
        let lives = entry.expires.is_none_or(|expires| utc < expires);
        if let (BlockLevel::LowPriority(less), true) = (entry.level, lives && entry.callers.number.subscriber() == number) {
            points -= i32::try_from(less).expect("few points");
        }
    }
    (points, emergency)
}

/// What a call must meet now. An entry by rate counts the call if it lets it in: the second value names it.
pub(crate) fn meets(plan: &Plan, house: &dyn House, offered: &CallOffered, utc: UnixMillis) -> (Meets, Option<u32>) {
    let Some(queue) = plan.numbers.get(&offered.dialled).copied().filter(|queue| plan.queues.contains_key(queue)) else {
        return (Meets::Refused(EndReason::UnknownNumber), None);
    };
    let load = house.load(offered);
    let text = |reason: EndReason, text: Option<&PromptName>| {
        let most = if plan.storm.most_texts == 0 { 50 } else { plan.storm.most_texts };
        if text.is_some() && load.texts < most && !load.stopped { Meets::Text(reason) } else { Meets::Refused(reason) }
    };
    let mut rated = None;
    match blocked(&plan.callers, &offered.caller, utc) {
        Some((_, BlockLevel::Reject)) => return (Meets::Refused(EndReason::Blocked), None),
        Some((_, BlockLevel::Announce)) => return (text(EndReason::Blocked, plan.callers.block_text.as_ref()), None),
        Some((entry, BlockLevel::Rate { calls, within_ms })) => {
            if house.rated(entry, within_ms) >= calls as usize {
                return (Meets::Refused(EndReason::Blocked), None);
            }
            rated = Some(entry);
        }
        Some((_, BlockLevel::LowPriority(_))) | None => {}
    }
    if let Some(reason) = no_room(plan, &load, offered, utc) {
        let polite = reason == EndReason::TooManyCalls;
        return (if polite { text(reason, plan.storm.text.as_ref()) } else { Meets::Refused(reason) }, rated);
    }
    let mut at = queue;
    let mut moves = 0;
    let mut obstacle =
        closed(plan, &Scope::Number(offered.dialled.clone()), plan.hours.get(&offered.dialled), utc).map(|exit| (EndReason::Closed, exit));
    loop {
        obstacle = obstacle.or_else(|| obstacle_of(plan, house, at, utc));
        match obstacle.take() {
            None => return (Meets::Line(at, moves), rated),
            Some((_, Exit::Queue(to))) if to != at && moves < 5 && plan.queues.contains_key(&to) => (at, moves) = (to, moves + 1),
            Some((reason, Exit::Queue(_) | Exit::Refuse)) => return (Meets::Refused(reason), rated),
            Some((reason, Exit::Announce(prompt))) => return (text(reason, Some(&prompt)), rated),
            Some((reason, Exit::CallBack)) => {
                let spoken = load.texts < if plan.storm.most_texts == 0 { 50 } else { plan.storm.most_texts };
                let promised = spoken && !load.stopped && !offered.probe && house.calls_back(&offered.caller, at);
                return (if promised { Meets::Text(EndReason::CallbackPromised) } else { Meets::Refused(reason) }, rated);
            }
        }
    }
}

fn no_room(plan: &Plan, load: &Load, offered: &CallOffered, utc: UnixMillis) -> Option<EndReason> {
    if load.stopped {
        return Some(EndReason::ServerStopping);
    }
    let channels = plan.trunks.get(&offered.trunk).and_then(|trunk| trunk.max_in);
    if channels.is_some_and(|channels| load.of_trunk >= channels) {
        return Some(EndReason::ChannelLimit);
    }
    if load.open >= plan.limits.max_interactions {
        return Some(EndReason::NoResources);
    }
    if offered.probe || favoured(&plan.callers, &offered.caller, utc).1 {
        return None;
    }
    let storm = &plan.storm;
    let over = |count: u32, limit: u32| limit > 0 && count >= limit;
    let trunk = storm.per_trunk.get(&offered.trunk).copied().unwrap_or(0);
    let caller = if offered.caller.number.is_some() { storm.per_caller } else { 0 };
    (over(load.in_this_second, storm.per_second) || over(load.of_trunk, trunk) || over(load.of_caller, caller))
        .then_some(EndReason::TooManyCalls)
}

/// Why a queue takes no calls, and where they go instead.
pub(crate) fn obstacle_of(plan: &Plan, house: &dyn House, queue: QueueId, utc: UnixMillis) -> Option<(EndReason, Exit)> {
    let rules = &plan.queues[&queue];
    if let Some(exit) = closed(plan, &Scope::Queue(queue), rules.hours.as_ref(), utc) {
        return Some((EndReason::Closed, exit));
    }
    if house.waiting_in(queue) >= rules.max_waiting {
        return Some((EndReason::QueueFull, rules.overflow.full.clone()));
    }
    match house.unstaffed(queue) {
        Some(OverflowCause::NobodySignedIn) => Some((EndReason::NobodySignedIn, rules.overflow.nobody_signed_in.clone()?)),
        Some(_) => Some((EndReason::AllNotReady, rules.overflow.all_not_ready.clone()?)),
        None => None,
    }
}

/// Where a call goes that comes outside of the hours.
pub(crate) fn closed(plan: &Plan, scope: &Scope, rule: Option<&HoursRule>, utc: UnixMillis) -> Option<Exit> {
    let mut by_hand = None;
    for order in &plan.calendars.overrides {
        if utc < order.expires && (order.scope == Scope::Everything || order.scope == *scope) {
            by_hand = Some(&order.mode);
        }
    }
    match (by_hand, rule) {
        (Some(Mode::Open), _) | (None, None) => None,
        (Some(Mode::Closed(exit)), _) => Some(exit.clone()),
        (None, Some(rule)) => (!is_open(plan, rule.calendar, utc)).then(|| rule.closed.clone()),
    }
}

fn is_open(plan: &Plan, calendar: CalendarId, utc: UnixMillis) -> bool {
    let calendar = &plan.calendars.calendars[&calendar];
    let china_ms = utc.0 + 8 * 3_600_000;
    let (day, minute) = (china_ms.div_euclid(86_400_000), china_ms.rem_euclid(86_400_000) / 60_000);
    let special = plan.calendars.days.values().next().filter(|_| day == draw::FIRST_DAY).map(|special| special.kind);
    // 1970-01-01 was a Thursday.
    let week =
        [Weekday::Thursday, Weekday::Friday, Weekday::Saturday, Weekday::Sunday, Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday];
    let weekday = week[usize::try_from(day.rem_euclid(7)).expect("one of seven")];
    let hours = match special {
        Some(DayKind::Holiday) => Some(&calendar.holidays),
        Some(DayKind::WorkLike(like)) => calendar.week.get(&like),
        None => calendar.week.get(&weekday),
    };
    hours.is_some_and(|hours| hours.iter().any(|span| (i64::from(span.from_minute)..i64::from(span.to_minute)).contains(&minute)))
}
