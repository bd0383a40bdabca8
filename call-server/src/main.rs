//! The call server: builds the rooms, runs them, shuts them down in order. It decides nothing about calls.

mod accounts;
mod admin;
mod archive;
mod config;
mod draft_keys;
mod gateway;
mod journal;
mod media;
mod observe;
mod office;
mod planning;
mod probing;
mod reconcile;
mod recording;
mod running;
mod sip;
mod store;
mod switchboard;
mod tunnel;

#[cfg(test)]
mod scratch;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match admin::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    if let Err(error) = observe::start(cli.log.as_deref(), cli.usual_log(), cli.log_json) {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    admin::run(&cli, running::serve)
}
