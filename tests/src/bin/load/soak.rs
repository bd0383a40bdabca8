//! A day at one desk without its pauses: thousands of calls, one right after the other, each with a draft and a summary, through the real
//! server and the headless desktop, while memory and handles of both are watched.
//!
//! The programs live by the machine's clock, so what is left out is the waiting between calls and the length of the talks; timers that
//! need hours (an idle lock, a key that grows old) are not met.

use crate::watch;
use anyhow::{Context, Result, ensure};
use citizen::CallPlan;
use e2e::{Caller, Headless, HeadlessPlan, LATER, Server, Site};
use serde::Serialize;
use serde_json::json;
use std::time::{Duration, Instant};

/// How often is looked during the whole run.
const LOOKS: usize = 30;
/// Looks that belong to warming up: caches and queues find their size.
const WARM_UP: usize = 12;
/// The server keeps the messages of so many calls, the newest; before that many were made it must grow.
const TRACED_CALLS: usize = 1_000;
/// Growth of the desktop's own memory that is none: an allocator keeps what was once used.
const GROWTH_LIMIT_MIB: f64 = 1.0;
/// The same of the server, with the pages that its database keeps.
const SERVER_GROWTH_LIMIT_MIB: f64 = 2.0;
/// Growth of the server's handles that is none: recordings that wait for the disk come and go, some at each look.
const SERVER_HANDLES_LIMIT: f64 = 5.0;

/// A summary that was refused is submitted again so often, each time after so long.
const MOST_TRIES: usize = 100;
const ONE_TRY: Duration = Duration::from_millis(200);

/// One look.
#[derive(Debug, Clone, Serialize)]
struct Look {
    calls: usize,
    desktop_mib: f64,
    desktop_handles: usize,
    server_mib: f64,
    server_handles: usize,
}

/// Makes `calls` calls.
pub(crate) fn run(calls: usize, json: bool) -> Result<()> {
    ensure!(calls >= LOOKS, "--calls takes at least {LOOKS}");
    let site = Site::demo("soak");
    let server = Server::start(&site);
    let mut desk = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    let ready = |desk: &mut Headless| desk.event_where("state", LATER, |event| event["state"] == "ready");
    ready(&mut desk);
    let (begun, every) = (Instant::now(), calls / LOOKS);
    let mut looks = Vec::new();
    for number in 1..=calls {
        one_call(&mut desk, &server);
        ready(&mut desk);
        if number.is_multiple_of(every) {
            let look = look(number, desk.id(), server.id())?;
            if !json {
                println!("{}", line(&look));
            }
            looks.push(look);
        }
    }
    let seconds = begun.elapsed().as_secs();
    let answered = site.cli(&["summary", "list", "--limit", "1"]);
    ensure!(answered["summaries"].as_array().is_some_and(|list| !list.is_empty()), "no summary is on record: {answered}");
    verdict(&looks, calls, seconds, json)
}

fn one_call(desk: &mut Headless, server: &Server) {
    let caller = Caller::dial(CallPlan::new(server.sip, "12345"));
    let talk = desk.event("talking", LATER);
    let summary = json!({"interaction": talk["interaction"], "disposition": "water.pressure", "place": "燕山南路", "content": "水压不足，五楼以上无水"});
    desk.tell(&format!("draft {summary}"));
    // The books follow the desk by moments; nobody but this program is quicker.
    let saved = (0..MOST_TRIES).any(|_| {
        desk.tell(&format!("summary {summary}"));
        desk.event_within("saved", ONE_TRY).is_some()
    });
    assert!(saved, "a summary is never taken: {}", desk.story());
    desk.tell("hang_up");
    let _ = caller.report(LATER);
    desk.event("call_ended", LATER);
}

fn look(calls: usize, desktop: u32, server: u32) -> Result<Look> {
    Ok(Look {
        calls,
        desktop_mib: watch::mib(desktop, "RssAnon")?,
        desktop_handles: watch::handles(desktop)?,
        server_mib: watch::mib(server, "RssAnon")?,
        server_handles: watch::handles(server)?,
    })
}

fn line(look: &Look) -> String {
    let Look { calls, desktop_mib, desktop_handles, server_mib, server_handles } = look;
    format!(
        "{calls:6} calls  desktop {desktop_mib:6.2} MiB {desktop_handles:3} handles  server {server_mib:7.2} MiB {server_handles:3} handles"
    )
}

/// The middle of the looks after warming up against the last ones.
fn verdict(looks: &[Look], calls: usize, seconds: u64, json: bool) -> Result<()> {
    let settled = looks.get(WARM_UP..).context("too few looks")?;
    let third = settled.len() / 3;
    let (early, late) = (&settled[..third], &settled[settled.len() - third..]);
    let growth = |of: fn(&Look) -> f64| median(late.iter().map(of).collect()) - median(early.iter().map(of).collect());
    let (desktop, server) = (growth(|look| look.desktop_mib), growth(|look| look.server_mib));
    let handles = (growth(|look| look.desktop_handles as f64), growth(|look| look.server_handles as f64));
    let told = json!({"calls": calls, "seconds": seconds, "desktop_growth_mib": desktop, "desktop_handles_growth": handles.0,
        "server_growth_mib": server, "server_handles_growth": handles.1, "looks": looks});
    if json {
        println!("{told}");
    } else {
        println!(
            "{calls} calls in {seconds} s: the desktop grew by {desktop:.2} MiB and {} handles, the server by {server:.2} MiB and {} handles",
            handles.0, handles.1
        );
    }
    ensure!(desktop <= GROWTH_LIMIT_MIB && handles.0 <= 0.0 && handles.1 <= SERVER_HANDLES_LIMIT, "memory or handles grow");
    let full = settled.first().is_some_and(|look| look.calls > TRACED_CALLS);
    ensure!(!full || server <= SERVER_GROWTH_LIMIT_MIB, "the server's memory grows");
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
