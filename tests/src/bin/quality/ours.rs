//! Calls through the real server to real headless desktops, each desktop behind a bad link of its own.
//!
//! Server and desktop choose their codec by what they measure. To hear Opus over a good link, the link is bad until both sides send Opus;
//! what was heard until then is not scored.

use crate::score::Task;
use crate::{Codec, Material, Row};
use anyhow::{Context, Result};
use citizen::{CallPlan, Speech};
use e2e::cut::Cable;
use e2e::link::{Impairment, Link};
use e2e::{Caller, Headless, HeadlessPlan, LATER, Server, Site};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What makes both sides send Opus.
const BAD: Impairment = Impairment { loss_percent: 12.0, jitter_ms: 0, delay_ms: 0, seed: 99 };

/// A call that runs.
pub(crate) struct Talk {
    agent: Headless,
    citizen: Caller,
    heard_by_citizen: PathBuf,
    heard_by_agent: PathBuf,
    link: Link,
    dialled: Instant,
    skip: Duration,
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
    /// Brings the call of one row and waits until both sides talk, in the row's codec. Only this row's agent is ready meanwhile.
    pub(crate) fn begin(site: &Site, server: &Server, place: usize, row: &Row, material: &Material) -> Result<Self> {
        let near = IpAddr::V4(near(place));
        let media = SocketAddr::new(server.gateway.ip(), server.agent_media);
        let link = Link::open(SocketAddr::new(near, server.agent_media), media, begin_with(row, place)).context("a link")?;
        let cable = Cable::at(near, server.gateway);
        let agent = &site.agents[place];
        let mut desk = Headless::start_speaking(site, cable.address(), agent, HeadlessPlan::WILLING, &material.agent_long, &["--mic-loop"]);
        desk.state("ready", LATER);
        let heard_by_citizen = site.folder().join(format!("citizen-{place}.wav"));
        let dialled = Instant::now();
        let citizen = Caller::dial(CallPlan {
            speech: Speech::Looped(material.citizen_samples.clone().into()),
            played: true,
            record: Some(heard_by_citizen.clone()),
            ..CallPlan::new(server.sip, "12345")
        });
        desk.event("talking", LATER);
        if row.codec == Codec::Opus {
            desk.event_where("voice_codec", LATER, |event| event["sends"] == "opus" && event["hears"] == "opus");
        }
        let heard_by_agent = desk.speaker().to_owned();
        Ok(Self { agent: desk, citizen, heard_by_citizen, heard_by_agent, link, dialled, skip: Duration::ZERO })
    }

    /// From now on what is heard counts.
    pub(crate) fn score_from_here(&mut self, place: usize, row: &Row) {
        if row.codec == Codec::Opus {
            self.link.set(row.impairment(place));
            self.skip = self.dialled.elapsed();
        }
    }

    /// Ends it; what is to be scored: at the agent, at the citizen.
    pub(crate) fn end(self, material: &Material) -> [Task; 2] {
        let _ = self.citizen.hang_up(LATER);
        drop(self.agent.heard());
        let task = |reference: &PathBuf, heard| Task {
            reference: reference.clone(),
            heard,
            pieces: material.pieces,
            skip: self.skip.as_millis() as u64 * 8,
        };
        [task(&material.citizen, self.heard_by_agent), task(&material.agent, self.heard_by_citizen)]
    }
}

fn begin_with(row: &Row, place: usize) -> Impairment {
    match row.codec {
        Codec::Pcma => row.impairment(place),
        Codec::Opus => BAD,
    }
}
