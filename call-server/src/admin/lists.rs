//! `block` and `vip`: who is kept back and who goes first, with reason, author and expiry.

use super::calls::moment;
use super::changes::Change;
use super::cli::{AddBlock, AddVip, Block, BlockLevelName, EntryWishes, ListWishes, RemoveEntry, Vip};
use super::people::{self, text};
use super::{Failure, Outcome, callers, load, open_store};
use crate::config::Site;
use crate::store::{ANNOUNCE, LOW_PRIORITY, List, ListEntry, NewListEntry, RATE, REJECT, Role};
use serde_json::json;
use shared::model::UnixMillis;
use std::path::Path;

const DAY_MS: i64 = 24 * 3_600_000;
/// Shortest prefix: a shorter one would keep half a city out.
const PREFIX_MIN: usize = 3;

pub(super) fn block(site: &Path, command: &Block) -> Result<Outcome, Failure> {
    match command {
        Block::Add(wishes) => add_block(&load(site)?, wishes),
        Block::List(wishes) => list(&load(site)?, List::Block, wishes),
        Block::Remove(wishes) => remove(&load(site)?, List::Block, wishes),
    }
}

pub(super) fn vip(site: &Path, command: &Vip) -> Result<Outcome, Failure> {
    match command {
        Vip::Add(wishes) => add_vip(&load(site)?, wishes),
        Vip::List(wishes) => list(&load(site)?, List::Favour, wishes),
        Vip::Remove(wishes) => remove(&load(site)?, List::Favour, wishes),
    }
}

fn add_block(site: &Site, wishes: &AddBlock) -> Result<Outcome, Failure> {
    let (effect, points, rate) = match wishes.level {
        BlockLevelName::Reject => (REJECT, 0, (0, 0)),
        BlockLevelName::Announce => (ANNOUNCE, 0, (0, 0)),
        BlockLevelName::Rate => (RATE, 0, (wishes.calls, u64::from(wishes.within_minutes) * 60_000)),
        BlockLevelName::LowPriority => (LOW_PRIORITY, wishes.points, (0, 0)),
    };
    let evidence = if wishes.evidence.is_empty() { String::new() } else { text("evidence", &wishes.evidence)? };
    let (rate_calls, rate_within_ms) = rate;
    let entry = entry(site, List::Block, (&wishes.number, wishes.prefix), &wishes.entry, wishes.days)?;
    add(site, NewListEntry { effect: effect.to_owned(), points, rate_calls, rate_within_ms, evidence, ..entry })
}

fn add_vip(site: &Site, wishes: &AddVip) -> Result<Outcome, Failure> {
    let entry = entry(site, List::Favour, (&wishes.number, wishes.prefix), &wishes.entry, wishes.days)?;
    add(site, NewListEntry { effect: wishes.class.code().to_owned(), points: wishes.points, ..entry })
}

/// What both lists have in common.
fn entry(site: &Site, list: List, (text, prefix): (&str, bool), wishes: &EntryWishes, days: u32) -> Result<NewListEntry, Failure> {
    let number = callers::number(text)?;
    if prefix && number.subscriber().len() < PREFIX_MIN {
        let message = format!("a prefix has at least {PREFIX_MIN} digits");
        return Err(Failure::new("prefix_too_short", message, "Name more digits; a short prefix would keep a whole city out."));
    }
    Ok(NewListEntry {
        list,
        number: number.into(),
        prefix,
        effect: String::new(),
        points: 0,
        rate_calls: 0,
        rate_within_ms: 0,
        reason: people::text("reason", &wishes.reason)?,
        evidence: String::new(),
        author: author(site, list, &wishes.by)?,
        expires: UnixMillis(now().0 + i64::from(days) * DAY_MS),
    })
}

fn add(site: &Site, entry: NewListEntry) -> Result<Outcome, Failure> {
    let expires = entry.expires;
    let told = people::make(site, Change::AddListEntry(entry))?;
    Ok(Outcome::new(format!("Entry {} is in force until {}.", told["entry"], moment(expires)), told))
}

fn remove(site: &Site, list: List, wishes: &RemoveEntry) -> Result<Outcome, Failure> {
    let by = author(site, list, &wishes.wishes.by)?;
    let reason = text("reason", &wishes.wishes.reason)?;
    let told = people::make(site, Change::RemoveListEntry { list, entry: wishes.entry, by, reason })?;
    Ok(Outcome::new(format!("Entry {} is off the list; it stays on record.", wishes.entry), told))
}

/// The staff number of somebody who may change this list.
fn author(site: &Site, list: List, number: &str) -> Result<String, Failure> {
    let found = open_store(site)?.credentials(number)?.filter(|found| !found.disabled);
    let Some(found) = found else {
        let message = format!("nobody who may sign in has the staff number {number}");
        return Err(Failure::new("no_such_agent", message, "`call-server agent list` shows everybody."));
    };
    let (allowed, key) = match list {
        List::Block => (&site.lists.block, "block_by"),
        List::Favour => (&site.lists.favour, "vip_by"),
    };
    if allowed.contains(&found.role) {
        return Ok(found.number);
    }
    let roles: Vec<_> = allowed.iter().copied().map(Role::code).collect();
    let message = format!("{number} is {}, which may not change this list", found.role.code());
    Err(Failure::new("not_allowed", message, format!("[lists] {key} in hotline.toml allows: {}.", roles.join(", "))))
}

fn list(site: &Site, list: List, wishes: &ListWishes) -> Result<Outcome, Failure> {
    let now = now();
    let mut entries = open_store(site)?.list_entries(list, (!wishes.all).then_some(now))?;
    if let Some(days) = wishes.expiring {
        let until = now.0 + i64::from(days) * DAY_MS;
        entries.retain(|entry| entry.added.expires.0 <= until);
    }
    let rows: Vec<_> = entries.iter().map(row).collect();
    let text = if rows.is_empty() { "No entries.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"entries": entries})))
}

fn row(entry: &ListEntry) -> String {
    let added = &entry.added;
    let more = if added.prefix { "…" } else { "" };
    let points = if added.points > 0 { format!(" {} points", added.points) } else { String::new() };
    let points =
        if added.rate_calls > 0 { format!(" {} calls in {} min", added.rate_calls, added.rate_within_ms / 60_000) } else { points };
    let evidence = if added.evidence.is_empty() { String::new() } else { format!(", evidence {}", added.evidence) };
    let removed = match (&entry.removed_by, &entry.removed_reason) {
        (Some(by), reason) => format!(", removed by {by}: {}", reason.as_deref().unwrap_or_default()),
        (None, _) => String::new(),
    };
    format!(
        "{:<5} {}{more} {}{points} until {}, {} hits: {} (by {}{evidence}){removed}",
        entry.entry,
        added.number.reveal().as_str(),
        added.effect,
        moment(added.expires),
        entry.hits,
        added.reason,
        added.author,
    )
}

fn now() -> UnixMillis {
    UnixMillis(jiff::Timestamp::now().as_millisecond())
}
