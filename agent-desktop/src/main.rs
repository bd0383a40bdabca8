//! The agent's desktop: a window, or the same session without one for tests, load and demonstrations.
//!
//! Here is only the command line; what the words mean is in the modules.

// Otherwise Windows opens a console beside the window; output still reaches a pipe.
#![cfg_attr(windows, windows_subsystem = "windows")]

mod app;
mod audio;
mod cli;
mod client;
mod font;
mod gateway;
mod headless;
mod headsets;
mod i18n;
mod keeping;
mod platform;
mod screens;
mod theme;
mod widget;

use clap::Parser;
use client::Client;
use std::process::ExitCode;
use std::sync::Arc;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let filter: Targets = cli.log.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("agent-desktop: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &cli::Cli) -> anyhow::Result<ExitCode> {
    let start = cli.start()?;
    if cli.headless {
        return headless::run(&start, cli.script());
    }
    let client = Client::start(&start.client)?;
    start.sign_in().into_iter().for_each(|wish| client.wish(wish));
    let keeping = start.client.keeping.clone();
    let settings = keeping.settings();
    let (language, mode) = cli.look(&settings);
    let server = start.server.or_else(|| settings.server.clone());
    app::run(app::Options { server, number: start.number, voice: start.voice, language, mode, settings, keeping }, Arc::new(client))?;
    Ok(ExitCode::SUCCESS)
}
