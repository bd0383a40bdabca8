//! The reference for who served a number last (1-8): the newest talk counts, and being told again corrects it.

use call_core::input::PastContact;
use shared::model::{AgentId, Caller, UnixMillis};
use std::collections::BTreeMap;

/// By subscriber's number.
#[derive(Default)]
pub(crate) struct Memory {
    served: BTreeMap<String, PastContact>,
}

impl Memory {
    /// Contacts that are over.
    pub(crate) fn learn(&mut self, past: &[PastContact]) {
        for contact in past.iter().filter(|contact| contact.agent.is_some()) {
            let Some(number) = subscriber(&contact.caller) else { continue };
            if self.served.get(&number).is_none_or(|known| known.at <= contact.at) {
                self.served.insert(number, contact.clone());
            }
        }
    }

    /// Who served the number last within so many days, and whether that agent is to be avoided.
    pub(crate) fn served(&self, caller: &Caller, utc: UnixMillis, days: u32) -> Option<(AgentId, bool)> {
        let contact = self.served.get(&subscriber(caller)?)?;
        let young = utc.0 - contact.at.0 <= i64::from(days) * 86_400_000;
        Some((contact.agent.filter(|_| young)?, contact.avoid))
    }

    /// As the store would tell it to a server that begins.
    pub(crate) fn told(&self) -> Vec<PastContact> {
        self.served.values().cloned().collect()
    }
}

fn subscriber(caller: &Caller) -> Option<String> {
    caller.number.as_ref().map(|number| number.reveal().subscriber().to_owned())
}
