//! Calls through the real server to real headless desktops, each desktop behind a bad link of its own.

use crate::score::Task;
use crate::{Material, Row};
use anyhow::{Context, Result};
use citizen::{CallPlan, Ending, Speech};
use e2e::cut::Cable;
use e2e::link::Link;
use e2e::{Caller, Headless, HeadlessPlan, LATER, Server, Site};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// A call that runs.
pub(crate) struct Talk {
    agent: Headless,
    citizen: Caller,
    heard_by_citizen: PathBuf,
    heard_by_agent: PathBuf,
    _link: Link,
}

/// The address at which the desktop of a row finds the server.
fn near(place: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, place as u8 + 1)
}

/// A site whose certificate knows the links of so many rows.
pub(crate) fn site(rows: usize) -> Site {
    let hosts: Vec<String> = (0..rows).map(|place| near(place).to_string()).collect();
    let more: Vec<&str> = hosts.iter().flat_map(|host| ["--host", host]).collect();
    let mut site = Site::demo_with("quality", 400, &more);
    for place in site.agents.len()..rows {
        let agent = site.add_agent(&(2_000 + place).to_string());
        site.agents.push(agent);
    }
    site
}

impl Talk {
    /// Brings the call of one row and waits until both sides talk. Only this row's agent is ready meanwhile.
    pub(crate) fn begin(site: &Site, server: &Server, place: usize, row: &Row, material: &Material) -> Result<Self> {
        let near = IpAddr::V4(near(place));
        let media = SocketAddr::new(server.gateway.ip(), server.agent_media);
        let link = Link::open(SocketAddr::new(near, server.agent_media), media, row.impairment(place)).context("a link")?;
        let cable = Cable::at(near, server.gateway);
        let agent = &site.agents[place];
        let mut desk = Headless::start_speaking(site, cable.address(), agent, HeadlessPlan::WILLING, &material.agent_long, &[]);
        desk.state("ready", LATER);
        let heard_by_citizen = site.folder().join(format!("citizen-{place}.wav"));
        let citizen = Caller::dial(CallPlan {
            speech: Speech::Looped(material.citizen_samples.clone().into()),
            played: true,
            record: Some(heard_by_citizen.clone()),
            ending: Ending::HangUpAfter(material.length),
            ..CallPlan::new(server.sip, "12345")
        });
        desk.event("talking", LATER);
        let heard_by_agent = desk.speaker().to_owned();
        Ok(Self { agent: desk, citizen, heard_by_citizen, heard_by_agent, _link: link })
    }

    /// Waits for the end; what is to be scored: at the agent, at the citizen.
    pub(crate) fn end(self, material: &Material) -> [Task; 2] {
        let _ = self.citizen.report(material.length + LATER);
        drop(self.agent.heard());
        let task = |reference: &PathBuf, heard| Task { reference: reference.clone(), heard, pieces: material.pieces };
        [task(&material.citizen, self.heard_by_agent), task(&material.agent, self.heard_by_citizen)]
    }
}
