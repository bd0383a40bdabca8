//! Load on one host: how much CPU a relayed, encrypted and recorded call costs, beside a bare relay in the same run.
//!
//! `load relay --calls 100,500` starts a real call server on a site of its own, brings N citizens over SIP and N agents over WebSocket and
//! SRTP, then one thread sends and reads both sides of all calls. The yardstick is a child of this program that only receives and sends.
//! Build and run it with `--release`; the figures of a debug build mean nothing.

mod agents;
mod attack;
mod bare;
mod callers;
mod calls;
mod crash;
mod desktop;
mod ear;
mod engine;
mod generator;
mod leg;
mod media;
mod middle;
mod soak;
mod speech;
mod watch;

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use e2e::{Server, Site};
use generator::Figures;
use serde::Serialize;
use std::time::Duration;

/// Load and its yardstick.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Calls through the real server, then the same packets through a bare relay.
    Relay(RelayArguments),
    /// The media engine by itself: relayed, transcoded, mixed and listened-to talks, and the largest number of each.
    Media(media::MediaArguments),
    /// Queue calls per second, from the citizen's INVITE over an agent's phone to both BYEs.
    Calls(calls::CallsArguments),
    /// The bare relay alone: what this host's network stack costs.
    Bare(RelayArguments),
    /// Hostile and broken SIP peers while calls run: late answers, late voice, memory.
    Attack(attack::AttackArguments),
    /// Kills the server while all calls talk, starts it again and tells what is left of their recordings.
    Crash {
        /// Calls at once.
        #[arg(long, default_value_t = 200)]
        calls: usize,
        /// How long they talk before.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// The agent's desktop in its window: first frame, memory, CPU idle and in a call beside a busy floor, size.
    Desktop {
        /// Agents on the list.
        #[arg(long, default_value_t = 200)]
        agents: usize,
        /// Length of each measurement.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Thousands of calls through one desktop, one right after the other: memory and handles.
    Soak {
        /// How many.
        #[arg(long, default_value_t = 3_000)]
        calls: usize,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// The yardstick itself; started by the others.
    #[command(hide = true)]
    BareRelay {
        /// How many sockets, joined in pairs.
        #[arg(long)]
        legs: usize,
    },
}

#[derive(Args)]
struct RelayArguments {
    /// Calls at once; one run for each figure.
    #[arg(long, value_delimiter = ',', default_value = "100,500")]
    calls: Vec<usize>,
    /// Length of the measured window, after two seconds of warming up.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// One run.
#[derive(Debug, Serialize)]
struct Run {
    calls: usize,
    seconds: u64,
    cpu_ms_per_call_second: f64,
    bare_cpu_ms_per_call_second: f64,
    ratio_to_bare_relay: f64,
    late_percent: f64,
    lost: u64,
    sent: u64,
    delay_p50_ms: f64,
    delay_p99_ms: f64,
    bare_delay_p50_ms: f64,
    bare_delay_p99_ms: f64,
    bare_late_percent: f64,
    bare_lost: u64,
}

impl Run {
    fn new(calls: usize, seconds: u64, server: &Figures, yardstick: &Figures) -> Self {
        let per_call_second = |figures: &Figures| figures.cpu_ms / (calls as f64 * seconds as f64);
        Self {
            calls,
            seconds,
            cpu_ms_per_call_second: per_call_second(server),
            bare_cpu_ms_per_call_second: per_call_second(yardstick),
            ratio_to_bare_relay: server.cpu_ms / yardstick.cpu_ms,
            late_percent: server.late_percent,
            lost: server.lost,
            sent: server.sent,
            delay_p50_ms: server.delay_p50_ms,
            delay_p99_ms: server.delay_p99_ms,
            bare_delay_p50_ms: yardstick.delay_p50_ms,
            bare_delay_p99_ms: yardstick.delay_p99_ms,
            bare_late_percent: yardstick.late_percent,
            bare_lost: yardstick.lost,
        }
    }
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Relay(arguments) => relay(&arguments),
        Command::Media(arguments) => media::run(&arguments),
        Command::Calls(arguments) => calls::run(&arguments),
        Command::Bare(arguments) => bare_alone(&arguments),
        Command::Attack(arguments) => attack::run(&arguments),
        Command::Crash { calls, seconds, json } => crash::run(calls, seconds, json),
        Command::Desktop { agents, seconds, json } => desktop::run(agents, seconds, json),
        Command::Soak { calls, json } => soak::run(calls, json),
        Command::BareRelay { legs } => bare::serve(legs),
    }
}

/// Measures each number of calls and prints as it goes.
fn series(arguments: &RelayArguments, mut measure: impl FnMut(usize, Duration) -> Result<(Figures, Figures)>) -> Result<()> {
    ensure!(!arguments.calls.is_empty() && arguments.calls.iter().all(|calls| (1..=2_000).contains(calls)), "--calls takes 1 to 2000");
    let mut runs = Vec::new();
    for &calls in &arguments.calls {
        let (server, yardstick) = measure(calls, Duration::from_secs(arguments.seconds)).with_context(|| format!("{calls} calls"))?;
        let run = Run::new(calls, arguments.seconds, &server, &yardstick);
        if !arguments.json {
            print(&run, runs.is_empty());
        }
        runs.push(run);
    }
    if arguments.json {
        println!("{}", serde_json::json!({ "runs": runs }));
    }
    Ok(())
}

fn relay(arguments: &RelayArguments) -> Result<()> {
    let site = site(arguments.calls.iter().copied().max().unwrap_or(0))?;
    series(arguments, |calls, window| Ok((through_server(&site, calls, window)?, bare::measure(calls, window)?)))
}

fn bare_alone(arguments: &RelayArguments) -> Result<()> {
    series(arguments, |calls, window| Ok((bare::measure(calls, window)?, bare::measure(calls, window)?)))
}

/// A site with an agent for each call.
fn site(agents: usize) -> Result<Site> {
    let ports = u16::try_from(2 * agents + 200).context("too many calls for the port range")?;
    let mut site = Site::demo_with_media_ports("load", ports);
    for (key, value) in [("wrap_up_seconds", "0"), ("ring_seconds", "60"), ("max_waiting", "5000")] {
        site.configure("queues", key, value);
    }
    site.configure("limits", "max_interactions", "5000");
    for place in site.agents.len()..agents {
        let agent = site.add_agent(&(10_000 + place).to_string());
        site.agents.push(agent);
    }
    Ok(site)
}

fn through_server(site: &Site, calls: usize, window: Duration) -> Result<Figures> {
    let server = Server::start(site);
    let Crowd { mut legs, citizens, runtime: _runtime, agents: _agents } = Crowd::bring(site, &server, calls)?;
    let pid = server.id();
    let figures = generator::urgently(|| generator::run(&mut legs, window, pid))?;
    citizens.hang_up();
    Ok(figures)
}

/// Citizens and agents who talk with each other.
struct Crowd {
    legs: Vec<leg::Leg>,
    citizens: callers::Line,
    /// The agents' connections live in it.
    runtime: tokio::runtime::Runtime,
    agents: agents::Agents,
}

impl Crowd {
    /// Signs agents in, brings calls and waits until all talk.
    fn bring(site: &Site, server: &Server, calls: usize) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut agents = runtime.block_on(agents::sign_in(site, server.gateway, &site.agents[..calls]))?;
        let mut citizens = callers::Line::open(server.sip)?;
        let mut legs = Vec::with_capacity(2 * calls);
        for number in 0..calls {
            legs.push(citizens.dial(number)?);
        }
        legs.extend(runtime.block_on(agents.talking(calls))?);
        Ok(Self { legs, citizens, runtime, agents })
    }
}

fn print(run: &Run, first: bool) {
    if first {
        println!("calls            CPU ms per call-second   ratio   delay p50 / p99 ms    late %     lost of sent");
    }
    let line = |what: &str, cpu: f64, ratio: String, delays: (f64, f64), late: f64, lost: u64| {
        let (calls, sent) = (run.calls, run.sent);
        println!("{calls:5}  {what:8}  {cpu:22.3}  {ratio:>6}  {:8.2} / {:8.2}  {late:8.3}  {lost:7} of {sent}", delays.0, delays.1);
    };
    let ratio = format!("{:.2}", run.ratio_to_bare_relay);
    line("server", run.cpu_ms_per_call_second, ratio, (run.delay_p50_ms, run.delay_p99_ms), run.late_percent, run.lost);
    let bare = (run.bare_delay_p50_ms, run.bare_delay_p99_ms);
    line("bare", run.bare_cpu_ms_per_call_second, "1".to_owned(), bare, run.bare_late_percent, run.bare_lost);
}
