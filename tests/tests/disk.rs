//! The disk of the recordings fails while people talk: full, read-only, slow. Calls go on, somebody is told, and nothing that was
//! recorded before is harmed.

use citizen::{CallPlan, Speech};
use e2e::site::prompt;
use e2e::sound::{assert_arrived, read_mono};
use e2e::{Call, Caller, Headless, HeadlessPlan, LATER, Server, Site};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const TALK: Duration = Duration::from_secs(5);

/// A small disk of its own under the recordings of a site; gone when dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None`, with a word about it, where nothing may be mounted.
    fn mount(site: &Site) -> Option<Self> {
        let folder = site.folder().join("recordings");
        std::fs::create_dir_all(&folder).expect("the site's folder can be written");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m,mode=700", "none"]).arg(&folder).output();
        if done.as_ref().is_ok_and(|done| done.status.success()) {
            return Some(Self(folder));
        }
        eprintln!("SKIPPED: this test mounts a small disk, which needs root: {done:?}");
        None
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", how]).arg(&self.0).output();
        assert!(done.as_ref().is_ok_and(|done| done.status.success()), "{how}: {done:?}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

struct Floor {
    server: Server,
    agent: Headless,
    calls: usize,
}

impl Floor {
    fn open(site: &Site, server: Server) -> Self {
        let mut agent = Headless::sign_in(site, &server, &site.agents[0], HeadlessPlan::WILLING);
        agent.state("ready", LATER);
        Self { server, agent, calls: 0 }
    }

    /// One call in which both hear each other, whatever the disk does; its record.
    fn talk(&mut self, site: &Site) -> Call {
        let said = read_mono(&prompt("citizen"));
        let caller = Caller::dial(CallPlan { speech: Speech::Once(said.into()), ..CallPlan::new(self.server.sip, "12345") });
        self.agent.event("talking", LATER);
        self.agent.talks_for(TALK);
        let report = caller.hang_up(LATER);
        self.agent.event("call_ended", LATER);
        assert_arrived("the agent's voice at the citizen", &read_mono(&prompt("agent")), &report.heard);
        self.calls += 1;
        let call = site.settled(self.calls, LATER).remove(0);
        self.agent.state("ready", LATER);
        call
    }
}

fn state(call: &Call) -> &str {
    call.recording.as_ref().map_or("none", |recording| recording.state.as_str())
}

fn figures(site: &Site, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    Server::wait_status(site, what, |status| holds(&status["recording"]))["recording"].clone()
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("it can be listed").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => found.push((path.clone(), std::fs::read(&path).expect("it can be read"))),
            }
        }
    }
    found
}

/// Good before, failed while the disk is broken, good again behind it, and the first one untouched.
fn goes_on_without_a_disk(name: &str, break_it: impl Fn(&Disk), mend_it: impl Fn(&Disk)) {
    let site = Site::demo(name);
    site.configure("queues", "wrap_up_seconds", "0.1");
    let Some(disk) = Disk::mount(&site) else { return };
    let mut floor = Floor::open(&site, Server::start(&site));
    let before = floor.talk(&site);
    assert_eq!(state(&before), "complete", "{before:?}");
    let kept = files(&disk.0);
    assert!(!kept.is_empty());

    break_it(&disk);
    let during = floor.talk(&site);
    assert_eq!(state(&during), "failed", "{during:?}");
    let told = figures(&site, "the refusing disk", |recording| recording["disk_refuses"] == true);
    assert!(told["alarm"] == true && told["lost_ms"].as_u64().is_some_and(|lost| lost >= 4_000), "{told}");
    let log = std::fs::read_to_string(site.folder().join("server.log")).expect("the server has a log");
    assert!(log.contains("the disk refuses recordings"), "{log}");

    mend_it(&disk);
    let after = floor.talk(&site);
    assert_eq!(state(&after), "complete", "{after:?}");
    assert_eq!(
        figures(&site, "the mended disk", |recording| recording["disk_refuses"] == false)["alarms"].as_u64().map(|n| n >= 1),
        Some(true)
    );
    for (path, bytes) in kept {
        assert!(std::fs::read(&path).is_ok_and(|now| now == bytes), "{} was harmed", path.display());
    }
    let verified = site.cli_any(&["recording", "verify", "--all"]);
    let failed = during.recording.as_ref().map(|recording| recording.recording);
    let faults = verified["faults"].as_array().expect("a list of faults");
    assert!(faults.iter().all(|fault| fault["recording"].as_u64() == failed), "{verified}");
}

#[test]
fn on_a_full_disk_calls_go_on_without_their_recordings_and_the_alarm_is_raised() {
    goes_on_without_a_disk(
        "disk_full",
        |disk| assert!(std::fs::write(disk.0.join("filler"), vec![0; 2 << 20]).is_err(), "the disk should be full"),
        |disk| std::fs::remove_file(disk.0.join("filler")).expect("it is there"),
    );
}

#[test]
fn in_a_read_only_folder_calls_go_on_without_their_recordings_and_the_alarm_is_raised() {
    goes_on_without_a_disk("disk_read_only", |disk| disk.remount("remount,ro"), |disk| disk.remount("remount,rw"));
}

#[test]
fn on_a_disk_that_takes_two_seconds_for_each_sync_calls_and_recordings_go_on_and_somebody_is_told() {
    let site = Site::demo("disk_slow");
    site.configure("queues", "wrap_up_seconds", "0.1");
    // The tracer, a grandchild, holds up whatever brings a recording to the disk itself; the database is on another one.
    let slow = "fsync,fdatasync,syncfs";
    let (trace, inject) = (format!("trace={slow}"), format!("inject={slow}:delay_enter=2000000"));
    let path = |name: &str| site.folder().join(name).display().to_string();
    let slow_paths = ["recordings", "recordings/0", "recordings/0/1.rec", "recordings/0/2.rec"].map(|name| ["-P".to_owned(), path(name)]);
    let log = path("strace.log");
    let mut tracer = vec!["strace", "-D", "-f", "--seccomp-bpf", "-o", &log, "-e", &trace, "-e", &inject];
    tracer.extend(slow_paths.iter().flatten().map(String::as_str));
    let mut floor = Floor::open(&site, Server::start_under(&site, &tracer));
    for _ in 0..2 {
        let call = floor.talk(&site);
        assert_eq!(state(&call), "complete", "{call:?}");
        let [left, right] = site.export(&call);
        assert_arrived("the recorded citizen", &read_mono(&prompt("citizen")), &left);
        assert_arrived("the recorded agent", &read_mono(&prompt("agent")), &right);
    }
    let told = figures(&site, "the slow disk", |recording| recording["disk_slow"] == true);
    assert!(told["alarm"] == true && told["lost_ms"] == 0 && told["sync_ms"].as_u64().is_some_and(|ms| ms >= 1_900), "{told}");
    let log = std::fs::read_to_string(site.folder().join("server.log")).expect("the server has a log");
    assert!(log.contains("the disk of the recordings is slow"), "{log}");
}
