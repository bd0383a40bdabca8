//! The agent's desktop in its real window on a virtual display: CPU until the first frame, memory, CPU while it waits and in a call with
//! a long list of agents who change every second, size of the program.

use crate::{agents, watch};
use anyhow::{Context, Result, ensure};
use citizen::{CallPlan, Speech};
use e2e::desk::{Display, SoundServer, Window};
use e2e::process::{Running, fresh_folder, program};
use e2e::site::prompt;
use e2e::sound::read_mono;
use e2e::{Caller, LATER, Server};
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

/// Starts whose median counts.
const STARTS: usize = 5;
/// Until everything has settled after a change.
const SETTLING: Duration = Duration::from_secs(5);

/// Measures all of it.
pub(crate) fn run(others: usize, seconds: u64, json: bool) -> Result<()> {
    ensure!((1..=1_000).contains(&others) && seconds > 0, "--agents takes 1 to 1000, --seconds at least 1");
    let first_frame_cpu_ms = first_frame()?;
    let (idle, call, rss_mb) = at_work(others, Duration::from_secs(seconds))?;
    let binary_mb = stripped_mb()?;
    if json {
        let told = json!({"first_frame_cpu_ms": first_frame_cpu_ms, "rss_mb": rss_mb, "idle_percent": idle.window,
            "in_call_percent": call.window, "binary_mb": binary_mb, "in_call_sound_percent": call.sound, "idle_sound_percent": idle.sound});
        println!("{told}");
        return Ok(());
    }
    println!("CPU until the first frame  {first_frame_cpu_ms:6.1} ms   (goal 100)");
    println!("memory in a call           {rss_mb:6.1} MB   (goal 60)");
    println!("CPU while waiting          {:6.2} %    (goal about 0; threads of the sound besides: {:.2} %)", idle.window, idle.sound);
    println!("CPU in a call              {:6.2} %    (goal 3; threads of voice and sound besides: {:.2} %)", call.window, call.sound);
    println!("program, stripped          {binary_mb:6.1} MB   (goal 25)");
    Ok(())
}

/// CPU in percent of a core.
struct Share {
    /// Window and session.
    window: f64,
    /// Codec, jitter buffer, sound card.
    sound: f64,
}

/// The sign-in screen, several times.
fn first_frame() -> Result<f64> {
    let folder = fresh_folder("bench-start");
    let display = Display::start(&folder);
    let mut all = Vec::new();
    for _ in 0..STARTS {
        let mut command = Command::new(program("agent-desktop"));
        command.args(["--server", "127.0.0.1:1", "--number", "1001"]).env("DISPLAY", display.name()).env("XDG_CONFIG_HOME", &folder);
        command.arg("--data-dir").arg(folder.join("data"));
        let mut running = Running::start("agent-desktop", &mut command, &folder.join("desktop.log"));
        running.event("window_ready", LATER);
        let spent = watch::spent(&watch::Threads::new(), &watch::threads(running.id())?, |_| true);
        all.push(spent as f64 / 1_000_000.0);
    }
    all.sort_by(f64::total_cmp);
    Ok(all[STARTS / 2])
}

/// Signed in beside `others`: waiting, then in a call while their states change each second.
fn at_work(others: usize, length: Duration) -> Result<(Share, Share, f64)> {
    let site = crate::site(others + 1)?;
    let server = Server::start(&site);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let crowd = runtime.block_on(agents::sign_in_restless(&site, server.gateway, &site.agents[1..=others]))?;
    let sound = SoundServer::start(&fresh_folder("bench-sound"));
    let me = &site.agents[0];
    let window = Window::open("bench-desk", &site, &server, me, &sound);
    let state_is = |wanted: &str| {
        let status = site.cli(&["status"]);
        let mut all = status["agents"].as_array().into_iter().flatten();
        all.any(|agent| agent["number"] == *me.number && (agent["state"]["state"] == wanted || agent["state"] == wanted))
    };
    window.go_ready(|| state_is("ready"));
    let idle = share(window.id(), length)?;
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    let caller = Caller::dial(CallPlan { speech, from: Some("13912345678".to_owned()), ..CallPlan::new(server.sip, "12345") });
    until("the ringing", || state_is("offered"))?;
    window.press("F2");
    until("the talk", || state_is("talking"))?;
    // The list of all agents, the busiest of the pages.
    window.press("ctrl+3");
    crowd.stir();
    let call = share(window.id(), length)?;
    let rss = watch::mib(window.id(), "VmRSS")?;
    window.picture("in-call");
    window.press("F4");
    let _ = caller.report(LATER);
    Ok((idle, call, rss * 1.048_576))
}

fn share(pid: u32, length: Duration) -> Result<Share> {
    std::thread::sleep(SETTLING);
    let (before, all_before, begun) = (watch::threads(pid)?, watch::cpu(pid)?, Instant::now());
    std::thread::sleep(length);
    let (after, all, passed) = (watch::threads(pid)?, watch::cpu(pid)? - all_before, begun.elapsed().as_nanos() as f64);
    let window = watch::spent(&before, &after, |name| !is_sound(name));
    // A look at a sound device has a thread of its own, which is over before the next: only the whole process knows of it.
    let sound = all.saturating_sub(window);
    let percent = |ns: u64| ns as f64 * 100.0 / passed;
    Ok(Share { window: percent(window), sound: percent(sound) })
}

/// Our threads of voice and sound card, and those of the sound card's library.
fn is_sound(name: &str) -> bool {
    ["voice", "sound", "devices", "cpal", "alsa", "threaded-ml", "pulse"].iter().any(|part| name.starts_with(part))
}

fn until(what: &str, holds: impl Fn() -> bool) -> Result<()> {
    let end = Instant::now() + LATER;
    while !holds() {
        ensure!(Instant::now() < end, "{what} did not come");
    }
    Ok(())
}

/// As it is packaged: without the lines of a backtrace.
fn stripped_mb() -> Result<f64> {
    let stripped = fresh_folder("bench-size").join("agent-desktop");
    let status = Command::new("strip").arg("-o").arg(&stripped).arg(program("agent-desktop")).status().context("strip")?;
    ensure!(status.success(), "strip failed");
    Ok(std::fs::metadata(stripped)?.len() as f64 / 1_000_000.0)
}
