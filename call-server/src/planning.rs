//! The core's plan out of configuration and store, and what a changed configuration means for a running server.
//!
//! It alone knows both; neither knows the other.

use crate::admin::Failure;
use crate::config::Site;
use crate::sip::{PhoneAccount, PhoneBook};
use crate::store::{AgentEntry, CallbackList, OverrideEntry, PhoneEntry, Store, StoreError};
use call_core::plan::Plan;
use call_core::{Input, Snapshot};
use serde_json::{Map, Value, json};
use shared::model::{QueueId, UnixMillis};
use sip_core::digest::{Ha1, HashFunction};
use std::sync::{Arc, PoisonError, RwLock};

const DAY_MS: i64 = 24 * 3_600_000;

/// The configuration that counts now; a reload replaces it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SiteNow(Arc<RwLock<Arc<Site>>>);

impl SiteNow {
    pub(crate) fn new(site: &Arc<Site>) -> Self {
        Self(Arc::new(RwLock::new(Arc::clone(site))))
    }

    pub(crate) fn get(&self) -> Arc<Site> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set(&self, site: Site) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(site);
    }
}

/// What the core is told at the start about earlier days: for 首问负责 and 重复来电.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn past_contacts(site: &Site, store: &Store, now: UnixMillis) -> Result<Input, StoreError> {
    let days = i64::from(site.bare_plan().limits.remembered_days);
    Ok(Input::ContactsKnown(store.past_contacts(UnixMillis(now.0 - days * DAY_MS))?))
}

/// Who is still to be called back, from an earlier run.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn open_callbacks(store: &Store) -> Result<Input, StoreError> {
    let open = store.callbacks(CallbackList::Open)?;
    Ok(Input::CallbacksKnown(open.into_iter().map(|entry| entry.record).collect()))
}

/// The plan as it is now.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn plan(site: &Site, store: &Store, now: UnixMillis) -> Result<Plan, StoreError> {
    let mut plan = site.plan(&store.agents()?, store.callers_in_force(now)?);
    let phones: Vec<(&str, &str)> = site.phone_agents.iter().map(|agent| (agent.number.as_str(), agent.name.as_str())).collect();
    if !phones.is_empty() {
        plan.agents.extend(store.unattended(&phones, now)?.into_iter().zip(site.phone_agents.iter().cloned()));
    }
    plan.calendars.overrides = store.overrides(Some(now))?.into_iter().map(OverrideEntry::into_core).collect();
    plan.phones = store.phones()?.into_iter().map(|phone| (phone.number, phone.class)).collect();
    Ok(plan)
}

/// What the registrar needs to know: phones with what their secrets are checked by, and the plan that says who speaks by one.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn phone_book(store: &Store, plan: Plan) -> Result<PhoneBook, StoreError> {
    let account = |phone: PhoneEntry| {
        let [md5, sha256] = phone.proofs;
        let proofs = [Ha1::from_hex(HashFunction::Md5, md5.reveal()), Ha1::from_hex(HashFunction::Sha256, sha256.reveal())];
        PhoneAccount { number: phone.number, proofs: proofs.into_iter().flatten().collect() }
    };
    Ok(PhoneBook { phones: store.phones()?.into_iter().map(account).collect(), plan })
}

/// Whether a new configuration may take the place of the old one while calls run (I-19).
///
/// # Errors
/// It lacks a queue in which somebody waits or talks.
pub(crate) fn may_replace(new: &Site, floor: &Snapshot) -> Result<(), Failure> {
    let queues = &new.bare_plan().queues;
    let lost = floor.queues.iter().find(|queue| !queues.contains_key(&queue.queue) && queue.waiting + queue.talking + queue.callbacks > 0);
    let Some(queue) = lost else { return Ok(()) };
    let message = format!(
        "queue {} {} is gone from hotline.toml, but {} wait in it, {} talk and {} are to be called back",
        queue.queue, queue.name, queue.waiting, queue.talking, queue.callbacks
    );
    let remedy = "First point its numbers to another queue and reload; remove the queue when its last call is over. Nothing was changed.";
    Err(Failure::new("queue_in_use", message, remedy))
}

/// Every waiting line, with its agents counted by state.
pub(crate) fn lines(floor: &Snapshot, people: &[AgentEntry]) -> Value {
    let rows = floor.queues.iter().map(|queue| {
        json!({
            "queue": queue.queue,
            "name": queue.name,
            "waiting": queue.waiting,
            "callbacks": queue.callbacks,
            "longest_wait_ms": queue.longest_wait_ms,
            "ready": queue.ready,
            "talking": queue.talking,
            "forecasts": queue.forecasts,
            "agents": by_state(floor, people, queue.queue),
        })
    });
    json!({"at": floor.at, "queues": rows.collect::<Vec<_>>()})
}

fn by_state(floor: &Snapshot, people: &[AgentEntry], queue: QueueId) -> Map<String, Value> {
    let mut counts = Map::new();
    for agent in &floor.agents {
        if people.iter().any(|person| person.agent == agent.agent && person.queues.contains(&queue)) {
            let count = counts.entry(agent.state.code()).or_insert(json!(0));
            *count = json!(count.as_u64().unwrap_or(0) + 1);
        }
    }
    counts
}
