//! A site on disk and the command line over it.

use crate::SOON;
use crate::process::{fresh_folder, program};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// A packet at either end of a recording, in ms.
const PACKETS_MS: u64 = 40;

/// One who may sign in.
#[derive(Debug, Clone, Deserialize)]
pub struct Agent {
    /// Staff number.
    pub number: String,
    /// Name.
    pub name: String,
    /// Password.
    pub password: String,
}

/// A call as the command line shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// Which.
    pub interaction: u64,
    /// `None` while it runs.
    pub result: Option<CallResult>,
    /// One per agent's part.
    pub segments: Vec<Segment>,
    /// Its recording.
    pub recording: Option<Recording>,
    /// What was recorded beside it: `whisper`, `consultation`.
    #[serde(default)]
    pub tracks: Vec<Recording>,
    /// What happened where in the recording.
    #[serde(default)]
    pub marks: Vec<Value>,
    /// What happened, in order.
    #[serde(default)]
    pub facts: Vec<Value>,
}

/// How a call went.
#[derive(Debug, Clone, Deserialize)]
pub struct CallResult {
    /// Whole length, in ms.
    pub length_ms: u64,
    /// Waiting with ringing, in ms.
    pub wait_ms: Option<u64>,
    /// Talk over all segments, in ms.
    pub talk_ms: u64,
    /// Whether a person answered.
    pub answered_by_agent: bool,
    /// Why it ended.
    pub reason: String,
    /// Which side ended it.
    pub ended_by: String,
}

/// One agent's part of a call.
#[derive(Debug, Clone, Deserialize)]
pub struct Segment {
    /// Whose.
    pub agent_number: Option<String>,
    /// How long the answered offer rang, in ms.
    pub ring_ms: u64,
    /// Two-way audio, in ms.
    pub talk_ms: u64,
}

/// A call's recording.
#[derive(Debug, Clone, Deserialize)]
pub struct Recording {
    /// Which.
    pub recording: u64,
    /// `open`, `complete`, `cut` or `failed`.
    pub state: String,
    /// Length of its sound.
    pub length_ms: Option<u64>,
    /// `main`, `whisper` or `consultation`.
    #[serde(default)]
    pub track: String,
    /// Why no rule may change it.
    #[serde(default)]
    pub held: Option<String>,
}

impl Call {
    /// How it went.
    ///
    /// # Panics
    /// If it still runs.
    #[must_use]
    pub fn result(&self) -> &CallResult {
        self.result.as_ref().unwrap_or_else(|| panic!("the call still runs: {self:?}"))
    }

    /// Reason and side of its end.
    #[must_use]
    pub fn end(&self) -> (&str, &str) {
        (&self.result().reason, &self.result().ended_by)
    }

    fn is_settled(&self) -> bool {
        self.result.is_some() && self.recording.iter().chain(&self.tracks).all(|recording| recording.state != "open")
    }

    /// How long the citizen was with somebody, hold included, by the facts; in ms.
    #[must_use]
    pub fn connected_ms(&self) -> u64 {
        let (mut since, mut connected) = (None, 0);
        for fact in &self.facts {
            let (at, kind) = (fact["offset_ms"].as_u64().unwrap_or_default(), fact["kind"]["kind"].as_str().unwrap_or_default());
            match kind {
                "connected" | "party_joined" => _ = since.get_or_insert(at),
                "dial_ended" if fact["kind"]["result"] == "answered" => _ = since.get_or_insert(at),
                "queued" | "node_entered" | "ended" => connected += since.take().map_or(0, |since| at - since),
                _ => {}
            }
        }
        connected
    }

    /// Row 1-12: what is recorded is at least 99.9 % of the time in which the citizen was with somebody. A packet at each end may lie on
    /// either side of the switchboard's clock.
    ///
    /// # Panics
    /// If it is less.
    pub fn assert_recorded(&self) {
        let Some(recording) = self.recording.as_ref().filter(|recording| recording.state == "complete") else { return };
        let (recorded, connected) = (recording.length_ms.unwrap_or_default(), self.connected_ms());
        assert!((recorded + PACKETS_MS) * 1_000 >= connected * 999, "{recorded} of {connected} ms are recorded: {self:#?}");
    }
}

/// A demo site in a folder of its own.
#[derive(Debug)]
pub struct Site {
    folder: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// The certificate that desktops trust.
    pub ca: PathBuf,
    /// Who may sign in.
    pub agents: Vec<Agent>,
    /// Who supervises them all.
    pub supervisor: Agent,
}

/// A prompt of the repository: `citizen` or `agent`.
#[must_use]
pub fn prompt(who: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../assets/prompts/{who}.zh.wav"))
}

/// A range of media ports that no other site of this process uses, below the ports that the system gives away.
fn media_ports(count: u16) -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = NEXT.fetch_add(count, Ordering::Relaxed);
    let start = (std::process::id() % 40) as u16 * 400;
    let base = 12_000 + start.wrapping_add(first) % (20_000 - count);
    format!("{}-{}", base & !1, (base & !1) + count - 1)
}

impl Site {
    /// Makes one with `call-server init --demo`, all listeners on ports of the system's choice.
    #[must_use]
    pub fn demo(name: &str) -> Self {
        Self::demo_with_media_ports(name, 400)
    }

    /// The same with room for more calls.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn demo_with_media_ports(name: &str, media_port_count: u16) -> Self {
        Self::demo_with(name, media_port_count, &[])
    }

    /// The same with more arguments for `init`.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn demo_with(name: &str, media_port_count: u16, more: &[&str]) -> Self {
        let folder = fresh_folder(name).join("site");
        let any = "127.0.0.1:0";
        let ports = media_ports(media_port_count);
        let mut arguments =
            vec!["init", "--demo", "--sip-listen", any, "--gateway-listen", any, "--agent-media-listen", any, "--media-ports", &ports];
        arguments.extend(more);
        let made = succeed(&output(&folder, &arguments), &arguments);
        let path = |name: &str| made[name].as_str().map(PathBuf::from).unwrap_or_else(|| panic!("init named no {name}: {made}"));
        let agents =
            serde_json::from_value(made["agents"].clone()).unwrap_or_else(|error| panic!("init named no agents: {error} in {made}"));
        let supervisor = serde_json::from_value(made["supervisor"].clone());
        let supervisor = supervisor.unwrap_or_else(|error| panic!("init named no supervisor: {error} in {made}"));
        Self { config: path("config"), ca: path("ca"), agents, supervisor, folder }
    }

    /// Where it stands.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Sets `key = value` in every section of this name; a key that stands there as a comment counts.
    ///
    /// # Panics
    /// If there is none.
    pub fn configure(&self, section: &str, key: &str, value: &str) {
        let text = self.configuration();
        let (mut inside, mut found) = (false, false);
        let mut lines = Vec::new();
        for line in text.lines() {
            let plain = line.trim_start_matches('#').trim();
            if plain.starts_with('[') {
                inside = plain.trim_matches(['[', ']']) == section;
            }
            match plain.split_once('=') {
                Some((name, _)) if inside && name.trim() == key => {
                    found = true;
                    lines.push(format!("{key} = {value}"));
                }
                _ => lines.push(line.to_owned()),
            }
        }
        assert!(found, "the configuration has no {key} in [{section}]:\n{text}");
        self.write_configuration(&(lines.join("\n") + "\n"));
    }

    /// The text of the configuration.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn configuration(&self) -> String {
        std::fs::read_to_string(&self.config).unwrap_or_else(|error| panic!("{}: {error}", self.config.display()))
    }

    /// Replaces the text of the configuration.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write_configuration(&self, text: &str) {
        std::fs::write(&self.config, text).unwrap_or_else(|error| panic!("{}: {error}", self.config.display()));
    }

    /// Runs a command that must succeed and returns its JSON.
    #[must_use]
    pub fn cli(&self, arguments: &[&str]) -> Value {
        succeed(&output(&self.folder, arguments), arguments)
    }

    /// Runs a command whose answer matters and not whether it is a good one, and returns its JSON.
    ///
    /// # Panics
    /// If it prints none.
    #[must_use]
    pub fn cli_any(&self, arguments: &[&str]) -> Value {
        let output = output(&self.folder, arguments);
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("call-server {arguments:?} printed no JSON: {error}: {text}"))
    }

    /// Runs a command that must fail and returns its words.
    ///
    /// # Panics
    /// If it succeeds, or fails without a word, or with a panic.
    #[must_use]
    pub fn cli_fails(&self, arguments: &[&str]) -> String {
        let output = output(&self.folder, arguments);
        complaint(&output, &format!("call-server {arguments:?}"))
    }

    /// Runs a command that looks and finds something bad: exit code 1, and its JSON.
    ///
    /// # Panics
    /// If it succeeds, or prints no JSON.
    #[must_use]
    pub fn cli_fails_with_json(&self, arguments: &[&str]) -> Value {
        let output = output(&self.folder, arguments);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "call-server {arguments:?} found nothing bad: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("call-server {arguments:?} printed no JSON: {error}: {text}"))
    }

    /// Adds an agent who serves every queue.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn add_agent(&self, number: &str) -> Agent {
        let told = self.cli(&["agent", "add", number, "--name", number, "--must-change", "false"]);
        let password = told["password"].as_str().unwrap_or_else(|| panic!("agent add told no password: {told}"));
        Agent { number: number.to_owned(), name: number.to_owned(), password: password.to_owned() }
    }

    /// Waits until a phone of the house has registered. What the phone itself says of it may have been said before anybody listened.
    ///
    /// # Panics
    /// If it does not.
    pub fn wait_for_phone(&self, number: &str) {
        let until = Instant::now() + SOON;
        let is_there = |phone: &Value| phone["number"] == number && phone["bindings"].as_array().is_some_and(|places| !places.is_empty());
        while !self.cli(&["phone", "list"])["phones"].as_array().is_some_and(|phones| phones.iter().any(is_there)) {
            assert!(Instant::now() < until, "{number} does not register");
        }
    }

    /// All calls, newest first.
    ///
    /// # Panics
    /// If the command line shows something else.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let list = self.cli(&["call", "list", "--limit", "10000"]);
        serde_json::from_value(list["calls"].clone()).unwrap_or_else(|error| panic!("call list: {error} in {list:#}"))
    }

    /// Waits until there are `count` calls, all ended, and their recordings closed; newest first.
    ///
    /// # Panics
    /// If they do not come, or more come.
    #[must_use]
    pub fn settled(&self, count: usize, limit: Duration) -> Vec<Call> {
        let until = Instant::now() + limit;
        loop {
            let calls = self.calls();
            assert!(calls.len() <= count, "{} records of {count} calls: {calls:#?}", calls.len());
            if calls.len() == count && calls.iter().all(Call::is_settled) {
                calls.iter().for_each(Call::assert_recorded);
                return calls;
            }
            assert!(Instant::now() < until, "not {count} settled calls within {limit:?}: {calls:#?}");
        }
    }

    /// Waits until the only call is settled.
    #[must_use]
    pub fn only_call(&self) -> Call {
        self.settled(1, SOON).remove(0)
    }

    /// Exports a call's recording: left citizen, right agent.
    ///
    /// # Panics
    /// If there is none, or it is not stereo.
    #[must_use]
    pub fn export(&self, call: &Call) -> [Vec<i16>; 2] {
        assert!(call.recording.is_some(), "no recording: {call:?}");
        self.export_track(call, "main")
    }

    /// Exports one of a call's recordings: `main`, `whisper` or `consultation`.
    ///
    /// # Panics
    /// If there is none, or it is not stereo.
    #[must_use]
    pub fn export_track(&self, call: &Call, track: &str) -> [Vec<i16>; 2] {
        let id = call.interaction.to_string();
        let file = self.folder.join(format!("{id}.{track}.wav"));
        let _ = self.cli(&["recording", "export", &id, &file.display().to_string(), "--track", track]);
        crate::sound::read(&file).try_into().unwrap_or_else(|channels: Vec<_>| panic!("{} channels, wanted 2", channels.len()))
    }
}

impl Drop for Site {
    /// A site whose test failed is left for whoever looks into it.
    fn drop(&mut self) {
        if !std::thread::panicking()
            && let Some(folder) = self.folder.parent()
        {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("call-server"));
    command.arg("--site").arg(folder).arg("--json").args(arguments);
    command.output().unwrap_or_else(|error| panic!("call-server {arguments:?}: {error}"))
}

fn succeed(output: &Output, arguments: &[&str]) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "call-server {arguments:?} failed ({}): {errors}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("call-server {arguments:?} printed no JSON: {error}: {text} {errors}"))
}

/// The words of a program that was right to fail: some words, no panic.
///
/// # Panics
/// If it succeeded, said nothing, or panicked.
#[must_use]
pub fn complaint(output: &Output, what: &str) -> String {
    let words = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(!output.status.success(), "{what} succeeded, which it should not: {words}");
    assert!(!words.trim().is_empty(), "{what} failed without a word");
    assert!(!words.contains("panicked"), "{what} panicked: {words}");
    words
}
