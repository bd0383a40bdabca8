//! `[[phone_agents]]`: phones that serve queues without a desktop.

use super::resolve::{HOUR_MS, Resolver};
use super::schema::Kind::{Seconds, Text, Texts, Whole};
use super::schema::Worth::{Default as Usual, Needed, Optional};
use super::schema::{Section, key};
use super::written::{At, Block};
use call_core::plan::{AgentPhone, AgentPlan, PermissionClass, PhonePlace, QueuePlan, Unattended};
use shared::model::{PhoneNumber, QueueId, VoiceDevice};
use sip_core::message::{Scheme, Uri};
use std::collections::BTreeMap;

/// Most phones of one block: more are a slip of the pen.
const MOST: u64 = 5_000;

pub(super) const PHONE_AGENTS: Section = Section {
    name: "phone_agents",
    repeated: true,
    about: "Phones that serve queues without a desktop and are always ready, such as the duty phone at night 值班电话.",
    keys: &[
        key("number", Text, Needed { example: "\"7001\"" }, "Staff number of the first one; nobody else's."),
        key("count", Whole, Usual("1"), "How many: the numbers that follow belong to the others."),
        key("name", Text, Usual("\"值班电话\""), "Shown to operators and in reports."),
        key(
            "contact",
            Text,
            Optional { example: "\"sip:{number}@192.0.2.9:5060\"" },
            "Where they are, always ({number} is each one's number; UDP, an address and no name). If absent, where a phone of that number has registered.",
        ),
        key("queues", Texts, Needed { example: "[\"1\"]" }, "Ids of the queues that they serve."),
        key("dials", Text, Usual("\"internal\""), "How far they may be made to dial: internal, local, national or international."),
        key("rest_seconds", Seconds, Usual("30"), "After a call that such a phone did not take it is left alone for so long."),
    ],
};

impl Resolver<'_> {
    pub(super) fn phone_agents(&mut self, queues: &BTreeMap<QueueId, QueuePlan>) -> Vec<AgentPlan> {
        let written = self.written;
        let mut agents: Vec<AgentPlan> = Vec::new();
        for block in written.all("phone_agents") {
            let found = self.phones_of_block(block, queues).unwrap_or_default();
            if let Some(twice) = found.iter().find(|new| agents.iter().any(|old| old.number == new.number)) {
                self.faults.push(super::resolve::twice(block.line, "number", &twice.number));
            }
            agents.extend(found);
        }
        agents
    }

    fn phones_of_block(&mut self, block: &Block, queues: &BTreeMap<QueueId, QueuePlan>) -> Option<Vec<AgentPlan>> {
        let first = block.text("number")?;
        let count = self.count(block, "count", 1..=MOST);
        let rest_ms = self.time(block, "rest_seconds", 1..=HOUR_MS);
        let class = self.word(block, "dials", "internal, local, national or international", |text| text.parse::<PermissionClass>().ok());
        let served = self.queues_served(block, queues);
        let (count, rest_ms, class, served) = (count?, rest_ms?, class?, served?);
        let name = block.text("name").map(|name| name.value.to_owned()).unwrap_or_default();
        let mut agents = Vec::with_capacity(count);
        for place in 0..count {
            let Some(number) = following(first.value, place) else {
                let what = format!("number is {:?}, and {count} numbers from there on are none", first.value);
                return self.fault(first.line, what, "Write at most 15 digits, such as \"7001\".");
            };
            let place = self.place(block, &number)?;
            let phone = AgentPhone { place, first: VoiceDevice::Phone, unattended: Some(Unattended { rest_ms }) };
            let (number, name, queues) = (number.as_str().to_owned(), name.clone(), served.clone());
            agents.push(AgentPlan { number, name, queues, class, phone: Some(phone), ..AgentPlan::default() });
        }
        Some(agents)
    }

    fn place(&mut self, block: &Block, number: &PhoneNumber) -> Option<PhonePlace> {
        let Some(At { line, value }) = block.text("contact") else { return Some(PhonePlace::Registered(number.clone())) };
        let contact = value.replace("{number}", number.as_str());
        if !is_fixed(&contact) {
            let what = format!("contact is {value:?}");
            return self.fault(line, what, "Write it as \"sip:{number}@192.0.2.9:5060\": sip:, over UDP, with an address and no name.");
        }
        Some(PhonePlace::Fixed { number: number.clone(), contact })
    }

    fn queues_served(&mut self, block: &Block, queues: &BTreeMap<QueueId, QueuePlan>) -> Option<Vec<QueueId>> {
        let At { line, value } = block.texts("queues")?;
        let ids: Option<Vec<QueueId>> = value.iter().map(|id| id.parse().ok().map(QueueId).filter(|id| queues.contains_key(id))).collect();
        if ids.is_none() {
            let known: Vec<_> = queues.keys().map(ToString::to_string).collect();
            return self.fault(line, format!("there is no such queue in {value:?}"), format!("Known queues: {}.", known.join(", ")));
        }
        ids
    }
}

/// The number that is so many behind the first one, with as many digits.
fn following(first: &str, place: usize) -> Option<PhoneNumber> {
    let number: u64 = first.parse().ok().filter(|_| first.len() <= 15)?;
    let width = first.len();
    PhoneNumber::parse(&format!("{:0width$}", number.checked_add(u64::try_from(place).ok()?)?)).ok()
}

/// Whether a phone can always be called there: `sip:` over UDP at an address.
pub(crate) fn is_fixed(contact: &str) -> bool {
    let Some(uri) = Uri::parse(contact.as_bytes()) else { return false };
    let is_udp = uri.parameter("transport").flatten().is_none_or(|transport| transport.eq_ignore_ascii_case(b"udp"));
    uri.scheme == Scheme::Sip && uri.address().is_some() && is_udp
}
