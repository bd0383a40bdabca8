//! Hours: the keys of `[[calendars]]` and `[[days]]`, and `calendar` with `when_closed` of numbers and queues.
//!
//! When something is open is worked out by the core; overrides by hand live in the store.

use super::resolve::{Resolver, twice};
use super::schema::Kind::{Text, Texts, Whole};
use super::schema::Worth::{Default as Usual, Needed};
use super::schema::{Section, key};
use super::words;
use super::written::{At, Block};
use call_core::plan::{Calendar, CalendarId, Calendars, Day, DayKind, HoursRule, SpecialDay};
use std::collections::BTreeMap;

pub(super) const CALENDARS: Section = Section {
    name: "calendars",
    repeated: true,
    about: "Weekly hours; [[numbers]] and [[queues]] name one. Local time is UTC+8.",
    keys: &[
        key("id", Whole, Needed { example: "1" }, "Named by calendar in [[numbers]] and [[queues]]."),
        key("name", Text, Needed { example: "\"工作日\"" }, "For people."),
        key("hours", Texts, Needed { example: "[\"mon-fri 09:00-12:00 13:00-18:00\"]" }, "Days and spans; a day without a line is closed."),
        key("holiday_hours", Texts, Usual("[]"), "Spans on holidays, such as \"10:00-12:00\"; none is closed."),
    ],
};

pub(super) const DAYS: Section = Section {
    name: "days",
    repeated: true,
    about: "A day that is not what its weekday says: a holiday, or 调休.",
    keys: &[
        key("day", Text, Needed { example: "\"2026-10-01\"" }, "One day."),
        key("name", Text, Needed { example: "\"国庆节\"" }, "For people."),
        key("kind", Text, Usual("\"holiday\""), "\"holiday\", or \"like mon\" for a day that is worked like a Monday."),
    ],
};

impl Resolver<'_> {
    pub(super) fn calendars(&mut self) -> Calendars {
        let written = self.written;
        let mut calendars = BTreeMap::new();
        for block in written.all("calendars") {
            let (id, calendar) = (self.id(block, "calendar"), self.calendar(block));
            let Some(id) = id else { continue };
            // One with a fault of its own is still known, so that its numbers are not called strays.
            if calendars.insert(CalendarId(id), calendar.unwrap_or_default()).is_some() {
                self.faults.push(twice(block.line, "calendar id", &id.to_string()));
            }
        }
        Calendars { calendars, days: self.days(), ..Calendars::default() }
    }

    fn calendar(&mut self, block: &Block) -> Option<Calendar> {
        let lines = self.list(block, "hours", "\"mon-fri 09:00-12:00 13:00-18:00\"", words::weekly)?;
        let holidays = self.list(block, "holiday_hours", "\"10:00-12:00\"", words::span)?;
        let mut week = BTreeMap::<_, Vec<_>>::new();
        for At { value: (days, spans), .. } in lines {
            for day in days {
                week.entry(day).or_default().extend(spans.iter().copied());
            }
        }
        let holidays = holidays.into_iter().map(|span| span.value).collect();
        Some(Calendar { name: block.text("name")?.value.to_owned(), week, holidays })
    }

    fn days(&mut self) -> BTreeMap<Day, SpecialDay> {
        let written = self.written;
        let mut days = BTreeMap::new();
        for block in written.all("days") {
            let day = self.word(block, "day", "a day as \"2026-10-01\"", |text| Day::parse(text).ok());
            let kind = self.word(block, "kind", "\"holiday\" or \"like mon\"", |text| match text {
                "holiday" => Some(DayKind::Holiday),
                other => words::weekday(other.strip_prefix("like ")?.trim()).map(DayKind::WorkLike),
            });
            let (Some(day), Some(kind), Some(name)) = (day, kind, block.text("name")) else { continue };
            let name = name.value.to_owned();
            if days.insert(day, SpecialDay { name, kind }).is_some() {
                self.faults.push(twice(block.line, "day", &day.to_string()));
            }
        }
        days
    }

    /// `calendar` and `when_closed` of a number or a queue; the outer `None` is a fault.
    pub(super) fn hours(&mut self, block: &Block, calendars: &Calendars) -> Option<Option<HoursRule>> {
        let closed = self.exit(block, "when_closed")?;
        let Some(At { line, value }) = block.whole("calendar") else { return Some(None) };
        let calendar = u32::try_from(value).ok().map(CalendarId).filter(|id| calendars.calendars.contains_key(id));
        let Some(calendar) = calendar else {
            let known: Vec<_> = calendars.calendars.keys().map(|id| id.0.to_string()).collect();
            let known = if known.is_empty() { "none yet; add [[calendars]]".to_owned() } else { known.join(", ") };
            return self.fault(line, format!("there is no calendar {value}"), format!("Known calendars: {known}."));
        };
        Some(Some(HoursRule { calendar, closed }))
    }
}
