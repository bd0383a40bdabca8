//! When a number or a queue is open 工作时间: weekly hours, holidays with 调休 swap days, and overrides by hand with author and expiry.
//!
//! Pure arithmetic in one fixed offset from UTC: China keeps no summer time. What follows when it is closed is an [`Exit`].

use super::{Exit, Plan};
use serde::{Deserialize, Serialize};
use shared::model::{PhoneNumber, QueueId, UnixMillis};
use std::collections::BTreeMap;
use std::fmt;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 1_440;
/// How far ahead the next change of a verdict is looked for, in days; beyond it is "not soon".
const HORIZON_DAYS: i32 = 400;
/// How often a call may be led on because a queue is closed.
const MAX_STEPS: usize = 5;

/// All calendars of the hotline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Calendars {
    /// Local time minus UTC, in minutes.
    pub zone_minutes: i32,
    /// By id; numbers and queues name one.
    pub calendars: BTreeMap<CalendarId, Calendar>,
    /// Days that are not what their weekday says; the same for all calendars.
    pub days: BTreeMap<Day, SpecialDay>,
    /// By hand, the newest last; the last one in force that fits decides.
    pub overrides: Vec<Override>,
}

impl Default for Calendars {
    fn default() -> Self {
        Self { zone_minutes: 480, calendars: BTreeMap::new(), days: BTreeMap::new(), overrides: Vec::new() }
    }
}

/// A calendar of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CalendarId(pub u32);

/// Weekly hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Calendar {
    /// Its name, such as 工作日.
    pub name: String,
    /// Hours of each weekday; one without an entry is closed.
    pub week: BTreeMap<Weekday, Vec<Hours>>,
    /// Hours on holidays; none is closed.
    pub holidays: Vec<Hours>,
}

/// A span of a day, from the first minute to before the last: 0 to 1,440 is the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// Minutes since midnight.
    pub from_minute: u16,
    /// Minutes since midnight, not included.
    pub to_minute: u16,
}

/// Days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// 周一
    Monday,
    /// 周二
    Tuesday,
    /// 周三
    Wednesday,
    /// 周四
    Thursday,
    /// 周五
    Friday,
    /// 周六
    Saturday,
    /// 周日
    Sunday,
}

/// A day that is not what its weekday says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecialDay {
    /// Its name, such as 国庆节 or 国庆调休.
    pub name: String,
    /// What it is instead.
    pub kind: DayKind,
}

/// What a special day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// 节假日: the calendar's hours for holidays.
    Holiday,
    /// 调休上班: the hours of this weekday.
    WorkLike(Weekday),
}

/// When a number or a queue is open, and what a call meets otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoursRule {
    /// Which hours.
    pub calendar: CalendarId,
    /// What follows outside of them: the night profile.
    pub closed: Exit,
}

/// An override by hand 应急模式.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// For what.
    pub scope: Scope,
    /// Open, or closed and what follows.
    pub mode: Mode,
    /// Who ordered it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// From when on it counts no more.
    pub expires: UnixMillis,
}

/// What an override or a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every number and queue.
    Everything,
    /// One dialled number.
    Number(PhoneNumber),
    /// One queue.
    Queue(QueueId),
}

/// What an override orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Takes calls, whatever the calendar says.
    Open,
    /// Takes none.
    Closed(Exit),
}

/// Whether something is open at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// About what.
    pub scope: Scope,
    /// What a call meets there; `None` is open.
    pub closed: Option<Exit>,
    /// Why.
    pub because: Because,
    /// When it changes next; `None` is not soon.
    pub until: Option<UnixMillis>,
}

/// Why something is open or closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It has no calendar: always open.
    NoCalendar,
    /// The weekly hours of this calendar.
    Weekly {
        /// Its name.
        calendar: String,
    },
    /// A special day.
    Special {
        /// The calendar's name.
        calendar: String,
        /// The day's name.
        day: String,
    },
    /// Somebody ordered it.
    Override {
        /// Who.
        author: String,
        /// Why.
        reason: String,
    },
}

/// What a call would meet, as far as hours decide it: the way from its number to a queue or to an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// Number, queue, next queue…, each with its verdict.
    pub steps: Vec<Verdict>,
    /// Where it ends.
    pub ends: Exit,
}

impl Plan {
    /// What a call to this number would meet at this time; `None` if the number is not served. Full and unstaffed queues are not
    /// foreseen.
    #[must_use]
    pub fn meets(&self, dialled: &PhoneNumber, at: UnixMillis) -> Option<Meeting> {
        let mut queue = *self.numbers.get(dialled)?;
        let mut steps = vec![self.number_verdict(dialled, at)];
        loop {
            let last = steps.last().map(|step| (step.closed.clone(), matches!(step.scope, Scope::Queue(_))));
            match last {
                Some((Some(Exit::Queue(next)), _)) => queue = next,
                Some((Some(ends), _)) => return Some(Meeting { steps, ends }),
                Some((None, true)) => return Some(Meeting { steps, ends: Exit::Queue(queue) }),
                Some((None, false)) | None => {}
            }
            if steps.len() > MAX_STEPS {
                return Some(Meeting { steps, ends: Exit::Refuse });
            }
            steps.push(self.queue_verdict(queue, at));
        }
    }

    /// Whether a dialled number is open.
    #[must_use]
    pub fn number_verdict(&self, dialled: &PhoneNumber, at: UnixMillis) -> Verdict {
        self.calendars.verdict(Scope::Number(dialled.clone()), self.hours.get(dialled), at)
    }

    /// Whether a queue is open.
    #[must_use]
    pub fn queue_verdict(&self, queue: QueueId, at: UnixMillis) -> Verdict {
        let rule = self.queues.get(&queue).and_then(|plan| plan.hours.as_ref());
        self.calendars.verdict(Scope::Queue(queue), rule, at)
    }

    /// What a call meets at a number that is closed now.
    pub(crate) fn number_closed(&self, dialled: &PhoneNumber, at: UnixMillis) -> Option<Exit> {
        self.calendars.closed(&Scope::Number(dialled.clone()), self.hours.get(dialled), at)
    }

    /// What a call meets at a queue that is closed now.
    pub(crate) fn queue_closed(&self, queue: QueueId, at: UnixMillis) -> Option<Exit> {
        let rule = self.queues.get(&queue).and_then(|plan| plan.hours.as_ref());
        if rule.is_none() && self.calendars.overrides.is_empty() {
            return None;
        }
        self.calendars.closed(&Scope::Queue(queue), rule, at)
    }
}

impl Calendars {
    fn verdict(&self, scope: Scope, rule: Option<&HoursRule>, at: UnixMillis) -> Verdict {
        let (closed, because) = self.judge(&scope, rule, at);
        let until = self.changes(&scope, rule, at).find(|then| self.judge(&scope, rule, *then) != (closed.clone(), because.clone()));
        Verdict { scope, closed, because, until }
    }

    fn closed(&self, scope: &Scope, rule: Option<&HoursRule>, at: UnixMillis) -> Option<Exit> {
        self.judge(scope, rule, at).0
    }

    fn judge(&self, scope: &Scope, rule: Option<&HoursRule>, at: UnixMillis) -> (Option<Exit>, Because) {
        if let Some(by_hand) = self.in_force(scope, at) {
            let closed = match &by_hand.mode {
                Mode::Open => None,
                Mode::Closed(exit) => Some(exit.clone()),
            };
            return (closed, Because::Override { author: by_hand.author.clone(), reason: by_hand.reason.clone() });
        }
        let known = rule.and_then(|rule| Some((rule, self.calendars.get(&rule.calendar)?)));
        let Some((rule, calendar)) = known else { return (None, Because::NoCalendar) };
        let local = self.local(at);
        let special = self.days.get(&local.day);
        let open = hours(calendar, local.day, special).iter().any(|hours| hours.holds(local.minute));
        let name = calendar.name.clone();
        let because = match special {
            None => Because::Weekly { calendar: name },
            Some(special) => Because::Special { calendar: name, day: special.name.clone() },
        };
        ((!open).then(|| rule.closed.clone()), because)
    }

    fn in_force(&self, scope: &Scope, at: UnixMillis) -> Option<&Override> {
        let fits = |by_hand: &&Override| by_hand.expires > at && (by_hand.scope == Scope::Everything || by_hand.scope == *scope);
        self.overrides.iter().rev().find(fits)
    }

    /// The instants at which a verdict may change, in order.
    fn changes(&self, scope: &Scope, rule: Option<&HoursRule>, at: UnixMillis) -> impl Iterator<Item = UnixMillis> {
        let by_hand = self.overrides.iter().filter(|by_hand| by_hand.scope == Scope::Everything || by_hand.scope == *scope);
        let mut instants: Vec<UnixMillis> = by_hand.map(|by_hand| by_hand.expires).collect();
        if let Some(calendar) = rule.and_then(|rule| self.calendars.get(&rule.calendar)) {
            let today = self.local(at).day;
            for ahead in 0..HORIZON_DAYS {
                let day = Day(today.0 + ahead);
                let spans = hours(calendar, day, self.days.get(&day));
                let borders = spans.iter().flat_map(|hours| [hours.from_minute, hours.to_minute]).chain([0]);
                instants.extend(borders.map(|minute| self.instant(day, minute)));
            }
        }
        instants.retain(|instant| *instant > at);
        instants.sort_unstable();
        instants.into_iter()
    }

    /// The local day and minute of an instant.
    #[must_use]
    pub fn local(&self, at: UnixMillis) -> Local {
        let minutes = at.0.div_euclid(MINUTE_MS) + i64::from(self.zone_minutes);
        let day = i32::try_from(minutes.div_euclid(DAY_MINUTES)).unwrap_or(i32::MAX);
        let minute = u16::try_from(minutes.rem_euclid(DAY_MINUTES)).unwrap_or(0);
        Local { day: Day(day), minute }
    }

    /// The instant of a local day and minute.
    #[must_use]
    pub fn instant(&self, day: Day, minute: u16) -> UnixMillis {
        UnixMillis((i64::from(day.0) * DAY_MINUTES + i64::from(minute) - i64::from(self.zone_minutes)) * MINUTE_MS)
    }
}

fn hours<'c>(calendar: &'c Calendar, day: Day, special: Option<&SpecialDay>) -> &'c [Hours] {
    let weekday = match special.map(|special| special.kind) {
        Some(DayKind::Holiday) => return &calendar.holidays,
        Some(DayKind::WorkLike(weekday)) => weekday,
        None => day.weekday(),
    };
    calendar.week.get(&weekday).map_or(&[], Vec::as_slice)
}

impl Hours {
    fn holds(self, minute: u16) -> bool {
        self.from_minute <= minute && minute < self.to_minute
    }
}

/// A local day and minute of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Which day.
    pub day: Day,
    /// Since its midnight.
    pub minute: u16,
}

/// A day of the Gregorian calendar, counted from 1970-01-01; written as `2026-10-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(i32);

/// A text is no day such as `2026-10-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoDay;

impl fmt::Display for NoDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a day is written as 2026-10-01")
    }
}

impl std::error::Error for NoDay {}

impl Day {
    /// Reads `2026-10-01`; years from 1970 to 9999.
    ///
    /// # Errors
    /// It is no such day.
    pub fn parse(text: &str) -> Result<Self, NoDay> {
        let mut parts = text.split('-');
        let mut next = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()));
            part.and_then(|part| part.parse::<i32>().ok()).ok_or(NoDay)
        };
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        let found = Self::of(year, month, day);
        // Only a real date comes back as it was written: 02-30 does not.
        if parts.next().is_none() && year >= 1970 && found.to_string() == text { Ok(found) } else { Err(NoDay) }
    }

    /// Days are counted in years that begin with March, so that the leap day is the last of its year.
    fn of(year: i32, month: i32, day: i32) -> Self {
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let in_year = (153 * month + 2).div_euclid(5) + day - 1;
        Self(year * 365 + leaps + in_year - 719_468)
    }

    fn parts(self) -> (i32, i32, i32) {
        let days = self.0 + 719_468;
        let era = days.div_euclid(146_097);
        let in_era = days.rem_euclid(146_097);
        let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year + year / 4 - year / 100);
        let month = (5 * in_year + 2) / 153;
        let day = in_year - (153 * month + 2) / 5 + 1;
        let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
        (era * 400 + year, month, day)
    }

    /// Its day of the week.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        match self.0.rem_euclid(7) {
            0 => Weekday::Thursday,
            1 => Weekday::Friday,
            2 => Weekday::Saturday,
            3 => Weekday::Sunday,
            4 => Weekday::Monday,
            5 => Weekday::Tuesday,
            _ => Weekday::Wednesday,
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl TryFrom<String> for Day {
    type Error = NoDay;

    fn try_from(text: String) -> Result<Self, NoDay> {
        Self::parse(&text)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PromptName, QueuePlan};

    const NIGHT: QueueId = QueueId(2);

    fn number() -> PhoneNumber {
        PhoneNumber::parse("12345").expect("a number")
    }

    /// Weekdays 9 to 12 and 13 to 18, holidays 10 to 12; else the night queue, which plays a text from 22 to 6.
    fn plan() -> Plan {
        let span = |from: u16, to: u16| Hours { from_minute: from * 60, to_minute: to * 60 };
        let work = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
        let day = Calendar {
            name: "工作日".into(),
            week: work.iter().map(|day| (*day, vec![span(9, 12), span(13, 18)])).collect(),
            holidays: vec![span(10, 12)],
        };
        let all = [work.as_slice(), &[Weekday::Saturday, Weekday::Sunday]].concat();
        let night =
            Calendar {
                name: "夜间".into(), week: all.iter().map(|day| (*day, vec![span(6, 22)])).collect(), holidays: vec![span(6, 22)]
            };
        let special = |text: &str, name: &str, kind| (Day::parse(text).expect("a day"), SpecialDay { name: name.into(), kind });
        let calendars = Calendars {
            calendars: BTreeMap::from([(CalendarId(1), day), (CalendarId(2), night)]),
            days: BTreeMap::from([
                special("2026-10-01", "国庆节", DayKind::Holiday),
                special("2026-10-10", "国庆调休", DayKind::WorkLike(Weekday::Friday)),
            ]),
            ..Calendars::default()
        };
        let closed = Exit::Announce(PromptName::from("closed"));
        let night = QueuePlan { hours: Some(HoursRule { calendar: CalendarId(2), closed }), ..QueuePlan::default() };
        Plan {
            numbers: BTreeMap::from([(number(), QueueId(1))]),
            queues: BTreeMap::from([(QueueId(1), QueuePlan::default()), (NIGHT, night)]),
            hours: BTreeMap::from([(number(), HoursRule { calendar: CalendarId(1), closed: Exit::Queue(NIGHT) })]),
            calendars,
            ..Plan::default()
        }
    }

    fn at(day: &str, hour: u16, minute: u16) -> UnixMillis {
        plan().calendars.instant(Day::parse(day).expect("a day"), hour * 60 + minute)
    }

    fn ends(plan: &Plan, at: UnixMillis) -> Exit {
        plan.meets(&number(), at).expect("a number that is served").ends
    }

    #[test]
    fn days_and_weekdays_are_those_of_the_calendar() {
        assert_eq!(Day::parse("1970-01-01").expect("a day"), Day(0));
        assert_eq!(Day::parse("2000-03-01").expect("a day"), Day(11_017));
        assert_eq!(Day::parse("2026-11-23").expect("a day").weekday(), Weekday::Monday);
        for text in ["2024-02-29", "2026-12-31", "2000-02-29", "9999-12-31"] {
            assert_eq!(Day::parse(text).expect(text).to_string(), text);
        }
        for text in ["2026-02-29", "2100-02-29", "2026-13-01", "2026-1-01", "2026-10-01-", "1969-12-31", ""] {
            assert_eq!(Day::parse(text), Err(NoDay), "{text}");
        }
        let mut day = Day::parse("1999-12-31").expect("a day");
        for _ in 0..150_000 {
            let next = Day(day.0 + 1);
            let (year, month, of_month) = next.parts();
            assert_eq!(Day::of(year, month, of_month), next);
            day = next;
        }
    }

    #[test]
    fn local_time_is_eight_hours_ahead_of_utc_and_minutes_begin_and_end_exactly() {
        let plan = plan();
        assert_eq!(plan.calendars.local(UnixMillis(0)), Local { day: Day(0), minute: 480 });
        assert_eq!(plan.calendars.local(UnixMillis(-1)), Local { day: Day(0), minute: 479 });
        let opens = at("2026-11-23", 9, 0);
        assert_eq!(ends(&plan, UnixMillis(opens.0 - 1)), Exit::Queue(NIGHT));
        assert_eq!(ends(&plan, opens), Exit::Queue(QueueId(1)));
        assert_eq!(ends(&plan, at("2026-11-23", 11, 59)), Exit::Queue(QueueId(1)));
        assert_eq!(ends(&plan, at("2026-11-23", 12, 0)), Exit::Queue(NIGHT));
    }

    #[test]
    fn holidays_and_swap_days_go_before_the_weekday() {
        let plan = plan();
        assert_eq!(ends(&plan, at("2026-10-01", 9, 30)), Exit::Queue(NIGHT), "a Thursday, but a holiday");
        assert_eq!(ends(&plan, at("2026-10-01", 10, 30)), Exit::Queue(QueueId(1)), "hours for holidays");
        assert_eq!(ends(&plan, at("2026-10-10", 9, 30)), Exit::Queue(QueueId(1)), "a Saturday that is worked like a Friday");
        assert_eq!(ends(&plan, at("2026-10-11", 9, 30)), Exit::Queue(NIGHT), "a plain Sunday");
    }

    #[test]
    fn the_night_queue_has_hours_of_its_own_and_a_text_after_them() {
        let meeting = plan().meets(&number(), at("2026-11-23", 23, 0)).expect("served");
        assert_eq!(meeting.ends, Exit::Announce(PromptName::from("closed")));
        let scopes: Vec<_> = meeting.steps.iter().map(|step| (step.scope.clone(), step.closed.is_some())).collect();
        assert_eq!(scopes, [(Scope::Number(number()), true), (Scope::Queue(NIGHT), true)]);
        assert_eq!(meeting.steps[0].until, Some(at("2026-11-24", 9, 0)));
        assert_eq!(plan().meets(&PhoneNumber::parse("99").expect("a number"), UnixMillis(0)), None);
    }

    #[test]
    fn an_override_counts_until_it_expires_and_the_newest_wins() {
        let mut plan = plan();
        let noon = at("2026-11-23", 12, 30);
        let order = |scope, mode, expires| Override { scope, mode, author: "1001".into(), reason: "台风".into(), expires };
        plan.calendars.overrides.push(order(Scope::Everything, Mode::Closed(Exit::Refuse), at("2026-11-23", 20, 0)));
        assert_eq!(ends(&plan, noon), Exit::Refuse);
        plan.calendars.overrides.push(order(Scope::Number(number()), Mode::Open, at("2026-11-23", 12, 40)));
        plan.calendars.overrides.push(order(Scope::Queue(QueueId(1)), Mode::Open, at("2026-11-23", 19, 0)));
        assert_eq!(ends(&plan, noon), Exit::Queue(QueueId(1)));
        let verdict = plan.number_verdict(&number(), noon);
        assert_eq!((verdict.closed, verdict.until), (None, Some(at("2026-11-23", 12, 40))));
        assert_eq!(verdict.because, Because::Override { author: "1001".into(), reason: "台风".into() });
        assert_eq!(ends(&plan, at("2026-11-23", 12, 40)), Exit::Refuse, "the newer one is over, the older one goes on");
    }

    #[test]
    fn queues_that_lead_to_each_other_at_night_end_in_a_refusal() {
        let mut plan = plan();
        let rule = |to| Some(HoursRule { calendar: CalendarId(2), closed: Exit::Queue(to) });
        plan.queues.insert(NIGHT, QueuePlan { hours: rule(QueueId(3)), ..QueuePlan::default() });
        plan.queues.insert(QueueId(3), QueuePlan { hours: rule(NIGHT), ..QueuePlan::default() });
        assert_eq!(ends(&plan, at("2026-11-23", 23, 0)), Exit::Refuse);
    }
}
