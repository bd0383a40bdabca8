//! The configuration of a site: `hotline.toml`, typed twice: as written ([`written`], checked against [`schema`]) and as
//! resolved ([`Site`]).
//!
//! All faults are collected and told at once, each with its line and its remedy. Agents and callers are not configuration:
//! they live in the store.

mod fault;
mod resolve;
mod schema;
mod signalling;
#[cfg(test)]
mod tests;
mod tls;
mod written;

pub(crate) use fault::{Fault, Faults};
pub(crate) use schema::{Filled, example, render};

use crate::gateway::GatewaySettings;
use crate::media::MediaSettings;
use crate::recording::RecordingSettings;
use crate::sip::SipSettings;
use crate::store::AgentEntry;
use call_core::plan::{AgentPlan, Plan};
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
    /// The store's file.
    pub(crate) database: PathBuf,
    /// The plan without its agents.
    plan: Plan,
}

impl Site {
    /// The plan with the store's people. Who is disabled is left out, and so is a queue that the configuration no longer has.
    pub(crate) fn plan(&self, people: &[AgentEntry]) -> Plan {
        let agents = people.iter().filter(|person| !person.disabled).map(|person| {
            let queues = person.queues.iter().copied().filter(|queue| self.plan.queues.contains_key(queue)).collect();
            let (number, name) = (person.number.clone(), person.name.clone());
            (person.agent, AgentPlan { number, name, queues, ..AgentPlan::default() })
        });
        Plan { agents: agents.collect(), ..self.plan.clone() }
    }

    /// The plan without agents: queues, numbers and limits.
    pub(crate) fn bare_plan(&self) -> &Plan {
        &self.plan
    }
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
