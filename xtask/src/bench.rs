//! Benchmarks: built for release, printed as ratios within one run.

use crate::{process, sip_bench};
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
    /// The SIP layer: CPU of answered calls beside `sipp -sn uas` in the same run, cost of reading an INVITE, memory of a call.
    Sip {
        /// Calls in each round.
        #[arg(long, default_value_t = 20_000)]
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
        Which::Relay { calls, seconds, json } => {
            process::cargo(&["build", "--release", "--package", "call-server", "--package", "e2e", "--bins"])?;
            let seconds = seconds.to_string();
            let mut all = vec!["relay", "--calls", calls, "--seconds", &seconds];
            if *json {
                all.push("--json");
            }
            print!("{}", process::output(&process::program("load", true), &all)?);
            Ok(())
        }
        Which::Sip { calls, rounds, json } => sip_bench::run(*calls, *rounds, *json),
    }
}
