//! The command line: sets a site up, looks at it, changes its people. `run` itself is `main`'s.
//!
//! Every command ends in an [`Outcome`] or a [`Failure`]; this file prints either, for people or as one JSON object. While a
//! server runs, changes go through its control socket; otherwise they are made here, under the same lock as the server's.

mod calendar;
mod callbacks;
mod callers;
mod calls;
mod certificates;
pub(crate) mod changes;
mod check;
mod cli;
mod cli_class;
mod cli_phones;
mod cli_trunks;
pub(crate) mod control;
mod explain;
mod init;
mod lists;
mod lock;
mod messages;
mod outcome;
mod papers;
mod people;
mod phones;
mod probe;
mod queues;
mod recordings;
mod reload;
mod signalling;
pub(crate) mod sip_wishes;
mod staff;
mod status;
#[cfg(test)]
mod tests;
mod trace;
mod trunks;

pub(crate) use cli::Cli;
pub(crate) use lock::DataLock;
pub(crate) use outcome::{Failure, Outcome};

use crate::config::{self, Site};
use crate::store::Store;
use clap::Parser;
use cli::Command;
use serde_json::json;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Exit code for a command line that cannot be understood.
const USAGE: u8 = 2;

/// Reads the command line.
///
/// # Errors
/// It cannot be understood, or asked for help or the version: what there is to say has been said, and this is the exit code.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    Cli::try_parse_from(&arguments).map_err(|error| {
        if error.use_stderr() && arguments.iter().any(|argument| argument == "--json") {
            let message = error.render().to_string();
            let error = json!({"code": "usage", "message": message.trim(), "remedy": "call-server --help shows every command."});
            print_line(&json!({"error": error}).to_string());
        } else {
            let _ = error.print();
        }
        if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
    })
}

/// Carries one command out and prints what came of it. `serve` runs the server until it is told to stop.
pub(crate) fn run(cli: &Cli, serve: impl FnOnce(Site, DataLock) -> Result<(), Failure>) -> ExitCode {
    let result = match &cli.command {
        Command::Run => start(&cli.site, serve).map(|()| Outcome::silent()),
        other => carry_out(&cli.site, other),
    };
    match &result {
        Ok(outcome) if cli.json => outcome.json.iter().for_each(|json| print_line(&json.to_string())),
        Ok(outcome) => print_line(&outcome.text),
        Err(failure) if cli.json => print_line(&failure.to_json().to_string()),
        Err(failure) => eprintln!("{failure}"),
    }
    if result.is_ok_and(|outcome| !outcome.bad) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(site: &Path, serve: impl FnOnce(Site, DataLock) -> Result<(), Failure>) -> Result<(), Failure> {
    let resolved = load(site)?;
    let lock = DataLock::take(site)?;
    serve(resolved, lock)
}

fn carry_out(site: &Path, command: &Command) -> Result<Outcome, Failure> {
    match command {
        Command::Init(wishes) => init::init(wishes.folder.as_deref().unwrap_or(site), wishes),
        Command::Run => Err(Failure::new("usage", "run is not carried out here", "Use the program's own run command.")),
        Command::Status => status::status(site),
        Command::Probe(wishes) => probe::probe(&load(site)?, wishes),
        Command::Agent(command) => people::agent(site, command),
        Command::Caller(command) => callers::caller(site, command),
        Command::Reload => reload::reload(site),
        Command::Callback(command) => callbacks::callback(site, command),
        Command::Block(command) => lists::block(site, command),
        Command::Vip(command) => lists::vip(site, command),
        Command::Calendar(command) => calendar::calendar(site, command),
        Command::Queue(command) => queues::queue(site, *command),
        Command::Explain(wishes) => explain::explain(site, wishes.interaction),
        Command::Unit(command) => papers::unit(site, command),
        Command::Summary(command) => papers::summary(site, command),
        Command::Survey(command) => papers::survey(site, command),
        Command::Matter(command) => papers::matter(site, command),
        Command::Call(command) => calls::call(site, command),
        Command::Message(command) => messages::message(site, command),
        Command::Recording(command) => recordings::recording(site, command),
        Command::Sip(command) => signalling::sip(site, command),
        Command::Phone(command) => phones::phone(site, command),
        Command::Trunk(command) => trunks::trunk(site, command),
        Command::Route(command) => trunks::route(site, command),
        Command::Config(command) => check::config(site, command),
    }
}

/// The site's configuration, or all its faults.
fn load(site: &Path) -> Result<Site, Failure> {
    config::load(site).map_err(Failure::from)
}

/// The site's store for a command. Never makes a new database: a site without one is not set up or wrongly named.
fn open_store(site: &Site) -> Result<Store, Failure> {
    if !site.database.exists() {
        let message = format!("the database {} does not exist", site.database.display());
        return Err(Failure::new("no_database", message, "Correct [store] database in hotline.toml, or restore the file from a backup."));
    }
    Ok(Store::open(&site.database)?)
}

fn print_line(text: &str) {
    // A reader that has gone away, such as `head`, is no fault of ours.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}
