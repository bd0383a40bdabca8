//! `cargo xtask demo`: a whole hotline on this machine, and one citizen who dials it.

use crate::packages;
use crate::process::{self, Companion};
use crate::terminal::Keys;
use crate::voices::{self, VOICE_THRESHOLD_DB, Voices};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The agent whose desktop is opened.
const AGENT: &str = "1001";
/// The number that is dialled.
const HOTLINE: &str = "12345";
/// The citizen who dials: registered in the demo site with name and address.
const CITIZEN: &str = "13912345678";
/// How long the citizen stays after the answer when nobody is there to hang up.
const TALK_MS: u64 = 9_000;
/// Longest wait for a program to come up.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Longest call without a person.
const CALL_LIMIT: Duration = Duration::from_secs(90);

/// How to run the demo.
#[derive(Args)]
pub(crate) struct DemoArguments {
    /// Use the headless client instead of the window.
    #[arg(long)]
    headless: bool,
    /// Run exactly one call, print one JSON line, and end; needs no terminal and no display.
    #[arg(long)]
    once: bool,
    /// Name missing system packages instead of installing them.
    #[arg(long)]
    no_install: bool,
    /// Throw the demo site of an earlier run away and make a new one.
    #[arg(long)]
    fresh: bool,
    /// Where the demo site is kept.
    #[arg(long, default_value = "demo-data")]
    site: PathBuf,
}

/// Runs the demo to its end.
///
/// # Errors
/// A program could not be built or started, or (with `--once`) the call did not succeed.
pub(crate) fn run(arguments: &DemoArguments) -> Result<()> {
    let windowless = arguments.headless || arguments.once || no_display();
    if windowless && !arguments.headless {
        eprintln!("No window: {}; the headless client answers instead.", if arguments.once { "--once" } else { "there is no display" });
    }
    let needed: &[&[&str]] = if windowless { &[packages::BUILD] } else { &[packages::BUILD, packages::WINDOW] };
    packages::require(needed, arguments.no_install)?;
    eprintln!("Building (the first time takes some minutes) …");
    process::cargo(&["build", "--workspace", "--bins"])?;

    let site = Site::open(&process::root().join(&arguments.site), arguments.fresh)?;
    let mut hotline = Hotline::start(&site)?;
    let mut desktop = site.start_desktop(Command::new(process::program("agent-desktop", false)), &hotline.gateway, windowless)?;
    let result = if arguments.once { once(&site, &hotline) } else { stay(&site, &hotline, &mut desktop, windowless) };
    desktop.stop(Duration::from_secs(5));
    hotline.server.stop(Duration::from_secs(10));
    result
}

/// One call on a fresh site that is answered by another build of the desktop, such as the one for Windows; checked as with `--once`.
///
/// # Errors
/// A program could not be started, or the call did not succeed.
pub(crate) fn one_call(folder: &Path, desktop: Command) -> Result<()> {
    let site = Site::open(folder, true)?;
    let mut hotline = Hotline::start(&site)?;
    let mut desktop = site.start_desktop(desktop, &hotline.gateway, true)?;
    let result = once(&site, &hotline);
    // Under wine a signal would end the emulator and not the program.
    desktop.say("quit");
    desktop.stop(Duration::from_secs(5));
    hotline.server.stop(Duration::from_secs(10));
    result
}

fn no_display() -> bool {
    std::env::var_os("DISPLAY").is_none_or(|display| display.is_empty())
}

/// The demo site on disk and what is known of it.
struct Site {
    folder: PathBuf,
    facts: Value,
}

impl Site {
    /// Opens the site of an earlier run, or makes one; its passwords are printed once and kept beside it, for this is a demo.
    fn open(folder: &Path, fresh: bool) -> Result<Self> {
        let facts_file = folder.join("demo.json");
        if fresh && facts_file.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        if !facts_file.exists() {
            ensure!(
                !folder.join("hotline.toml").exists(),
                "{} holds a site that is not this demo's: choose another folder with --site",
                folder.display()
            );
            let text = process::output(
                &process::program("call-server", false),
                &[
                    "--site",
                    text_of(folder)?,
                    "--json",
                    "init",
                    "--demo",
                    "--sip-listen",
                    "127.0.0.1:0",
                    "--gateway-listen",
                    "127.0.0.1:0",
                    "--agent-media-listen",
                    "127.0.0.1:0",
                ],
            )?;
            std::fs::write(&facts_file, text).with_context(|| format!("cannot write {}", facts_file.display()))?;
        }
        let text = std::fs::read_to_string(&facts_file)?;
        let facts = serde_json::from_str(&text).with_context(|| format!("{} is damaged: try --fresh", facts_file.display()))?;
        let site = Self { folder: folder.to_path_buf(), facts };
        site.introduce();
        Ok(site)
    }

    fn introduce(&self) {
        eprintln!("\nDemo site in {}:", self.folder.display());
        for person in self.facts["agents"].as_array().into_iter().flatten().chain([&self.facts["supervisor"]]) {
            let field = |name: &str| person[name].as_str().unwrap_or("?");
            eprintln!("  {}  {}  password {}", field("number"), field("name"), field("password"));
        }
    }

    fn password(&self) -> Result<&str> {
        let agents = self.facts["agents"].as_array().context("the demo site names no agents: try --fresh")?;
        let agent = agents.iter().find(|agent| agent["number"] == AGENT).context("the demo site has no agent 1001: try --fresh")?;
        agent["password"].as_str().context("the demo site has no password for agent 1001: try --fresh")
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn server_command(&self, arguments: &[&str]) -> Result<Value> {
        let mut all = vec!["--site", text_of(&self.folder)?, "--json"];
        all.extend(arguments);
        let text = process::output(&process::program("call-server", false), &all)?;
        serde_json::from_str(&text).with_context(|| format!("call-server answered something else than JSON: {text}"))
    }

    fn start_desktop(&self, mut command: Command, gateway: &str, windowless: bool) -> Result<Companion> {
        let ca = self.facts["ca"].as_str().context("the demo site names no certificate: try --fresh")?;
        let prompts = process::root().join("assets/prompts");
        command.args(["--server", gateway, "--ca", ca, "--number", AGENT, "--password-stdin"]);
        if windowless {
            command.args(["--headless", "--auto-ready", "--auto-answer", "--answer-after-ms", "1500"]);
            command.arg("--mic").arg(prompts.join("agent.zh.wav")).arg("--speaker").arg(self.log("agent-heard.wav"));
        }
        let mut desktop = Companion::start("the agent's desktop", &mut command, &self.log("desktop.log"))?;
        desktop.say(self.password()?);
        let (what, event) = if windowless { ("its readiness", "state") } else { ("its window", "window_ready") };
        desktop
            .wait_for(START_LIMIT, what, |line| (line["event"] == event && (!windowless || line["state"] == "ready")).then_some(()))
            .with_context(|| format!("see {}", self.log("desktop.log").display()))?;
        Ok(desktop)
    }

    fn dial(&self, sip: &str, talk_ms: Option<u64>) -> Result<Companion> {
        let mut command = Command::new(process::program("citizen", false));
        command.args(["call", "--server", sip, "--from", CITIZEN, "--to", HOTLINE, "--json"]);
        // Again and again: a person at the screen may take long to answer, and then wants to hear somebody.
        command.arg("--speak").arg(process::root().join("assets/prompts/citizen.zh.wav")).arg("--again");
        command.arg("--record").arg(self.log("citizen-heard.wav"));
        match talk_ms {
            Some(limit) => command.args(["--hang-up-after-ms", &limit.to_string()]),
            None => command.arg("--until-far-end"),
        };
        eprintln!("\nA citizen ({CITIZEN}) dials {HOTLINE} …");
        Companion::start("the citizen", &mut command, &self.log("citizen.log"))
    }

    /// Exports a call's recording beside the site's data and measures it.
    fn export(&self, call: &Value) -> Result<(PathBuf, Voices)> {
        let recording = call["recording"]["recording"].as_u64().context("the call has no recording")?;
        let wav = self.folder.join(format!("call-{recording}.wav"));
        self.server_command(&["recording", "export", &recording.to_string(), text_of(&wav)?, "--force"])?;
        let voices = voices::measure(&wav)?;
        Ok((wav, voices))
    }

    /// The newest call's record.
    fn last_call(&self) -> Result<Value> {
        let calls = self.server_command(&["call", "list", "--limit", "1"])?;
        let id = calls["calls"][0]["interaction"].as_u64().context("the server has no record of the call")?;
        self.server_command(&["call", "show", &id.to_string()])
    }
}

/// The running server.
struct Hotline {
    server: Companion,
    sip: String,
    gateway: String,
}

impl Hotline {
    fn start(site: &Site) -> Result<Self> {
        let log = site.log("server.log");
        let mut command = Command::new(process::program("call-server", false));
        command.arg("--site").arg(&site.folder).args(["--json", "run"]);
        let mut server = Companion::start("the call server", &mut command, &log)?;
        let ready = server
            .wait_for(START_LIMIT, "its readiness", |line| (line["event"] == "ready").then(|| line.clone()))
            .with_context(|| format!("see {}", log.display()))?;
        let address =
            |name: &str| ready[name].as_str().map(str::to_owned).with_context(|| format!("the server did not name its {name} address"));
        let (sip, gateway) = (address("sip")?, address("gateway")?);
        eprintln!("\nThe server runs: SIP {sip}, desktops {gateway}. Log: {}", log.display());
        Ok(Self { server, sip, gateway })
    }
}

/// One call without anybody: answered by the headless client, ended by the citizen, checked, printed as one line.
fn once(site: &Site, hotline: &Hotline) -> Result<()> {
    let mut citizen = site.dial(&hotline.sip, Some(TALK_MS))?;
    citizen.wait_for(CALL_LIMIT, "the end of the call", |line| line.get("outcome").map(|_| ()))?;
    let call = finished_call(site)?;
    let result = verdict(site, &call)?;
    println!("{}", result.line);
    match result.fault {
        None => Ok(()),
        Some(fault) => bail!("{fault}"),
    }
}

struct Verdict {
    line: Value,
    fault: Option<&'static str>,
}

fn verdict(site: &Site, call: &Value) -> Result<Verdict> {
    let result = &call["result"];
    let answered = result["answered_by_agent"] == true;
    let mut line = json!({
        "interaction": call["interaction"],
        "outcome": if answered { "answered" } else { result["reason"].as_str().unwrap_or("unknown") },
        "wait_ms": result["wait_ms"],
        "talk_ms": result["talk_ms"],
    });
    if !answered {
        return Ok(Verdict { line, fault: Some("the call was not answered by the agent") });
    }
    let (wav, voices) = site.export(call)?;
    line["recording"] = json!(wav);
    line["channels"] = json!(voices.channels);
    line["caller_level_db"] = json!(voices.caller_level_db);
    line["agent_level_db"] = json!(voices.agent_level_db);
    let fault = if voices.caller_level_db < VOICE_THRESHOLD_DB {
        Some("the citizen's voice is not in the recording")
    } else if voices.agent_level_db < VOICE_THRESHOLD_DB {
        Some("the agent's voice is not in the recording")
    } else {
        None
    };
    Ok(Verdict { line, fault })
}

/// The record is written when the recording is closed, shortly after the last leg: asked for until it is there.
fn finished_call(site: &Site) -> Result<Value> {
    const TRIES: u32 = 100;
    for _ in 0..TRIES {
        let call = site.last_call()?;
        if call["result"].is_object() && call["recording"]["state"] != "open" {
            return Ok(call);
        }
    }
    bail!("the call has ended, but its record was not written: see {}", site.log("server.log").display())
}

/// Calls as often as the person at the terminal wants.
fn stay(site: &Site, hotline: &Hotline, desktop: &mut Companion, windowless: bool) -> Result<()> {
    let keys = Keys::listen();
    let talk_ms = windowless.then_some(TALK_MS);
    let mut citizen = Some(site.dial(&hotline.sip, talk_ms)?);
    if !windowless {
        eprintln!(
            "The citizen hears music until agent 1001 is ready: press 示闲 or F11 in the window, answer with 接听 or F2, hang up with 挂断 or F4."
        );
    }
    loop {
        if let Some(call) = &mut citizen {
            while let Some(line) = call.try_line() {
                eprintln!("  citizen: {line}");
            }
            if !call.running() {
                citizen = None;
                match finished_call(site) {
                    Ok(call) => print_record(site, &call)?,
                    Err(error) => eprintln!("{error:#}"),
                }
                eprintln!("\nd dials again, q ends everything.");
            }
        }
        match keys.pressed.recv_timeout(Duration::from_millis(200)) {
            Ok('d') if citizen.is_none() => citizen = Some(site.dial(&hotline.sip, talk_ms)?),
            Ok('q') => return Ok(()),
            Ok(_) => {}
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            // No terminal: one call, then the end.
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) if citizen.is_none() => return Ok(()),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                if let Some(call) = &mut citizen {
                    let waited = call.wait_for(CALL_LIMIT, "the end of the call", |line| line.get("outcome").map(|_| ()));
                    // One that has ended has said its outcome before.
                    if call.running() {
                        waited?;
                    }
                }
            }
        }
        ensure!(desktop.running(), "the desktop has ended; see {}", site.log("desktop.log").display());
    }
}

fn print_record(site: &Site, call: &Value) -> Result<()> {
    let interaction = call["interaction"].to_string();
    let text = process::output(&process::program("call-server", false), &["--site", text_of(&site.folder)?, "call", "show", &interaction])?;
    eprintln!("\n{}", text.trim_end());
    if call["recording"].is_object() {
        let (wav, voices) = site.export(call)?;
        eprintln!("exported to {} (citizen left {} dB, agent right {} dB)", wav.display(), voices.caller_level_db, voices.agent_level_db);
        eprintln!("play it with: aplay {}", wav.display());
    }
    Ok(())
}

fn text_of(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not valid UTF-8", path.display()))
}
