//! `queue list`: every waiting line of the running server at this moment.

use super::cli::Queue;
use super::control::{self, Request};
use super::{Failure, Outcome};
use serde_json::Value;
use std::path::Path;

pub(super) fn queue(site: &Path, command: Queue) -> Result<Outcome, Failure> {
    match command {
        Queue::List => {
            let told = control::ask(site, &Request::Queues)?.ok_or_else(|| {
                let message = format!("no server is running on the site {}", site.display());
                Failure::new("not_running", message, "Start it with `call-server run`, or name another site with --site DIR.")
            })?;
            Ok(Outcome::new(readable(&told), told))
        }
    }
}

fn readable(told: &Value) -> String {
    let rows: Vec<_> = told["queues"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() { "The site has no queues.".to_owned() } else { rows.join("\n") }
}

fn row(queue: &Value) -> String {
    let figure = |key: &str| queue[key].as_u64().unwrap_or(0);
    let agents = queue["agents"].as_object().into_iter().flatten();
    let agents: Vec<_> = agents
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(state, count)| format!("{count} {}", state.replace('_', " ")))
        .collect();
    let agents = if agents.is_empty() { "nobody signed in".to_owned() } else { agents.join(", ") };
    let forecasts = &queue["forecasts"];
    let forecasts = match forecasts["outcomes"].as_u64() {
        Some(outcomes) if outcomes > 0 => {
            let (within, outside_ms) = (forecasts["within"].as_u64().unwrap_or(0), forecasts["outside_ms"].as_u64().unwrap_or(0));
            format!(", forecasts {within} of {outcomes} held, {} outside on average", super::calls::seconds(outside_ms / outcomes))
        }
        Some(_) | None => String::new(),
    };
    format!(
        "{:<4} {}  waiting {}, longest {}, to be called back {}, talking {}, agents: {agents}{forecasts}",
        figure("queue"),
        queue["name"].as_str().unwrap_or_default(),
        figure("waiting"),
        super::calls::seconds(figure("longest_wait_ms")),
        figure("callbacks"),
        figure("talking"),
    )
}

#[cfg(test)]
mod tests {
    use super::readable;
    use serde_json::json;

    #[test]
    fn a_line_says_who_waits_and_what_its_agents_do() {
        let told = json!({"queues": [{"queue": 1, "name": "政务咨询", "waiting": 2, "longest_wait_ms": 61_500, "callbacks": 1, "talking": 1,
            "agents": {"ready": 0, "talking": 1, "not_ready": 3}, "forecasts": {"outcomes": 4, "within": 3, "outside_ms": 40_000}}]});
        let row = "1    政务咨询  waiting 2, longest 61.5 s, to be called back 1, talking 1, agents: 3 not ready, 1 talking, forecasts 3 of 4 held, \
                   10.0 s outside on average";
        assert_eq!(readable(&told), row);
        assert_eq!(readable(&json!({"queues": []})), "The site has no queues.");
    }
}
