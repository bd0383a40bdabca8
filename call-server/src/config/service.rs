//! What citizens and agents meet beside the choice of an agent: limits of breaks, the last agent, texts and keys in the line, storms.

use super::resolve::{DAY_MS, HOUR_MS, Resolver, twice};
use super::schema::Kind::{Seconds, Text, Texts, Whole};
use super::schema::Worth::{Default as Usual, Needed, Optional};
use super::schema::{Section, key};
use super::words;
use super::written::{At, Block};
use call_core::plan::{Announcements, CallbackRule, KeyAction, LastAgentRule, NumberPattern, PromptName, ReasonRule, StormRule};
use shared::model::NotReadyReason;
use std::collections::BTreeMap;

pub(super) const REASONS: Section = Section {
    name: "reasons",
    repeated: true,
    about: "Limits of a reason for 示忙; one without has none.",
    keys: &[
        key("reason", Text, Needed { example: "\"meal\"" }, "break 小休, meal 用餐, training 培训, meeting 会议, ticket_work 工单处理."),
        key("max_seconds", Seconds, Usual("0"), "After this the agent is told that it lasts too long; 0 is without limit."),
        key("max_agents", Whole, Usual("0"), "Most agents at once; others may wait for a place. 0 is without limit."),
    ],
};

pub(super) const STORM: Section = Section {
    name: "storm",
    repeated: false,
    about: "How many calls may come in; above it they hear a text, or are refused. 0 is without limit.",
    keys: &[
        key("per_second", Whole, Usual("0"), "New calls within one second."),
        key("per_caller", Whole, Usual("0"), "Live calls of one number; a withheld number has no limit."),
        key("per_trunk", Texts, Usual("[]"), "Live calls of a trunk: \"TRUNK CALLS\", such as \"1 120\"."),
        key("text", Text, Optional { example: "\"storm\"" }, "Name of the text that is heard above a limit; refused at once if absent."),
        key("most_texts", Whole, Usual("50"), "Most calls that may hear it at once; more are refused."),
    ],
};

impl Resolver<'_> {
    pub(super) fn reasons(&mut self) -> BTreeMap<NotReadyReason, ReasonRule> {
        let written = self.written;
        let mut reasons = BTreeMap::new();
        for block in written.all("reasons") {
            let codes = NotReadyReason::CHOOSABLE.map(NotReadyReason::code).join(", ");
            let reason = self.word(block, "reason", &format!("one of: {codes}"), |text| {
                NotReadyReason::CHOOSABLE.into_iter().find(|reason| reason.code() == text)
            });
            let max_ms = self.time(block, "max_seconds", 0..=DAY_MS);
            let max_agents = self.count(block, "max_agents", 0..=10_000);
            let (Some(reason), Some(max_ms), Some(max_agents)) = (reason, max_ms, max_agents) else { continue };
            if reasons.insert(reason, ReasonRule { max_ms, max_agents }).is_some() {
                self.faults.push(twice(block.line, "reason", reason.code()));
            }
        }
        reasons
    }

    pub(super) fn storm(&mut self) -> StormRule {
        let written = self.written;
        let Some(block) = written.all("storm").next() else { return StormRule::default() };
        let mut limit = |key: &str| self.count(block, key, 0..=100_000).and_then(|limit| u32::try_from(limit).ok()).unwrap_or(0);
        let (per_second, per_caller, most_texts) = (limit("per_second"), limit("per_caller"), limit("most_texts"));
        let per_trunk = self.list(block, "per_trunk", "\"1 120\"", words::trunk_limit).unwrap_or_default();
        let text = self.prompt(block, "text").unwrap_or(None);
        StormRule { per_second, per_trunk: per_trunk.into_iter().map(|limit| limit.value).collect(), per_caller, text, most_texts }
    }

    /// A text's name, if there is one; the outer `None` is a fault.
    pub(super) fn prompt(&mut self, block: &Block, key: &str) -> Option<Option<PromptName>> {
        if block.text(key).is_none() {
            return Some(None);
        }
        self.word(block, key, "a name of small letters, digits, _ and .", words::prompt).map(Some)
    }

    pub(super) fn shared_numbers(&mut self, block: &Block) -> Option<Vec<NumberPattern>> {
        let patterns = self.list(block, "shared_numbers", "\"051987210000\" or \"0519872100*\"", words::pattern)?;
        Some(patterns.into_iter().map(|pattern| pattern.value).collect())
    }

    pub(super) fn last_agent(&mut self, block: &Block) -> Option<Option<LastAgentRule>> {
        let within_days = self.count(block, "last_agent_days", 0..=3_650).and_then(|days| u32::try_from(days).ok());
        let hold_ms = self.time(block, "last_agent_hold_seconds", 0..=HOUR_MS);
        let rule = LastAgentRule { within_days: within_days?, hold_ms: hold_ms? };
        Some((rule.within_days > 0).then_some(rule))
    }

    pub(super) fn announcements(&mut self, block: &Block) -> Option<Announcements> {
        let first_ms = self.time(block, "announce_first_seconds", 0..=HOUR_MS);
        let every_ms = self.time(block, "announce_every_seconds", 0..=HOUR_MS);
        let position = self.word(block, "announce_position", "\"yes\" or \"no\"", words::yes);
        let waiting_time = self.word(block, "announce_waiting_time", "\"yes\" or \"no\"", words::yes);
        let comfort = self.list(block, "announce_texts", "names of texts, such as \"please_wait\"", words::prompt);
        let language = self.word(block, "announce_language", "\"zh-CN\" or \"en\"", words::language)?;
        let comfort = comfort?.into_iter().map(|prompt| prompt.value).collect();
        Some(Announcements {
            first_ms: first_ms?,
            every_ms: every_ms?,
            position: position?,
            waiting_time: waiting_time?,
            comfort,
            language,
        })
    }

    pub(super) fn callback(&mut self, block: &Block) -> Option<CallbackRule> {
        let max_open = self.count(block, "callback_max", 1..=10_000);
        let attempts = self.count(block, "callback_attempts", 1..=20).and_then(|attempts| u32::try_from(attempts).ok());
        let retry_ms = self.time(block, "callback_retry_seconds", 1..=DAY_MS);
        let ring_ms = self.time(block, "callback_ring_seconds", 5_000..=HOUR_MS);
        let keep_ms = self.time(block, "callback_keep_seconds", 60_000..=7 * DAY_MS);
        let hours = self.word(block, "callback_hours", "\"08:00-21:00\"", words::span);
        let any_number = self.word(block, "callback_any_number", "\"yes\" or \"no\"", words::yes);
        let offered = self.word(block, "callback_offered", "\"yes\" or \"no\"", words::yes);
        let abandoned_after_ms = self.time(block, "callback_abandoned_seconds", 0..=DAY_MS)?;
        Some(CallbackRule {
            max_open: max_open?,
            attempts: attempts?,
            retry_ms: retry_ms?,
            ring_ms: ring_ms?,
            keep_ms: keep_ms?,
            hours: hours?,
            any_number: any_number?,
            offered: offered?,
            abandoned_after_ms,
        })
    }

    pub(super) fn keys(&mut self, block: &Block) -> Option<BTreeMap<char, KeyAction>> {
        let mut keys = BTreeMap::new();
        for At { line, value: (key, action) } in self.list(block, "keys", "\"1 callback\" or \"9 queue 2\"", words::key)? {
            if keys.insert(key, action).is_some() {
                self.faults.push(twice(line, "key", &key.to_string()));
            }
        }
        Some(keys)
    }
}
