//! Benchmarks: built for release, printed as ratios within one run.

use crate::{process, sip_bench, voice_bench};
use anyhow::Result;
use clap::{Args, Subcommand};

/// Which benchmark.
#[derive(Args)]
pub(crate) struct BenchArguments {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    /// The agent's desktop in its window: CPU until the first frame, memory, CPU while idle and in a call with a busy floor, binary's size.
    Desktop {
        /// Agents on the list.
        #[arg(long, default_value_t = 200)]
        agents: u32,
        /// Length of each measurement.
        #[arg(long, default_value_t = 20)]
        seconds: u32,
        /// Measure the build at hand (dev profile) instead of a release: to see that it works, never for figures.
        #[arg(long)]
        dev: bool,
        /// One JSON object on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Server CPU per recorded call-second beside a bare relay in the same run.
    Relay {
        /// Numbers of calls at once.
        #[arg(long, default_value = "100,500")]
        calls: String,
        /// Length of each measurement.
        #[arg(long, default_value_t = 15)]
        seconds: u32,
        /// One JSON object on standard output.
        #[arg(long)]
        json: bool,
    },
    /// The media engine by itself: relayed, transcoded, mixed and listened-to calls beside a bare relay, and the largest number of each.
    Media {
        /// Numbers of calls at once.
        #[arg(long, default_value = "100,500,1000")]
        calls: String,
        /// Kinds of calls.
        #[arg(long, default_value = "pcma_recorded,pcma_opus,conference3,listen")]
        kinds: String,
        /// Length of each measurement.
        #[arg(long, default_value_t = 10)]
        seconds: u32,
        /// Do not look for the largest number of calls.
        #[arg(long)]
        no_largest: bool,
        /// One JSON object on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Hostile and broken SIP peers while calls run: late answers, late voice, memory.
    Attack {
        /// Calls that run meanwhile.
        #[arg(long, default_value_t = 50)]
        calls: u32,
        /// Length of each measurement.
        #[arg(long, default_value_t = 10)]
        seconds: u32,
        /// One JSON object on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Queue calls with agents on phones, the server on one core: CPU of a call, INVITE to offer, repeated messages at rising rates.
    Calls {
        /// New calls per second; one run for each figure.
        #[arg(long, default_value = "25,50,100,200")]
        rates: String,
        /// How long calls come at each rate.
        #[arg(long, default_value_t = 10)]
        seconds: u32,
        /// Length of each talk, in ms.
        #[arg(long, default_value_t = 1_000)]
        talk_ms: u32,
        /// Measure the build at hand (dev profile) instead of a release: to see that it works, never for figures.
        #[arg(long)]
        dev: bool,
        /// One JSON object on standard output.
        #[arg(long)]
        json: bool,
    },
    /// How a talk sounds over bad links: PESQ through the real server and desktop beside baresip, and the mouth-to-ear delay.
    Voice {
        /// Codecs on the desktop's line.
        #[arg(long, default_value = "pcma,opus")]
        codecs: String,
        /// Pieces of speech that are scored in each direction of each row.
        #[arg(long, default_value_t = 6)]
        pieces: u32,
        /// Equal seeds lose equal packets.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// One JSON object on standard output.
        #[arg(long)]
        json: bool,
    },
    /// The SIP layer: CPU of answered calls beside `sipp -sn uas` in the same run, cost of reading an INVITE, memory of a call.
    Sip {
        /// Calls in each round; of more than 16,000 within 32 s the endpoint refuses some, for it holds 32,000 transactions.
        #[arg(long, default_value_t = 12_000)]
        calls: u32,
        /// Rounds of each side, by turns; the medians count.
        #[arg(long, default_value_t = 5)]
        rounds: u32,
        /// One JSON object on standard output.
        #[arg(long)]
        json: bool,
    },
}

/// Runs one benchmark.
///
/// # Errors
/// It could not be built or did not succeed.
pub(crate) fn run(arguments: &BenchArguments) -> Result<()> {
    match &arguments.which {
        Which::Desktop { agents, seconds, dev, json } => desktop(*agents, *seconds, (*dev, *json)),
        Which::Relay { calls, seconds, json } => load("relay", calls, *seconds, *json),
        Which::Media { calls, kinds, seconds, no_largest, json } => media((calls, kinds), *seconds, !no_largest, *json),
        Which::Attack { calls, seconds, json } => load("attack", &calls.to_string(), *seconds, *json),
        Which::Calls { rates, seconds, talk_ms, dev, json } => calls((rates, *dev), *seconds, *talk_ms, *json),
        Which::Voice { codecs, pieces, seed, json } => voice_bench::run(codecs, *pieces, *seed, *json),
        Which::Sip { calls, rounds, json } => sip_bench::run(*calls, *rounds, *json),
    }
}

fn desktop(agents: u32, seconds: u32, (dev, json): (bool, bool)) -> Result<()> {
    crate::packages::require(&[crate::packages::WINDOW, crate::packages::TEST], true)?;
    build_for_desks(dev)?;
    let (agents, seconds) = (agents.to_string(), seconds.to_string());
    let mut all = vec!["desktop", "--agents", &agents, "--seconds", &seconds];
    all.extend(json.then_some("--json"));
    print!("{}", process::output(&process::program("load", !dev), &all)?);
    Ok(())
}

/// How to soak.
#[derive(Args)]
pub(crate) struct SoakArguments {
    /// Calls, one after the other.
    #[arg(long, default_value_t = 3_000)]
    calls: u32,
    /// Use a release build.
    #[arg(long)]
    release: bool,
    /// One JSON object on standard output.
    #[arg(long)]
    json: bool,
}

/// Many calls through one desktop.
///
/// # Errors
/// It could not be built, a call failed, or memory or handles grow.
pub(crate) fn soak(arguments: &SoakArguments) -> Result<()> {
    build_for_desks(!arguments.release)?;
    let calls = arguments.calls.to_string();
    let mut all = vec!["soak", "--calls", &calls];
    all.extend(arguments.json.then_some("--json"));
    print!("{}", process::output(&process::program("load", arguments.release), &all)?);
    Ok(())
}

fn build_for_desks(dev: bool) -> Result<()> {
    let build = ["build", "--package", "call-server", "--package", "agent-desktop", "--package", "e2e", "--bins", "--release"];
    process::cargo(if dev { &build[..8] } else { &build })
}

fn media((calls, kinds): (&str, &str), seconds: u32, largest: bool, json: bool) -> Result<()> {
    process::cargo(&["build", "--release", "--package", "call-server", "--example", "media_engine"])?;
    process::cargo(&["build", "--release", "--package", "e2e", "--bin", "load"])?;
    let seconds = seconds.to_string();
    let mut all = vec!["media", "--calls", calls, "--kinds", kinds, "--seconds", &seconds];
    all.extend(largest.then_some("--largest"));
    all.extend(json.then_some("--json"));
    print!("{}", process::output(&process::program("load", true), &all)?);
    Ok(())
}

fn calls((rates, dev): (&str, bool), seconds: u32, talk_ms: u32, json: bool) -> Result<()> {
    let build = ["build", "--package", "call-server", "--package", "e2e", "--bins", "--release"];
    process::cargo(if dev { &build[..6] } else { &build })?;
    let (seconds, talk_ms) = (seconds.to_string(), talk_ms.to_string());
    let mut all = vec!["calls", "--rates", rates, "--seconds", &seconds, "--talk-ms", &talk_ms];
    all.extend(json.then_some("--json"));
    print!("{}", process::output(&process::program("load", !dev), &all)?);
    Ok(())
}

fn load(what: &str, calls: &str, seconds: u32, json: bool) -> Result<()> {
    process::cargo(&["build", "--release", "--package", "call-server", "--package", "e2e", "--bins"])?;
    let seconds = seconds.to_string();
    let mut all = vec![what, "--calls", calls, "--seconds", &seconds];
    if json {
        all.push("--json");
    }
    print!("{}", process::output(&process::program("load", true), &all)?);
    Ok(())
}
