//! `agent edit`, `disable`, `enable`, `unlock`, `sign-ins`: people after they were added.

use super::changes::Change;
use super::cli::{EditAgent, RoleName};
use super::control::{self, Request};
use super::people::{self, known_queue, staff_number, text};
use super::{Failure, Outcome, open_store};
use crate::config::{Site, is_fixed};
use crate::store::{AgentEdit, AutoAnswer, Role, SignInReport, SupervisionReport};
use call_core::plan::{Membership, SkillId};
use serde_json::json;
use shared::model::{PhoneNumber, QueueId, VoiceDevice};

/// Longest ringing before a call is accepted by itself (2.1).
const AUTO_ANSWER_MAX_SECONDS: u64 = 5;

pub(super) fn edit(site: &Site, wishes: &EditAgent) -> Result<Outcome, Failure> {
    let number = staff_number(&wishes.number)?;
    let edit = AgentEdit {
        name: wishes.name.as_deref().map(|name| text("name", name)).transpose()?,
        role: wishes.role.map(|role| match role {
            RoleName::Agent => Role::Agent,
            RoleName::Supervisor => Role::Supervisor,
        }),
        disabled: None,
        serve: wishes.serve.iter().map(|words| part(site, words)).collect::<Result<_, _>>()?,
        leave: wishes.leave.iter().copied().map(QueueId).collect(),
        auto_answer: wishes.auto_answer.as_deref().map(auto_answer).transpose()?,
        class: wishes.dials.as_deref().map(str::parse).transpose().map_err(|error: call_core::plan::NoClass| {
            Failure::new("bad_class", error.to_string(), "Write internal, local, national or international.")
        })?,
        phone: wishes.phone.as_deref().map(phone).transpose()?,
        voice: wishes.voice.as_deref().map(voice).transpose()?,
        skills: wishes.skill.iter().map(|words| skill(site, words)).collect::<Result<_, _>>()?,
    };
    if edit == AgentEdit::default() {
        return Err(Failure::new(
            "nothing_to_do",
            "nothing is to be changed",
            "Name what: --name, --role, --serve, --leave, --skill, --dials, --phone, --voice or --auto-answer.",
        ));
    }
    let told = people::make(site, Change::EditAgent { number: number.clone(), edit })?;
    Ok(Outcome::new(format!("{number} is changed."), told))
}

pub(super) fn disable(site: &Site, number: &str, disabled: bool) -> Result<Outcome, Failure> {
    let number = staff_number(number)?;
    let edit = AgentEdit { disabled: Some(disabled), ..AgentEdit::default() };
    let told = people::make(site, Change::EditAgent { number: number.clone(), edit })?;
    let text = if disabled { format!("{number} may sign in no longer.") } else { format!("{number} may sign in again.") };
    Ok(Outcome::new(text, told))
}

pub(super) fn unlock(site: &Site, number: &str) -> Result<Outcome, Failure> {
    let number = staff_number(number)?;
    let told = control::ask(&site.folder, &Request::Unlock { number: number.clone() })?.ok_or_else(|| {
        Failure::new("not_running", "no server is running, so nobody is locked", "Locks end with the server; nothing is to be done.")
    })?;
    let text = match told["unlocked"].as_u64() {
        Some(0) | None => format!("{number} was not locked."),
        Some(_) => format!("{number} may try again."),
    };
    Ok(Outcome::new(text, told))
}

pub(super) fn sign_ins(site: &Site, limit: u32) -> Result<Outcome, Failure> {
    let attempts = open_store(site)?.sign_ins(limit)?;
    let rows: Vec<_> = attempts.iter().map(row).collect();
    let text = if rows.is_empty() { "Nobody has tried to sign in yet.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"sign_ins": attempts})))
}

pub(super) fn supervision(site: &Site, limit: u32) -> Result<Outcome, Failure> {
    let acts = open_store(site)?.supervision(limit)?;
    let row = |act: &SupervisionReport| {
        let (who, whom) = (act.supervisor.as_deref().unwrap_or("?"), act.agent.as_deref().unwrap_or("-"));
        let call = act.interaction.map_or("-".to_owned(), |call| call.to_string());
        format!("{} {who:<8} {:<16} {whom:<8} call {call}: {}", super::calls::moment(act.at), act.act, act.reason)
    };
    let rows: Vec<_> = acts.iter().map(row).collect();
    let text = if rows.is_empty() { "No supervisor has done anything yet.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"acts": acts})))
}

fn row(attempt: &SignInReport) -> String {
    let at = jiff::Timestamp::from_millisecond(attempt.at.0).map_or_else(|_| attempt.at.0.to_string(), |at| format!("{at:.0}"));
    let ended = match (&attempt.ended, attempt.length_ms) {
        (Some(why), Some(length_ms)) => format!(", ended {why} after {} s", length_ms / 1_000),
        _ => String::new(),
    };
    format!("{at} {:<8} {} from {}{ended}", attempt.number, attempt.outcome, attempt.address)
}

/// `ID[,tier=T][,place=P][,weight=W]`.
fn part(site: &Site, words: &str) -> Result<(QueueId, Membership), Failure> {
    let wrong = || {
        let message = format!("{words:?} is no part in a queue");
        Failure::new("bad_part", message, "Write it as 2 or 2,tier=2,place=3,weight=5; tier up to 255, the others up to 10000.")
    };
    let mut fields = words.split(',');
    let id = fields.next().and_then(|id| id.trim().parse().ok()).ok_or_else(wrong)?;
    let queue = known_queue(site, id)?;
    let mut part = Membership::default();
    for field in fields {
        let (key, value) = field.split_once('=').ok_or_else(wrong)?;
        let value: u32 = value.trim().parse().ok().filter(|value| *value <= 10_000).ok_or_else(wrong)?;
        match key.trim() {
            "tier" => part.tier = u8::try_from(value).map_err(|_| wrong())?,
            "place" => part.order = value,
            "weight" => part.weight = value,
            _ => return Err(wrong()),
        }
    }
    Ok((queue, part))
}

fn auto_answer(words: &str) -> Result<AutoAnswer, Failure> {
    match words {
        "off" => Ok(AutoAnswer::Off),
        seconds => match seconds.parse::<u64>() {
            Ok(seconds) if seconds <= AUTO_ANSWER_MAX_SECONDS => Ok(AutoAnswer::AfterMs(seconds * 1_000)),
            _ => Err(Failure::new("bad_auto_answer", format!("{words:?} is no time for it"), "Write 0 to 5 seconds, or off.")),
        },
    }
}

/// A number, a URI, or `off`.
fn phone(words: &str) -> Result<String, Failure> {
    match words {
        "off" => Ok(String::new()),
        contact if is_fixed(contact) => Ok(contact.to_owned()),
        number => match PhoneNumber::parse(number) {
            Ok(number) => Ok(number.as_str().to_owned()),
            Err(_) => {
                let remedy = "Write the number of a phone (see call-server phone list), sip:8001@192.0.2.9:5060, or off.";
                Err(Failure::new("bad_phone", format!("{words:?} is no phone"), remedy))
            }
        },
    }
}

fn voice(words: &str) -> Result<VoiceDevice, Failure> {
    match words {
        "headset" => Ok(VoiceDevice::Headset),
        "phone" => Ok(VoiceDevice::Phone),
        _ => Err(Failure::new("bad_voice", format!("nobody speaks by {words:?}"), "Write headset or phone.")),
    }
}

/// `NAME=LEVEL`.
fn skill(site: &Site, words: &str) -> Result<(SkillId, u8), Failure> {
    let parsed = words.split_once('=').and_then(|(name, level)| Some((name.trim(), level.trim().parse::<u8>().ok()?)));
    let Some((name, level)) = parsed.filter(|(_, level)| *level <= 9) else {
        let message = format!("{words:?} is no skill with a level");
        return Err(Failure::new("bad_skill", message, "Write it as 溧阳方言=7, from 1 to 9; 0 takes it away."));
    };
    let Some(skill) = site.skills.get(name) else {
        let names: Vec<_> = site.skills.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "none; add [[skills]] to hotline.toml".to_owned() } else { names.join(", ") };
        return Err(Failure::new("no_such_skill", format!("there is no skill {name}"), format!("Skills of this site: {known}.")));
    };
    Ok((*skill, level))
}
