//! An agent: the real desktop program without its window, with files for microphone and loudspeaker.

use crate::desk::SoundServer;
use crate::process::{Running, program};
use crate::site::{Agent, Site, prompt};
use crate::{SOON, Server};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What the agent does by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct HeadlessPlan {
    /// Answer each ringing at once.
    pub auto_answer: bool,
    /// Go ready after sign-in and after each call.
    pub auto_ready: bool,
    /// Work here although signed in elsewhere.
    pub take_over: bool,
}

impl HeadlessPlan {
    /// Answers everything.
    pub const WILLING: Self = Self { auto_answer: true, auto_ready: true, take_over: false };
    /// Goes ready, but rings until it is told.
    pub const READY: Self = Self { auto_answer: false, auto_ready: true, take_over: false };
    /// Answers everything, and goes ready only when told.
    pub const ANSWERS: Self = Self { auto_answer: true, auto_ready: false, take_over: false };
}

/// A running desktop.
#[derive(Debug)]
pub struct Headless {
    running: Running,
    speaker: PathBuf,
}

impl Headless {
    /// Starts it for `agent` and waits until it is signed in.
    #[must_use]
    pub fn sign_in(site: &Site, server: &Server, agent: &Agent, plan: HeadlessPlan) -> Self {
        Self::sign_in_over(site, server.gateway, agent, plan)
    }

    /// The same over another address, such as a cable's.
    #[must_use]
    pub fn sign_in_over(site: &Site, gateway: SocketAddr, agent: &Agent, plan: HeadlessPlan) -> Self {
        let mut headless = Self::start(site, gateway, agent, &agent.password, plan);
        headless.event("signed_in", SOON);
        headless
    }

    /// Starts it with any password and waits for nothing.
    ///
    /// # Panics
    /// If the password file cannot be written.
    #[must_use]
    pub fn start(site: &Site, gateway: SocketAddr, agent: &Agent, password: &str, plan: HeadlessPlan) -> Self {
        Self::launch(site, gateway, agent, password, plan, &prompt("agent"), &[])
    }

    /// Starts it with another voice and more arguments and waits until it is signed in.
    #[must_use]
    pub fn start_speaking(site: &Site, gateway: SocketAddr, agent: &Agent, plan: HeadlessPlan, voice: &Path, more: &[&str]) -> Self {
        let mut headless = Self::launch(site, gateway, agent, &agent.password, plan, voice, more);
        headless.event("signed_in", SOON);
        headless
    }

    /// Starts it with this sound server's headset as microphone and loudspeaker and waits until it is signed in; `device` is the one that
    /// was chosen, or `default`.
    #[must_use]
    pub fn start_at(site: &Site, server: &Server, agent: &Agent, plan: HeadlessPlan, sound: &SoundServer, device: &str) -> Self {
        let mut command = Self::command(site, server.gateway, agent, &agent.password, plan);
        command.args(["--microphone-device", device, "--loudspeaker-device", device]);
        sound.plug_into(&mut command);
        let mut headless = Self::run(site, agent, &mut command);
        headless.event("signed_in", SOON);
        headless
    }

    fn launch(site: &Site, gateway: SocketAddr, agent: &Agent, password: &str, plan: HeadlessPlan, voice: &Path, more: &[&str]) -> Self {
        let speaker = Self::speaker_of(site, agent);
        let mut command = Self::command(site, gateway, agent, password, plan);
        command.arg("--mic").arg(voice).arg("--speaker").arg(&speaker).args(more);
        Self::run(site, agent, &mut command)
    }

    fn speaker_of(site: &Site, agent: &Agent) -> PathBuf {
        site.folder().join(format!("{}.heard.wav", agent.number))
    }

    fn command(site: &Site, gateway: SocketAddr, agent: &Agent, password: &str, plan: HeadlessPlan) -> Command {
        let password_file = site.folder().join(format!("{}.password", agent.number));
        std::fs::write(&password_file, password).unwrap_or_else(|error| panic!("{}: {error}", password_file.display()));
        let mut command = Command::new(program("agent-desktop"));
        command.arg("--headless").args(["--server", &gateway.to_string(), "--number", &agent.number]);
        command.arg("--ca").arg(&site.ca).arg("--password-file").arg(password_file);
        command.args(plan.auto_answer.then_some("--auto-answer")).args(plan.auto_ready.then_some("--auto-ready"));
        command.args(plan.take_over.then_some("--take-over"));
        command
    }

    fn run(site: &Site, agent: &Agent, command: &mut Command) -> Self {
        let log = site.folder().join(format!("{}.log", agent.number));
        Self { running: Running::start(&format!("agent {}", agent.number), command, &log), speaker: Self::speaker_of(site, agent) }
    }

    /// Where what its loudspeaker plays is written.
    #[must_use]
    pub fn speaker(&self) -> &Path {
        &self.speaker
    }

    /// Goes ready by command; asks again while the voice path is still opening.
    ///
    /// # Panics
    /// If it does not become ready in time.
    pub fn go_ready(&mut self) {
        // With a citizen waiting, an offer comes in the same moment.
        let ready = |value: &Value| value["event"] == "state" && (value["state"] == "ready" || value["state"] == "offered");
        for _ in 0..20 {
            self.tell("ready");
            let answer: Value = self.running.wait_for("answer to ready", SOON, |line| {
                serde_json::from_str(line).ok().filter(|value: &Value| ready(value) || value["event"] == "refused")
            });
            if ready(&answer) {
                return;
            }
            self.event_within("media", Duration::from_millis(500));
        }
        panic!("never ready.\n{}", self.story());
    }

    /// Waits until the connection to the server is there, or gone.
    pub fn link(&mut self, online: bool, limit: Duration) -> Value {
        self.running.event_where("link", limit, |value| value["online"] == online)
    }

    /// Waits for an event.
    pub fn event(&mut self, event: &str, limit: Duration) -> Value {
        self.running.event(event, limit)
    }

    /// Waits until the agent is in this state.
    pub fn state(&mut self, state: &str, limit: Duration) -> Value {
        self.running.event_where("state", limit, |value| value["state"] == state)
    }

    /// Waits until the agent is in this state for this reason.
    pub fn state_because(&mut self, state: &str, reason: &str, limit: Duration) -> Value {
        self.running.event_where("state", limit, |value| value["state"] == state && value["reason"] == reason)
    }

    /// Waits for an event, or until `limit` has passed without it.
    pub fn event_within(&mut self, event: &str, limit: Duration) -> Option<Value> {
        self.running.event_within(event, limit)
    }

    /// Lets a talk go on for this long.
    ///
    /// # Panics
    /// If it ends before.
    pub fn talks_for(&mut self, length: Duration) {
        let ended = self.event_within("call_ended", length);
        assert_eq!(ended, None, "the talk ended too early.\n{}", self.story());
    }

    /// Gives a command, such as `answer`, `reject`, `hang_up`.
    pub fn tell(&mut self, command: &str) {
        self.running.tell(command);
    }

    /// Waits for an event of which something holds.
    pub fn event_where(&mut self, event: &str, limit: Duration, holds: impl Fn(&Value) -> bool) -> Value {
        self.running.event_where(event, limit, holds)
    }

    /// The newest event so far of which something holds, or the next one, if there was none.
    pub fn event_ever(&mut self, event: &str, limit: Duration, holds: impl Fn(&Value) -> bool) -> Value {
        self.running.event_ever(event, limit, holds)
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// SIGKILL, at once.
    pub fn kill(mut self) {
        self.running.kill();
    }

    /// What it has said so far.
    #[must_use]
    pub fn story(&self) -> String {
        self.running.story()
    }

    /// Ends it in order and returns what its loudspeaker played.
    #[must_use]
    pub fn heard(mut self) -> Vec<i16> {
        self.tell("quit");
        self.running.ended(SOON);
        crate::sound::read_mono(&self.speaker)
    }
}
