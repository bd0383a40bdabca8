//! `unit`, `summary` and `matter`: the phone book, what agents wrote, and what units still have to do.

use super::calls::moment;
use super::changes::Change;
use super::cli::{CloseMatter, Matter, MatterScope, Summary, Survey, Unit};
use super::people::{make, text};
use super::{Failure, Outcome, load, open_store};
use crate::config::Site;
use crate::store::NewUnit;
use serde_json::json;
use shared::model::{InteractionId, MatterId, MemberUnit, PhoneNumber, UnitPhone};
use std::path::Path;

/// Largest phone book that is read, in bytes.
const BOOK_LIMIT: u64 = 4 * 1024 * 1024;
/// The head of an exported file.
const COLUMNS: &str = "call,agent,kind,code,path,person,place,time,content,unit,first_saved_utc,saved_utc,dispatched_utc";

pub(super) fn unit(site: &Path, command: &Unit) -> Result<Outcome, Failure> {
    let site = load(site)?;
    match command {
        Unit::Import { file, all, dry_run } => import(&site, file, *all, *dry_run),
        Unit::List => list(&site),
    }
}

fn import(site: &Site, file: &Path, all: bool, dry_run: bool) -> Result<Outcome, Failure> {
    let unreadable = |reason: String| Failure::new("unreadable", format!("{} {reason}", file.display()), "Give a CSV file in UTF-8.");
    if std::fs::metadata(file).is_ok_and(|metadata| metadata.len() > BOOK_LIMIT) {
        return Err(unreadable("is larger than 4 MiB".to_owned()));
    }
    let written = std::fs::read_to_string(file).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    let units = book(&written)?;
    let count = units.len();
    if dry_run {
        return Ok(Outcome::new(format!("The file is sound: {count} units. Nothing was changed."), json!({"units": count})));
    }
    let told = make(site, Change::ImportUnits { units, all })?;
    let words = format!("{} units are new, {} were brought up to date, {} left the book.", told["added"], told["changed"], told["removed"]);
    Ok(Outcome::new(words, told))
}

/// Reads `name,number,from,to,note`; a fault names its line.
fn book(written: &str) -> Result<Vec<NewUnit>, Failure> {
    let mut units: Vec<NewUnit> = Vec::new();
    for (number, line) in (1..).zip(written.trim_start_matches('\u{feff}').lines()) {
        if line.trim().is_empty() || number == 1 && line.starts_with("name,") {
            continue;
        }
        let fault =
            |what: &str| Failure::new("bad_line", format!("line {number} of the file: {what}"), "See `call-server unit import --help`.");
        let mut cells = line.splitn(5, ',').map(str::trim);
        let name = text("name of the unit", cells.next().unwrap_or_default()).map_err(|_| fault("the unit has no usable name"))?;
        let phone = phone(&mut cells).map_err(fault)?;
        let place = match units.iter().position(|unit| unit.name == name) {
            Some(place) => place,
            None => {
                units.push(NewUnit { name, phones: Vec::new() });
                units.len() - 1
            }
        };
        units[place].phones.extend(phone);
        if units[place].phones.len() > MemberUnit::MOST_PHONES {
            return Err(fault("the unit has more than six phones"));
        }
        if units.len() > MemberUnit::MOST {
            return Err(fault("there are more than 2,000 units"));
        }
    }
    Ok(units)
}

fn phone<'a>(cells: &mut impl Iterator<Item = &'a str>) -> Result<Option<UnitPhone>, &'static str> {
    let number = cells.next().unwrap_or_default();
    if number.is_empty() {
        return Ok(None);
    }
    let number = PhoneNumber::parse(number).map_err(|_| "the second cell is no telephone number")?;
    let mut hour = || match cells.next().filter(|cell| !cell.is_empty()) {
        Some(cell) => minute(cell).map(Some).ok_or("the hours are not written as 08:00"),
        None => Ok(None),
    };
    let (from, to) = (hour()?, hour()?);
    let note = cells.next().unwrap_or_default();
    if note.chars().count() > 60 || note.chars().any(char::is_control) {
        return Err("the note has more than 60 characters");
    }
    let (from_minute, to_minute) = (from.unwrap_or(0), to.unwrap_or(from.unwrap_or(0)));
    Ok(Some(UnitPhone { number: number.as_str().to_owned(), note: note.to_owned(), from_minute, to_minute }))
}

/// `08:30` as a minute of the day; 24:00 is midnight.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60 || hour == 24 && minute == 0).then_some(hour % 24 * 60 + minute)
}

fn list(site: &Site) -> Result<Outcome, Failure> {
    let units = open_store(site)?.units(None, MemberUnit::MOST)?;
    let rows: Vec<_> = units
        .iter()
        .map(|unit| {
            let phones: Vec<_> = unit.phones.iter().map(hours).collect();
            format!("{:<5} {}  {}", unit.unit, unit.name, phones.join("; "))
        })
        .collect();
    let text = if rows.is_empty() { "The phone book is empty; see `call-server unit import`.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"units": units})))
}

fn hours(phone: &UnitPhone) -> String {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    if phone.from_minute == phone.to_minute {
        return format!("{} {}", phone.number, phone.note).trim().to_owned();
    }
    format!("{} {}-{} {}", phone.number, clock(phone.from_minute), clock(phone.to_minute), phone.note).trim().to_owned()
}

pub(super) fn summary(site: &Path, command: &Summary) -> Result<Outcome, Failure> {
    let site = load(site)?;
    match command {
        Summary::List { limit, missing: true } => missing(&site, *limit),
        Summary::List { limit, missing: false } => summaries(&site, None, *limit),
        Summary::Show { id } => summaries(&site, Some(InteractionId(*id)), 1_000),
        Summary::Export { file, limit, force } => export(&site, file, *limit, *force),
    }
}

pub(super) fn survey(site: &Path, command: &Survey) -> Result<Outcome, Failure> {
    let Survey::List { limit } = command;
    let found = open_store(&load(site)?)?.surveys(*limit)?;
    let rows: Vec<_> = found
        .iter()
        .map(|one| {
            let agent = one.agent_number.as_deref().unwrap_or("-");
            let said = super::explain::visit_words(&one.end);
            format!("{:<6} {} node {} {}: agent {agent}, {said}", one.interaction, moment(one.asked), one.node, one.name)
        })
        .collect();
    let text = if rows.is_empty() { "Nobody was asked.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"surveys": found})))
}

fn summaries(site: &Site, of: Option<InteractionId>, limit: u32) -> Result<Outcome, Failure> {
    let found = open_store(site)?.summaries(of, limit)?;
    let rows: Vec<_> = found
        .iter()
        .map(|one| {
            let agent = one.number.as_deref().unwrap_or("?");
            let sent = one.dispatched.map(|at| format!(", sent {}", moment(at))).unwrap_or_default();
            let (kind, label) = (one.summary.kind.code(), &one.label);
            format!(
                "call {} by {agent} {} {kind} {label}{sent}\n  {}",
                one.summary.interaction,
                moment(one.saved),
                one.summary.content.reveal()
            )
        })
        .collect();
    let text = if rows.is_empty() { "There is no summary.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"summaries": found})))
}

fn missing(site: &Site, limit: u32) -> Result<Outcome, Failure> {
    let found = open_store(site)?.missing_summaries(limit)?;
    let row = |one: &crate::store::MissingSummary| {
        format!("call {} {} by {}", one.interaction, moment(one.at), one.number.as_deref().unwrap_or("?"))
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    let text = if rows.is_empty() { "No summary is missing.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"missing": found})))
}

fn export(site: &Site, file: &Path, limit: u32, force: bool) -> Result<Outcome, Failure> {
    if file.exists() && !force {
        return Err(Failure::new("file_exists", format!("{} exists", file.display()), "Choose another name, or add --force."));
    }
    let found = open_store(site)?.summaries(None, limit)?;
    let mut lines = format!("\u{feff}{COLUMNS}\r\n");
    for one in &found {
        let summary = &one.summary;
        let cells = [
            summary.interaction.to_string(),
            one.number.clone().unwrap_or_default(),
            summary.kind.code().to_owned(),
            summary.disposition.clone().unwrap_or_default(),
            one.label.clone(),
            summary.person.reveal().clone(),
            summary.place.reveal().clone(),
            summary.time.clone(),
            summary.content.reveal().clone(),
            summary.unit.map(|unit| unit.to_string()).unwrap_or_default(),
            moment(one.first),
            moment(one.saved),
            one.dispatched.map(moment).unwrap_or_default(),
        ];
        lines.push_str(&cells.map(|cell| quoted(&cell)).join(","));
        lines.push_str("\r\n");
    }
    let written = std::fs::write(file, lines);
    written
        .map_err(|error| Failure::new("not_written", format!("{} cannot be written: {error}", file.display()), "Choose another place."))?;
    let count = found.len();
    Ok(Outcome::new(format!("{count} summaries are in {}.", file.display()), json!({"summaries": count})))
}

/// A cell of RFC 4180 that no spreadsheet takes for a formula.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

pub(super) fn matter(site: &Path, command: &Matter) -> Result<Outcome, Failure> {
    let site = load(site)?;
    match command {
        Matter::List { which, limit } => matters(&site, *which == MatterScope::All, *limit),
        Matter::Close(wishes) => close(&site, wishes),
    }
}

fn matters(site: &Site, all: bool, limit: u32) -> Result<Outcome, Failure> {
    let found = open_store(site)?.matters(all, limit)?;
    let rows: Vec<_> = found
        .iter()
        .map(|one| {
            let by = one.by.as_deref().unwrap_or("?");
            let closed =
                one.closed.map(|at| format!(", closed {} {}", moment(at), one.result.as_deref().unwrap_or(""))).unwrap_or_default();
            format!("{:<6} {} {} {} (call {}, {by}){closed}", one.matter, moment(one.dispatched), one.unit, one.label, one.interaction)
        })
        .collect();
    let text = if rows.is_empty() { "There is no matter.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"matters": found})))
}

fn close(site: &Site, wishes: &CloseMatter) -> Result<Outcome, Failure> {
    let change = Change::CloseMatter { matter: MatterId(wishes.id), by: wishes.by.clone(), result: text("result", &wishes.result)? };
    let told = make(site, change)?;
    Ok(Outcome::new(format!("Matter {} is closed.", wishes.id), told))
}

#[cfg(test)]
mod tests {
    use super::{book, minute, quoted};

    #[test]
    fn a_book_is_read_by_unit_and_its_faults_name_the_line() {
        let units = book(
            "name,number,from,to,note\n市水务公司,0519-87210001,08:00,18:00,调度\n市水务公司,13900000001,18:00,08:00\n市城管局,12319\n",
        )
        .expect("sound");
        assert_eq!(units.len(), 2);
        let phones: Vec<_> = units[0].phones.iter().map(|phone| (phone.number.as_str(), phone.from_minute, phone.to_minute)).collect();
        assert_eq!(phones, [("051987210001", 480, 1080), ("13900000001", 1080, 480)]);
        assert_eq!((units[1].phones[0].from_minute, units[1].phones[0].to_minute), (0, 0));
        for (wrong, line) in [("市水务公司,87210001\n,87210002", "line 2"), ("a,b", "line 1"), ("a,110,8-18,18:00", "line 1")] {
            let failure = book(wrong).expect_err("wrong").to_string();
            assert!(failure.contains(line), "{failure}");
        }
        assert_eq!((minute("24:00"), minute("08:60"), minute("7:05")), (Some(0), None, Some(425)));
    }

    #[test]
    fn an_exported_cell_is_no_formula_and_keeps_its_quotes() {
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert_eq!(quoted("说\"好\"\n行"), "\"说\"\"好\"\"\n行\"");
    }
}
