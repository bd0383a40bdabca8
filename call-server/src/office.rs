//! The front office: what desktops need of accounts, store and configuration, behind the gateway's one face.

use crate::accounts::Accounts;
use crate::gateway::{Attempt, FrontOffice, Person};
use crate::planning::SiteNow;
use crate::store::{CallerEdit, NewCaller, Store, StoreError};
use crate::switchboard::Inbox;
use call_core::Input;
use shared::model::{Caller, Refusal, UnixMillis};
use shared::wire::{Correction, DeskRules, ReasonLimit, SignInRefusal};
use std::sync::Arc;

/// The front office of a running site.
pub(crate) struct Office {
    pub(crate) accounts: Accounts,
    pub(crate) store: Arc<Store>,
    pub(crate) inbox: Inbox,
    pub(crate) site: SiteNow,
}

impl FrontOffice for Office {
    fn check(&self, number: &str, password: &str) -> Result<Person, SignInRefusal> {
        self.accounts.check(number, password)
    }

    fn note(&self, attempt: Attempt) {
        self.accounts.note(attempt);
    }

    fn rules(&self) -> DeskRules {
        let site = self.site.get();
        let limit = |rule: &call_core::plan::ReasonRule| ReasonLimit {
            max_ms: rule.max_ms,
            max_agents: u32::try_from(rule.max_agents).unwrap_or(u32::MAX),
        };
        DeskRules { reasons: site.bare_plan().reasons.iter().map(|(reason, rule)| (*reason, limit(rule))).collect() }
    }

    fn correct(&self, by: &str, correction: &Correction) -> Result<(), Refusal> {
        self.corrected(by, correction).map_err(|error| {
            tracing::error!(%error, "a correction of a card could not be put on record");
            Refusal::NotSaved
        })?
    }
}

impl Office {
    fn corrected(&self, by: &str, correction: &Correction) -> Result<Result<(), Refusal>, StoreError> {
        let now = UnixMillis(jiff::Timestamp::now().as_millisecond());
        let caller = self.store.caller_of(correction.interaction)?;
        let Some(number) = caller.number.clone() else { return Ok(Err(Refusal::WrongState)) };
        let Correction { interaction, person, name, address, tags } = correction.clone();
        match person {
            None => {
                self.store.add_caller(&NewCaller { number, name, address, tags, author: by.to_owned() }, now)?;
            }
            Some(person) => {
                let known = self.store.card_for(&caller, interaction)?.unwrap_or_default();
                if !known.persons.iter().any(|one| one.person == person) {
                    return Ok(Err(Refusal::NoSuchCall));
                }
                let edit = CallerEdit { name: Some(name), address: Some(address), tags: Some(tags) };
                self.store.edit_caller(person, &edit, by, now)?;
            }
        }
        self.tell(caller, interaction)
    }

    /// The desk shows the card as it stands on record now.
    fn tell(&self, caller: Caller, interaction: shared::model::InteractionId) -> Result<Result<(), Refusal>, StoreError> {
        let card = self.store.card_for(&caller, interaction)?;
        self.inbox.send(Input::CardFound { interaction, card });
        Ok(Ok(()))
    }
}
