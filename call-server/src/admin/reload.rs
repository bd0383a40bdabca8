//! `reload`: makes the running server read its configuration again.

use super::control::{self, Request};
use super::{Failure, Outcome, load};
use serde_json::Value;
use std::path::Path;

pub(super) fn reload(site: &Path) -> Result<Outcome, Failure> {
    // Faults are told by this program too, so that they are the same whether a server runs or not.
    load(site)?;
    let told = control::ask(site, &Request::Reload)?.ok_or_else(|| {
        Failure::new("not_running", "no server is running", "The configuration has no fault; it counts from the next `call-server run`.")
    })?;
    let later: Vec<_> = told["needs_restart"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut text = format!("Applied: {} queues, {} numbers.", told["queues"], told["numbers"]);
    if !later.is_empty() {
        text.push_str(&format!("\nNot applied before a restart: [{}].", later.join("], [")));
    }
    Ok(Outcome::new(text, told))
}
