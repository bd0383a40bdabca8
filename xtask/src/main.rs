//! One command each: `demo`, `test`, `check`, `tidy`, `sim`, `bench`. Run as `cargo xtask COMMAND`.

mod bench;
mod deb;
mod demo;
mod differential;
mod display;
mod fuzz;
mod packages;
mod process;
mod sip_bench;
mod terminal;
mod tidy;
mod voice_bench;
mod voices;
mod windows;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Everything that is done to the project, one command each.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One call from a citizen to an agent's desktop, on this machine: builds, makes a demo site, starts everything.
    Demo(demo::DemoArguments),
    /// All tests; installs what they need first.
    Test {
        /// Name missing system packages instead of installing them.
        #[arg(long)]
        no_install: bool,
        /// Install what is missing and stop there.
        #[arg(long, conflicts_with = "no_install")]
        only_install: bool,
        /// Passed on to `cargo test`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// What must hold before a commit: format, clippy, rustdoc, tidy.
    Check,
    /// The house rules that no compiler knows: import table, sizes, module heads.
    Tidy,
    /// The core under random callers, agents and faults; `sim erlang` compares it with queueing theory; `sim mutants` breaks it on
    /// purpose, in one place at a time, and tells which tests notice.
    Sim {
        /// Passed on: `--seeds N`, `--seed S`, `--json`, or `erlang [--json]`, or `mutants [--only N]`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Plays a journal of a site back: its decisions and what followed. Arguments are passed on; without any it tells them.
    Replay {
        /// `FILE [--decisions] [--interaction N]`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// libFuzzer over the targets of `tests/fuzz`; stable compiler, needs g++.
    Fuzz(fuzz::FuzzArguments),
    /// Our SIP parser beside those of rsip, rsipstack and ezk, message by message.
    Differential,
    /// The desktop for Windows: compiler, program, one call and the window under wine, installer.
    Windows(windows::WindowsArguments),
    /// The desktop as a package for Debian.
    Deb(deb::DebArguments),
    /// A day of a desktop in one go: thousands of calls through the real server, while its memory and handles are watched.
    Soak(bench::SoakArguments),
    /// Benchmarks; each prints a table, and with `--json` one object.
    Bench(bench::BenchArguments),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Test { no_install, only_install, arguments } => {
            packages::require(&[packages::BUILD, packages::WINDOW, packages::TEST], no_install)?;
            if only_install {
                return Ok(());
            }
            // The end-to-end tests start the real programs.
            process::cargo(&["build", "--workspace", "--bins"])?;
            let mut all = vec!["test", "--workspace"];
            all.extend(arguments.iter().map(String::as_str));
            process::cargo(&all)
        }
        Command::Check => {
            process::cargo(&["fmt", "--all", "--check"])?;
            process::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
            process::cargo_with(&["doc", "--workspace", "--no-deps", "--document-private-items"], &[("RUSTDOCFLAGS", "-D warnings")])?;
            tidy::run()
        }
        Command::Tidy => tidy::run(),
        Command::Sim { arguments } => {
            let other = arguments.first().map(String::as_str).filter(|first| ["erlang", "mutants"].contains(first));
            let mut all = vec!["run", "--quiet", "--package", "call-core", "--example", other.unwrap_or("simulate")];
            // The breaks are built and asked by programs of their own.
            if other != Some("mutants") {
                all.push("--release");
            }
            all.push("--");
            all.extend(arguments.iter().skip(usize::from(other.is_some())).map(String::as_str));
            process::cargo(&all)
        }
        Command::Replay { arguments } => {
            let mut all = vec!["run", "--quiet", "--release", "--package", "call-core", "--example", "replay", "--"];
            all.extend(arguments.iter().map(String::as_str));
            process::cargo(&all)
        }
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Differential => differential::run(),
        Command::Windows(arguments) => windows::run(&arguments),
        Command::Deb(arguments) => deb::run(&arguments),
        Command::Soak(arguments) => bench::soak(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    }
}
