//! Logs: one line per event on standard error, for people or as JSON. Decides nothing and is imported by `main` alone.

use tracing_subscriber::EnvFilter;

/// Variable that sets the level where the command line does not: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as
/// `info,call_server::gateway=debug`.
const VARIABLE: &str = "HOTLINE_LOG";

/// Starts logging. `filter` comes before the environment, the environment before `fallback`.
///
/// # Errors
/// The filter cannot be understood, in English; or logging was started before.
pub(crate) fn start(filter: Option<&str>, fallback: &str, json: bool) -> Result<(), String> {
    let from_environment = std::env::var(VARIABLE).ok();
    let text = filter.or(from_environment.as_deref()).unwrap_or(fallback);
    let filter = EnvFilter::try_new(text).map_err(|error| format!("the log filter {text:?} cannot be understood: {error}"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if json {
        subscriber.json().try_init()
    } else {
        subscriber.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
    };
    started.map_err(|error| error.to_string())
}
