//! The server is killed under load: what is left of every recording. Each packet carries the moment at which it was sent, so the last
//! one in a recording tells how much of the talk the crash cost.

use crate::leg::{Leg, MARK};
use crate::{Crowd, site};
use anyhow::{Context, Result, ensure};
use e2e::{Server, Site};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One packet in each direction of each call this often.
const BEAT: Duration = Duration::from_millis(20);

/// What was left.
#[derive(Debug, Default, Serialize)]
struct Left {
    /// Calls that talked when the server was killed.
    calls: usize,
    /// Recordings of them that are attached to their records after the restart.
    attached: usize,
    /// Of these, recordings that open and play.
    opened: usize,
    /// What `recording verify --all` finds wrong.
    faults: usize,
    /// From the last recorded packet to the kill: least, median and most over both sides of all recordings.
    lost_ms: [u64; 3],
    /// From the start of the second server to its word that it is ready.
    restart_ms: u64,
}

/// Brings `calls` calls, lets them talk for `seconds`, kills the server, starts it again and looks at what is left.
pub(crate) fn run(calls: usize, seconds: u64, json: bool) -> Result<()> {
    let site = site(calls)?;
    let server = Server::start(&site);
    let Crowd { legs, citizens, runtime, agents } = Crowd::bring(&site, &server, calls)?;
    let over = Arc::new(AtomicBool::new(false));
    let voices = speak(legs, Arc::clone(&over));
    std::thread::sleep(Duration::from_secs(seconds));
    let killed_us = now_us();
    server.kill();
    over.store(true, Ordering::Release);
    voices.join().ok().context("the voices ended by a fault")?;
    // Nobody is left to say goodbye to.
    drop((citizens, agents, runtime));
    let left = look(&site, calls, killed_us)?;
    if json {
        println!("{}", serde_json::to_string(&left)?);
    } else {
        let Left { calls, attached, opened, faults, lost_ms: [least, median, most], restart_ms } = &left;
        println!("{calls} calls were talking when the server was killed; it was ready again after {restart_ms} ms");
        println!("{attached} recordings are attached, {opened} of them play, {faults} faults found by verify");
        println!("they end {least} to {most} ms before the kill (median {median} ms)");
    }
    ensure!(left.attached == calls && left.opened == calls && left.faults == 0, "something is missing");
    Ok(())
}

/// Sends and reads on all legs until `over`.
fn speak(mut legs: Vec<Leg>, over: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let began = Instant::now();
        let (mut next, mut frame) = (began, 0);
        while !over.load(Ordering::Acquire) {
            for (place, leg) in legs.iter_mut().enumerate() {
                if began.elapsed() >= head_start(place) {
                    leg.send(now_us(), frame);
                }
                while leg.hear(now_us, &(0..0)) {}
            }
            frame += 1;
            next = (next + BEAT).max(Instant::now());
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    })
}

/// Nobody begins to speak at the same moment: the recorder works in blocks, and the kill shall find each of them at another place.
fn head_start(place: usize) -> Duration {
    Duration::from_millis(place as u64 * 37 % 800)
}

fn look(site: &Site, calls: usize, killed_us: u64) -> Result<Left> {
    let began = Instant::now();
    let _server = Server::start(site);
    let mut left = Left { calls, restart_ms: began.elapsed().as_millis() as u64, ..Left::default() };
    let mut lost = Vec::new();
    for call in site.calls() {
        if call.recording.as_ref().is_none_or(|recording| recording.state != "cut") || call.end() != ("server_crashed", "server") {
            continue;
        }
        left.attached += 1;
        let last: Option<Vec<u64>> = site.export(&call).iter().map(|channel| last_moment(channel)).collect();
        if let Some(last) = last {
            left.opened += 1;
            lost.extend(last.into_iter().map(|moment| killed_us.saturating_sub(moment) / 1_000));
        }
    }
    let verified = site.cli_any(&["recording", "verify", "--all"]);
    left.faults = verified["faults"].as_array().context("verify shows no list of faults")?.len();
    lost.sort_unstable();
    if let (Some(least), Some(most)) = (lost.first(), lost.last()) {
        left.lost_ms = [*least, lost[lost.len() / 2], *most];
    }
    Ok(left)
}

/// The moment that the last whole packet in a channel carries. A-law survives the export unchanged.
fn last_moment(samples: &[i16]) -> Option<u64> {
    let bytes: Vec<u8> = samples.iter().map(|sample| voice::g711::linear_to_alaw(*sample)).collect();
    let (_, moment) = bytes.array_windows::<16>().rev().find_map(|window| window.split_first_chunk().filter(|(mark, _)| **mark == MARK))?;
    moment.first_chunk().map(|moment| u64::from_be_bytes(*moment))
}

fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}
