//! `callback`: citizens who are to be called back 排队回呼, and those that people have to see to.

use super::calls::moment;
use super::changes::Change;
use super::cli::{Callback, CallbackWish, ListCallbacks};
use super::people::make;
use super::{Failure, Outcome, load, open_store};
use crate::config::Site;
use crate::store::{CallbackEntry, CallbackList};
use call_core::ledger::CallbackState;
use serde_json::json;
use shared::model::InteractionId;
use std::path::Path;

pub(super) fn callback(site: &Path, command: &Callback) -> Result<Outcome, Failure> {
    let site = load(site)?;
    match command {
        Callback::List(wishes) => list(&site, wishes),
        Callback::Cancel(wish) => {
            let told = make(&site, Change::CancelCallback { callback: InteractionId(wish.call), by: staff(&site, wish)? })?;
            Ok(Outcome::new(format!("Callback {} is taken back; it stays on record.", wish.call), told))
        }
        Callback::Settle(wish) => {
            let told = make(&site, Change::SettleCallback { callback: InteractionId(wish.call), by: staff(&site, wish)? })?;
            Ok(Outcome::new(format!("Callback {} is seen to; it stays on record.", wish.call), told))
        }
    }
}

fn list(site: &Site, wishes: &ListCallbacks) -> Result<Outcome, Failure> {
    let which = match (wishes.missed, wishes.all) {
        (true, _) => CallbackList::Unsettled,
        (false, true) => CallbackList::All,
        (false, false) => CallbackList::Open,
    };
    let entries = open_store(site)?.callbacks(which)?;
    let rows: Vec<_> = entries.iter().map(|entry| row(site, entry)).collect();
    let text = if rows.is_empty() { "No callbacks.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"callbacks": entries})))
}

fn row(site: &Site, entry: &CallbackEntry) -> String {
    let record = &entry.record;
    let queue = site.bare_plan().queues.get(&record.queue).map_or("", |queue| queue.name.as_str());
    let attempts = match (record.attempts, record.last_result) {
        (0, _) => "not tried in vain".to_owned(),
        (attempts, result) => format!("tried {attempts} times in vain, last: {}", result.map_or("unknown", |result| result.code())),
    };
    let state = match record.state {
        CallbackState::Open => format!("open, not before {}", moment(record.due)),
        CallbackState::Reached => format!("reached in call {}", record.reached_in.map_or(0, |call| call.0)),
        CallbackState::Missed | CallbackState::Expired | CallbackState::Cancelled | CallbackState::GotThrough => {
            record.state.code().to_owned()
        }
    };
    let settled = entry.settled_by.as_ref().map_or(String::new(), |by| format!(", by {by}"));
    format!(
        "{:<6} {} queue {} {queue}, waits since {}, {attempts}: {state}{settled}",
        record.callback,
        record.number.reveal().as_str(),
        record.queue,
        moment(record.entered)
    )
}

fn staff(site: &Site, wish: &CallbackWish) -> Result<String, Failure> {
    let found = open_store(site)?.credentials(&wish.by)?.filter(|found| !found.disabled);
    found.map(|found| found.number).ok_or_else(|| {
        let message = format!("nobody who may sign in has the staff number {}", wish.by);
        Failure::new("no_such_agent", message, "`call-server agent list` shows everybody.")
    })
}
