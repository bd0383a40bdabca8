//! The configuration of a site: `hotline.toml`, typed twice: as written ([`written`], checked against [`schema`]) and as
//! resolved ([`Site`]).
//!
//! All faults are collected and told at once, each with its line and its remedy. Agents and callers are not configuration:
//! they live in the store.

mod calendars;
mod fault;
mod functions;
mod house_voice;
mod nodes;
mod papers;
mod phone_agents;
mod queues;
mod resolve;
mod schema;
mod schema_trunks;
mod service;
mod signalling;
mod sounds;
#[cfg(test)]
mod tests;
mod tls;
mod trunks;
mod words;
mod written;

pub(crate) use fault::{Fault, Faults};
pub(crate) use phone_agents::is_fixed;
pub(crate) use schema::{Filled, example, render};
pub(crate) use words::exit;

use crate::gateway::GatewaySettings;
use crate::media::MediaSettings;
use crate::probing::ProbeSettings;
use crate::recording::RecordingSettings;
use crate::sip::SipSettings;
use crate::store::{AgentEntry, Role};
use call_core::plan::{AgentPhone, AgentPlan, Callers, NumberPattern, PhonePlace, Plan, PromptName, SkillId};
use shared::model::{CannedText, Disposition, PhoneNumber, QueueId, VoiceDevice};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The configuration's name within the site's folder.
pub(crate) const FILE_NAME: &str = "hotline.toml";
/// Largest configuration that is read.
const FILE_LIMIT_BYTES: u64 = 1024 * 1024;

/// A site's configuration as resolved: every address parsed, every path absolute to the site's folder, every limit set.
pub(crate) struct Site {
    /// The site's folder.
    pub(crate) folder: PathBuf,
    /// The hotline's name.
    pub(crate) name: String,
    /// For the SIP edge.
    pub(crate) sip: SipSettings,
    /// For the media edge.
    pub(crate) media: MediaSettings,
    /// For the gateway.
    pub(crate) gateway: GatewaySettings,
    /// For the recorder.
    pub(crate) recording: RecordingSettings,
    /// Test calls by the clock, if they are wished.
    pub(crate) probe: Option<ProbeSettings>,
    /// The store's file.
    pub(crate) database: PathBuf,
    /// Skills by name.
    pub(crate) skills: BTreeMap<String, SkillId>,
    /// Phones without a desktop; their ids are the store's.
    pub(crate) phone_agents: Vec<AgentPlan>,
    /// Who may add entries to the lists of callers.
    pub(crate) lists: ListRules,
    /// The tree of dispositions 事项分类.
    pub(crate) dispositions: Vec<Disposition>,
    /// 常用语
    pub(crate) canned_texts: Vec<CannedText>,
    /// The plan without its agents.
    plan: Plan,
    /// What is written in each section.
    prints: BTreeMap<&'static str, String>,
}

/// Sections that count for a running server as soon as it reads them; all others need a restart.
const LIVE_SECTIONS: [&str; 14] = [
    "phone_agents",
    "queues",
    "skills",
    "nodes",
    "numbers",
    "lists",
    "calls",
    "limits",
    "calendars",
    "days",
    "reasons",
    "storm",
    "dispositions",
    "canned_texts",
];

/// Who may add entries to the lists of callers, and remove them (1-11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListRules {
    /// To the blocked numbers.
    pub(crate) block: Vec<Role>,
    /// To the numbers in favour.
    pub(crate) favour: Vec<Role>,
    /// Numbers of many people.
    pub(crate) shared: Vec<NumberPattern>,
    /// What a blocked caller hears, if the entry says so.
    pub(crate) block_text: Option<PromptName>,
}

impl Site {
    /// The plan with the store's people and lists. Who is disabled is left out, and so is a queue that the configuration no longer has.
    pub(crate) fn plan(&self, people: &[AgentEntry], callers: Callers) -> Plan {
        let agents = people.iter().filter(|person| !person.disabled).map(|person| (person.agent, self.agent_plan(person)));
        let callers = Callers { shared: self.lists.shared.clone(), block_text: self.lists.block_text.clone(), ..callers };
        Plan { agents: agents.collect(), callers, ..self.plan.clone() }
    }

    fn agent_plan(&self, person: &AgentEntry) -> AgentPlan {
        let known = |queue: &QueueId| self.plan.queues.contains_key(queue);
        AgentPlan {
            number: person.number.clone(),
            name: person.name.clone(),
            queues: person.queues.iter().copied().filter(known).collect(),
            memberships: person.memberships.iter().filter(|(queue, _)| known(queue)).map(|(queue, part)| (*queue, *part)).collect(),
            skills: person.skills.clone(),
            auto_answer_ms: person.auto_answer_ms,
            class: person.class,
            supervisor: person.role == crate::store::Role::Supervisor,
            phone: person.phone.as_deref().and_then(|phone| agent_phone(&person.number, phone, person.voice)),
        }
    }

    /// The sections in which this configuration differs from another and which need a restart.
    pub(crate) fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        let differs = |name: &&str| self.prints.get(name) != other.prints.get(name);
        let names: BTreeSet<_> = self.prints.keys().chain(other.prints.keys()).copied().collect();
        names.into_iter().filter(|name| differs(name) && !LIVE_SECTIONS.contains(name)).collect()
    }

    /// The plan without agents: queues, numbers and limits.
    pub(crate) fn bare_plan(&self) -> &Plan {
        &self.plan
    }
}

/// A phone as it is written: a number, or the URI of a fixed one, which is known by its agent's number.
fn agent_phone(number: &str, phone: &str, first: VoiceDevice) -> Option<AgentPhone> {
    let place = match phone.starts_with("sip:") {
        true => PhonePlace::Fixed { number: PhoneNumber::parse(number).ok()?, contact: phone.to_owned() },
        false => PhonePlace::Registered(PhoneNumber::parse(phone).ok()?),
    };
    Some(AgentPhone { place, first, unattended: None })
}

/// Reads and resolves the configuration of the site in `folder`.
///
/// # Errors
/// Every fault found; if the text is not TOML, that one alone.
pub(crate) fn load(folder: &Path) -> Result<Site, Faults> {
    let path = folder.join(FILE_NAME);
    let cannot = |why: String, remedy: &str| Faults::one(None, format!("{} {why}", path.display()), remedy);
    let size = std::fs::metadata(&path).map(|metadata| metadata.len());
    if size.is_ok_and(|size| size > FILE_LIMIT_BYTES) {
        return Err(cannot("is larger than 1 MiB".to_owned(), "Restore the file; a configuration has some kilobytes."));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            cannot("does not exist".to_owned(), "Name the site with --site DIR, or make one with `call-server init DIR`.")
        }
        _ => cannot(format!("cannot be read: {error}"), "Check the file and its permissions."),
    })?;
    parse(folder, &text)
}

fn parse(folder: &Path, text: &str) -> Result<Site, Faults> {
    let mut faults = Vec::new();
    let written = written::read(text, &mut faults).map_err(|fault| Faults(vec![fault]))?;
    resolve::resolve(folder, &written, faults)
}
