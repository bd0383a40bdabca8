//! `caller`: citizens known by their number, their corrections and their last calls.

use super::calls::{moment, seconds};
use super::changes::Change;
use super::cli::{AddCaller, Caller, EditCaller};
use super::people::{make, text};
use super::{Failure, Outcome, load, open_store};
use crate::config::Site;
use crate::store::{CallerEdit, NewCaller};
use serde_json::json;
use shared::model::{CallerPerson, PersonId, PhoneNumber};
use std::path::Path;

pub(super) fn caller(site: &Path, command: &Caller) -> Result<Outcome, Failure> {
    let site = load(site)?;
    match command {
        Caller::Add(wishes) => add(&site, wishes),
        Caller::Edit(wishes) => edit(&site, wishes),
        Caller::Show { number } => show(&site, number),
        Caller::History { number } => history(&site, number),
    }
}

fn add(site: &Site, wishes: &AddCaller) -> Result<Outcome, Failure> {
    let (name, address) = (text("name", &wishes.name)?.into(), text("address", &wishes.address)?.into());
    let (number, tags, author) = (number(&wishes.number)?.into(), tags(&wishes.tag)?, author(site, &wishes.by)?);
    let told = make(site, Change::AddCaller(NewCaller { number, name, address, tags, author }))?;
    Ok(Outcome::new(format!("The citizen is registered as person {}.", told["person"]), told))
}

fn edit(site: &Site, wishes: &EditCaller) -> Result<Outcome, Failure> {
    let tags = if wishes.tag.is_empty() && !wishes.no_tags { None } else { Some(tags(&wishes.tag)?) };
    let edit = CallerEdit {
        name: wishes.name.as_deref().map(|name| text("name", name)).transpose()?.map(Into::into),
        address: wishes.address.as_deref().map(|address| text("address", address)).transpose()?.map(Into::into),
        tags,
    };
    if edit == CallerEdit::default() {
        return Err(Failure::new("nothing_to_do", "nothing is to be corrected", "Name what: --name, --address, --tag or --no-tags."));
    }
    let told = make(site, Change::EditCaller { person: PersonId(wishes.person), edit, author: author(site, &wishes.by)? })?;
    Ok(Outcome::new(format!("Person {} is corrected; what stood there is kept.", wishes.person), told))
}

fn show(site: &Site, text: &str) -> Result<Outcome, Failure> {
    let card = open_store(site)?.card(&number(text)?)?;
    let mut lines: Vec<_> = card
        .persons
        .iter()
        .map(|person| {
            let tags = if person.tags.is_empty() { String::new() } else { format!(" [{}]", person.tags.join(", ")) };
            format!("{:<6} {} {}{tags}", person.person, person.name.reveal(), person.address.reveal())
        })
        .collect();
    lines.extend(card.contacts.iter().map(|contact| {
        let agent = contact.agent.as_deref().unwrap_or("nobody");
        let talked = seconds(contact.talk_ms);
        format!("  call {} {} {} with {agent}, talked {talked}", contact.interaction, moment(contact.at), contact.reason.code())
    }));
    let text = if lines.is_empty() { "Nothing is known about this number.".to_owned() } else { lines.join("\n") };
    Ok(Outcome::new(text, json!(card)))
}

fn history(site: &Site, text: &str) -> Result<Outcome, Failure> {
    let changes = open_store(site)?.caller_changes(&number(text)?)?;
    let rows: Vec<_> = changes
        .iter()
        .map(|change| {
            let (before, after) = (change.before.reveal(), change.after.reveal());
            format!("{} person {} {} by {}: {before:?} -> {after:?}", moment(change.at), change.person, change.field, change.author)
        })
        .collect();
    let text = if rows.is_empty() { "Nothing was ever registered under this number.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"changes": changes})))
}

/// A telephone number as it was typed.
pub(super) fn number(text: &str) -> Result<PhoneNumber, Failure> {
    PhoneNumber::parse(text)
        .map_err(|error| Failure::new("bad_number", format!("this is no telephone number: {error}"), "Write it as 13912345678."))
}

fn tags(words: &[String]) -> Result<Vec<String>, Failure> {
    if words.len() > CallerPerson::MOST_TAGS {
        let message = format!("{} marks are too many", words.len());
        return Err(Failure::new("too_many_tags", message, format!("Keep at most {}.", CallerPerson::MOST_TAGS)));
    }
    words.iter().map(|word| text("mark", word)).collect()
}

/// A staff number, or `console` for whoever sits at the server.
fn author(site: &Site, by: &str) -> Result<String, Failure> {
    if by == "console" || open_store(site)?.credentials(by)?.is_some() {
        return Ok(by.to_owned());
    }
    Err(Failure::new("no_such_agent", format!("nobody has the staff number {by}"), "`call-server agent list` shows everybody."))
}
