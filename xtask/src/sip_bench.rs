//! `bench sip`: the SIP layer under a bare socket loop (example `answer_everybody` of sip-core) beside `sipp -sn uas`, called by the same
//! `sipp -sn uac` by turns. Not here: the cost of the rest of the server, which `bench relay` has.

use crate::process;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Calls at once: a closed loop, so that a slow machine makes a longer run and no retransmissions.
const AT_ONCE: &str = "40";
/// Longest round, in s.
const LIMIT_S: &str = "300";

/// Runs it and prints the figures.
pub(crate) fn run(calls: u32, rounds: u32, json: bool) -> Result<()> {
    crate::packages::require(&[&["sip-tester"]], true)?;
    let mut build = vec!["build", "--release", "--package", "sip-core"];
    build.extend(["answer_everybody", "parse_cost", "state_cost"].iter().flat_map(|name| ["--example", name]));
    process::cargo(&build)?;
    let mut figures = json_of("parse_cost")?;
    figures.extend(json_of("state_cost")?);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        ours.push(round(calls, |port| Command::new(example("answer_everybody")).arg(port.to_string()).stdout(Stdio::null()).spawn())?);
        theirs.push(round(calls, |port| sipp(&["-sn", "uas"], port).spawn())?);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    figures.insert("cpu_s_per_1000_calls".to_owned(), rounded(ours));
    figures.insert("sipp_cpu_s_per_1000_calls".to_owned(), rounded(theirs));
    figures.insert("ratio_to_sipp".to_owned(), rounded(ours / theirs));
    if json {
        println!("{}", Value::Object(figures));
    } else {
        figures.iter().for_each(|(name, value)| println!("{name:28} {value}"));
    }
    Ok(())
}

fn rounded(value: f64) -> Value {
    json!((value * 10_000.0).round() / 10_000.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn example(name: &str) -> PathBuf {
    process::program(&format!("examples/{name}"), true)
}

fn json_of(name: &str) -> Result<serde_json::Map<String, Value>> {
    let text = process::output(&example(name), &["--json"])?;
    serde_json::from_str(&text).with_context(|| format!("{name} printed no JSON: {text}"))
}

/// CPU of one answering side, in s per 1000 calls.
fn round(calls: u32, answer: impl FnOnce(SocketAddr) -> std::io::Result<Child>) -> Result<f64> {
    let address = free_address()?;
    let mut answering = answer(address).context("the answering side could not be started")?;
    let before = cpu_s(&answering)?;
    let count = calls.to_string();
    let asked = ["-sn", "uac", "-m", &count, "-l", AT_ONCE, "-r", "100000", "-timeout", LIMIT_S];
    let status = sipp(&asked, free_address()?).arg(address.to_string()).status();
    let after = cpu_s(&answering);
    answering.kill().context("the answering side could not be ended")?;
    answering.wait()?;
    if !status.context("sipp could not be started")?.success() {
        bail!("sipp did not bring all its {calls} calls to their end");
    }
    Ok((after? - before) * 1_000.0 / f64::from(calls))
}

fn sipp(arguments: &[&str], address: SocketAddr) -> Command {
    let mut command = Command::new("sipp");
    command.args(arguments).args(["-i", "127.0.0.1", "-p", &address.port().to_string(), "-nostdin"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// sipp does not choose a port by itself.
fn free_address() -> Result<SocketAddr> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?)
}

/// What all threads of a process have run so far.
fn cpu_s(process: &Child) -> Result<f64> {
    let mut total = 0.0;
    for task in std::fs::read_dir(format!("/proc/{}/task", process.id())).context("the answering side has ended")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let ran_ns: f64 = text.split(' ').next().unwrap_or_default().parse().context("schedstat without a number")?;
        total += ran_ns / 1e9;
    }
    Ok(total)
}
