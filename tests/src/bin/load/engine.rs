//! The media engine as a child (`media_engine`, an example of the call server), and the ends of its calls.

use crate::ear::{Ear, Pace, Pings};
use crate::leg::{BAD_LOSES_ONE_IN, Leg, Mouth};
use crate::speech::Speech;
use anyhow::{Context, Result};
use e2e::process::{Running, fresh_folder, programs};
use serde_json::{Value, json};
use shared::wire::MediaAccess;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// What a call is made of; the names are those of the engine and of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Citizen and agent, A-law, SRTP on the agent's side, encrypted recording.
    PcmaRecorded,
    /// The same with Opus on the agent's side.
    PcmaOpus,
    /// Three who talk, recorded.
    Conference3,
    /// Two who talk and one who listens, recorded.
    Listen,
}

/// One of so many calls that are mixed or transcoded carries pings instead of speech, for the delay.
const PINGS_ONE_IN: usize = 12;
/// For anything that the engine is asked.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running engine.
pub(crate) struct Engine {
    running: Running,
    folder: PathBuf,
    kind: Kind,
    speech: Arc<Speech>,
    calls: usize,
}

impl Engine {
    /// Starts it on a folder of its own.
    pub(crate) fn start(kind: Kind, speech: Arc<Speech>) -> Result<Self> {
        let folder = fresh_folder("media-engine");
        let program = programs().join("examples/media_engine");
        anyhow::ensure!(program.exists(), "{} is missing; `cargo xtask bench media` builds it", program.display());
        let mut running = Running::start("media_engine", Command::new(program).arg(&folder), &folder.join("engine.log"));
        running.event("ready", PATIENCE);
        Ok(Self { running, folder, kind, speech, calls: 0 })
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.running.id()
    }

    /// Brings so many more calls; the legs of those that it took, and how many it refused.
    pub(crate) fn open(&mut self, calls: usize) -> Result<(Vec<Leg>, usize)> {
        let citizens: Vec<Leg> = (0..calls).map(|call| Leg::plain((self.calls + call) as u32)).collect::<Result<_>>()?;
        let mut ports: Vec<u16> = Vec::with_capacity(calls);
        for citizen in &citizens {
            ports.push(citizen.socket.local_addr()?.port());
        }
        self.running.tell(&json!({"kind": self.kind, "citizens": ports}).to_string());
        let opened = self.running.event("opened", PATIENCE);
        let answers = opened["calls"].as_array().context("no list of calls")?;
        let refused = opened["refused"].as_u64().context("no number of refused calls")? as usize;
        let mut legs = Vec::new();
        for (citizen, answer) in citizens.into_iter().zip(answers).filter(|(_, answer)| !answer.is_null()) {
            legs.extend(self.ends(citizen, answer)?);
            self.calls += 1;
        }
        Ok((legs, refused))
    }

    /// All ends of one call.
    fn ends(&self, citizen: Leg, answer: &Value) -> Result<Vec<Leg>> {
        let port = answer["citizen_port"].as_u64().and_then(|port| u16::try_from(port).ok()).context("no port")?;
        citizen.connect((Ipv4Addr::LOCALHOST, port).into())?;
        let mut legs = vec![citizen];
        let agents: Vec<MediaAccess> = serde_json::from_value(answer["agents"].clone())?;
        for access in agents {
            let leg = Leg::encrypted(&access)?;
            leg.connect((Ipv4Addr::LOCALHOST, access.port).into())?;
            legs.push(leg);
        }
        if self.kind != Kind::PcmaRecorded {
            self.prepare(&mut legs)?;
        }
        Ok(legs)
    }

    /// Mixed and transcoded voices are speech, or pings from one side to the other by turns.
    fn prepare(&self, legs: &mut [Leg]) -> Result<()> {
        let start = self.calls * 37;
        for (place, leg) in legs.iter_mut().enumerate() {
            leg.mouth = Mouth::Speech(Arc::clone(&self.speech), start + place * 101);
            leg.ear = Ear::Pace(Pace::default());
            leg.loses_one_in = (self.kind == Kind::PcmaOpus && place == 1).then_some(BAD_LOSES_ONE_IN);
        }
        if self.calls.is_multiple_of(PINGS_ONE_IN) {
            let (from, to) = if self.calls.is_multiple_of(2 * PINGS_ONE_IN) { (0, 1) } else { (1, 0) };
            for leg in legs.iter_mut() {
                leg.mouth = Mouth::Silence;
            }
            let (mouth, ear) = Pings::new()?;
            legs[from].mouth = Mouth::Pings(mouth);
            legs[to].ear = Ear::Pings(Pace::default(), ear);
        }
        Ok(())
    }

    /// How many agents' legs it has told to send Opus, by the news of the next `limit`.
    pub(crate) fn opus_legs(&mut self, limit: Duration) -> Option<usize> {
        self.running.event_within("opus", limit).and_then(|event| event["legs"].as_u64()).map(|legs| legs as usize)
    }

    /// Ends all calls; what the engine tells of them.
    pub(crate) fn end(mut self) -> Result<Value> {
        self.running.close_input();
        let over = self.running.event("over", PATIENCE);
        self.running.ended(PATIENCE);
        std::fs::remove_dir_all(&self.folder).context("the recordings cannot be deleted")?;
        Ok(over)
    }
}
