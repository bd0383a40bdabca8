//! Waiting lines and skills: the keys of `[[queues]]` and `[[skills]]`, and how their words become a plan.
//!
//! What an agent can and which queues an agent serves is no configuration: it lives in the store.

use super::ListRules;
use super::resolve::{DAY_MS, HOUR_MS, Resolver, twice};
use super::schema::Kind::{Points, Seconds, Text, Texts, Whole};
use super::schema::Worth::{Default as Usual, Needed, Optional};
use super::schema::{Section, key};
use super::words::{self, SkillWord};
use super::written::{At, Block};
use crate::store::Role;
use call_core::plan::{Calendars, Exit, NoAnswer, Overflow, Priority, QueuePlan, Relaxation, SkillId, SkillNeed, Strategy, WrapUpRule};
use shared::model::QueueId;
use std::collections::BTreeMap;

/// Skills of a site, by name.
pub(super) type Skills = BTreeMap<String, SkillId>;

pub(super) const SKILLS: Section = Section {
    name: "skills",
    repeated: true,
    about: "A skill that calls may ask for, such as a dialect; agents get it with `call-server agent edit`.",
    keys: &[
        key("id", Whole, Needed { example: "1" }, "Never reused: agents keep their level under it."),
        key("name", Text, Needed { example: "\"溧阳方言\"" }, "One word, used by [[queues]] skills and relax."),
    ],
};

pub(super) const QUEUES: Section = Section {
    name: "queues",
    repeated: true,
    about: "A waiting line.",
    keys: &[
        key("id", Whole, Needed { example: "1" }, "Never reused: records name the queue by it."),
        key("name", Text, Needed { example: "\"政务咨询\"" }, "Shown on the agent's screen."),
        key("ring_seconds", Seconds, Usual("15"), "How long a desk rings before the call goes to another."),
        key("wrap_up_seconds", Seconds, Usual("30"), "Time for the summary after a call; 0 is none."),
        key("wrap_up_until_saved", Text, Usual("\"no\""), "\"yes\": only 完成 ends it early; 示闲 and 示忙 say what follows."),
        key("wrap_up_extensions", Whole, Usual("0"), "How often an agent may ask for more time, up to 20."),
        key("wrap_up_extension_seconds", Seconds, Usual("30"), "How much more each time."),
        key(
            "auto_answer_whisper",
            Texts,
            Usual("[\"zip_tone\"]"),
            "What an agent hears before a call that is accepted by itself, the citizen does not: \"zip_tone\", names of texts. [] is nothing.",
        ),
        key(
            "mask_keys",
            Text,
            Usual("\"no\""),
            "\"yes\": keys that citizens press while they talk are left out of the recording; each talk's facts say so.",
        ),
        key("max_wait_seconds", Seconds, Usual("0"), "How long a citizen may wait; 0 is without limit. Never cuts a ringing desk."),
        key("max_waiting", Whole, Usual("500"), "How many citizens may wait at once."),
        key(
            "strategy",
            Text,
            Usual("\"longest_idle\""),
            "Who of the free agents: longest_idle, least_occupied, round_robin, linear, random, weighted_random, ring_all, progressive.",
        ),
        key("progressive_more", Whole, Usual("1"), "With progressive: how many more desks ring each time."),
        key("progressive_seconds", Seconds, Usual("5"), "With progressive: after how long the next ones ring too."),
        key("skills", Texts, Usual("[]"), "What its calls ask for: \"NAME from LEVEL\" (1 to 9), or \"NAME preferred\"."),
        key(
            "relax",
            Texts,
            Usual("[]"),
            "Weaker demands for those who wait: \"NAME from LEVEL after SECONDS\", \"NAME preferred after SECONDS\".",
        ),
        key(
            "tiers",
            Texts,
            Usual("[]"),
            "When agents of a tier are asked too: \"2 after 20\". Without an entry a tier is open from the beginning.",
        ),
        key("weight", Points, Usual("0"), "Points of each call against those of other queues; may be negative."),
        key("slope", Whole, Usual("1"), "Points for each second of waiting."),
        key("returned_bonus", Points, Usual("0"), "More points for a citizen who waits again because the agent was lost."),
        key("guard_seconds", Seconds, Usual("0"), "Who waits longer goes before all younger calls, whatever the points; 0 is never."),
        key(
            "no_answer",
            Text,
            Usual("\"not_ready\""),
            "After a desk rang in vain: \"not_ready\" (未应答), \"skip\", or \"not_ready after N\" misses in a row.",
        ),
        key(
            "when_full",
            Text,
            Usual("\"refuse\""),
            "Where a call goes if max_waiting is reached: \"refuse\", \"queue ID\" (entry time kept), \"announce NAME\", or \"callback\": it is told that its own number is called back in its old place, and refused if it cannot be.",
        ),
        key("when_timeout", Text, Usual("\"refuse\""), "The same for max_wait_seconds."),
        key("when_nobody", Text, Usual("\"wait\""), "Nobody who serves it is signed in: the same, or \"wait\"."),
        key("when_all_not_ready", Text, Usual("\"wait\""), "All who serve it are 示忙: the same, or \"wait\"."),
        key(
            "calendar",
            Whole,
            Optional { example: "1" },
            "Id of [[calendars]]: outside its hours when_closed holds; always open if absent.",
        ),
        key("when_closed", Text, Usual("\"refuse\""), "\"refuse\", \"queue ID\", \"announce NAME\" or \"callback\"."),
        key("last_agent_days", Whole, Usual("0"), "首问负责: who served the caller within so many days is asked first; 0 is off."),
        key(
            "last_agent_hold_seconds",
            Seconds,
            Usual("20"),
            "How long a call waits for that agent alone if the agent is about to be free.",
        ),
        key("announce_first_seconds", Seconds, Usual("0"), "When the waiting citizen is first told something; 0 is never."),
        key("announce_every_seconds", Seconds, Usual("0"), "How often after that; 0 is no further time."),
        key("announce_position", Text, Usual("\"no\""), "\"yes\": how many are served before."),
        key("announce_waiting_time", Text, Usual("\"no\""), "\"yes\": how long it will probably take, if known well enough."),
        key("announce_language", Text, Usual("\"zh-CN\""), "\"zh-CN\" or \"en\": in which language both are told."),
        key("announce_texts", Texts, Usual("[]"), "Names of texts; one of them each time, in turn."),
        key(
            "keys",
            Texts,
            Usual("[]"),
            "What keys do while a citizen waits: \"9 queue 2\", \"0 announce NAME\", \"1 callback\" (排队回呼: called back in the old place).",
        ),
        key("callback_max", Whole, Usual("50"), "Most citizens of the queue who are to be called back at once."),
        key(
            "callback_attempts",
            Whole,
            Usual("3"),
            "How often a citizen is called; then `call-server callback list --missed` names the number.",
        ),
        key("callback_retry_seconds", Seconds, Usual("300"), "Between two attempts."),
        key("callback_ring_seconds", Seconds, Usual("30"), "How long the citizen's phone rings."),
        key(
            "callback_keep_seconds",
            Seconds,
            Usual("86400"),
            "Whose turn has not come after this is called no more, and is on the same list.",
        ),
        key("callback_hours", Text, Usual("\"08:00-21:00\""), "Nobody is rung up outside of these hours of the local day."),
        key("callback_any_number", Text, Usual("\"yes\""), "\"yes\": another number than the caller's may be given, within the country."),
        key(
            "callback_offered",
            Text,
            Usual("\"yes\""),
            "\"yes\": what is told to those who wait ends with the key by which they are called back.",
        ),
        key(
            "callback_abandoned_seconds",
            Seconds,
            Usual("0"),
            "Who hangs up after waiting for so long is called back unasked; 0 is never.",
        ),
    ],
};

pub(super) const LISTS: Section = Section {
    name: "lists",
    repeated: false,
    about: "Who may block numbers and who may put numbers in favour: \"agent\" (话务员), \"supervisor\" (督办), or both.",
    keys: &[
        key("block_by", Texts, Usual("[\"supervisor\"]"), "Who may add to the blocked numbers and remove from them."),
        key(
            "shared_numbers",
            Texts,
            Usual("[]"),
            "Numbers of many people, such as a company's: \"051987210000\" or \"0519872100*\". They have no last agent.",
        ),
        key("block_text", Text, Optional { example: "\"blocked\"" }, "Text that `block add --level announce` plays; refused without it."),
        key("vip_by", Texts, Usual("[\"supervisor\"]"), "The same for VIP and special-care numbers."),
    ],
};

/// Longest list of demands, relaxations or tiers of one queue.
const LIST_LIMIT: usize = 32;
/// Most extensions that make sense.
const EXTENSIONS_LIMIT: u64 = 20;
/// Most points that make sense: far beyond any wait, far below any overflow.
const POINTS_LIMIT: i64 = 1_000_000;

impl Resolver<'_> {
    pub(super) fn skills(&mut self) -> Skills {
        let written = self.written;
        let (mut skills, mut ids) = (Skills::new(), Vec::new());
        for block in written.all("skills") {
            let (id, name) = (self.id(block, "skill"), block.text("name"));
            let (Some(id), Some(At { line, value: name })) = (id, name) else { continue };
            if name.is_empty() || name.chars().any(|character| character.is_whitespace() || character.is_control()) {
                self.fault::<()>(line, format!("{name:?} is no name of a skill"), "Write one word, such as \"溧阳方言\".");
                continue;
            }
            if ids.contains(&id) {
                self.faults.push(twice(block.line, "skill id", &id.to_string()));
            }
            ids.push(id);
            if skills.insert(name.to_owned(), SkillId(id)).is_some() {
                self.faults.push(twice(line, "skill name", name));
            }
        }
        skills
    }

    pub(super) fn lists(&mut self) -> Option<ListRules> {
        let written = self.written;
        let block = written.all("lists").next()?;
        let roles = "\"agent\", \"supervisor\" or both";
        let block_by = self.list(block, "block_by", roles, role);
        let vip_by = self.list(block, "vip_by", roles, role);
        let plain = |roles: Vec<At<Role>>| roles.into_iter().map(|role| role.value).collect();
        let (shared, block_text) = (self.shared_numbers(block), self.prompt(block, "block_text"));
        Some(ListRules { block: plain(block_by?), favour: plain(vip_by?), shared: shared?, block_text: block_text? })
    }

    pub(super) fn queues(&mut self, skills: &Skills, calendars: &Calendars) -> BTreeMap<QueueId, QueuePlan> {
        let written = self.written;
        let mut queues = BTreeMap::new();
        for block in written.all("queues") {
            let id = self.id(block, "queue").map(QueueId);
            let queue = self.queue(block, skills, calendars);
            // A queue with a fault of its own is still known, so that its numbers are not called strays.
            let Some(id) = id else { continue };
            let name = block.text("name").map_or_else(String::new, |name| name.value.to_owned());
            let fallback = QueuePlan { name, ..QueuePlan::default() };
            if queues.insert(id, queue.unwrap_or(fallback)).is_some() {
                self.faults.push(twice(block.line, "queue id", &id.to_string()));
            }
        }
        self.exits_lead_somewhere(&queues);
        queues
    }

    fn queue(&mut self, block: &Block, skills: &Skills, calendars: &Calendars) -> Option<QueuePlan> {
        let ring_ms = self.time(block, "ring_seconds", 1..=HOUR_MS);
        let wrap_up_ms = self.time(block, "wrap_up_seconds", 0..=HOUR_MS);
        let max_wait_ms = self.time(block, "max_wait_seconds", 0..=DAY_MS);
        let max_waiting = self.count(block, "max_waiting", 1..=100_000);
        let strategy = self.strategy(block);
        let needs = self.needs(block, skills);
        let tiers = self.tiers(block);
        let priority = self.priority(block);
        let no_answer = self.word(block, "no_answer", "\"not_ready\", \"skip\" or \"not_ready after 3\"", no_answer);
        let wrap_up = self.wrap_up(block);
        let overflow = self.overflow(block);
        let (hours, last_agent) = (self.hours(block, calendars), self.last_agent(block));
        let (announcements, keys) = (self.announcements(block), self.keys(block));
        let callback = self.callback(block);
        let whisper = self.list(block, "auto_answer_whisper", "\"zip_tone\" and names of texts", words::prompt);
        let mask_keys = self.word(block, "mask_keys", "\"yes\" or \"no\"", words::yes);
        let name = block.text("name")?.value.to_owned();
        Some(QueuePlan {
            name,
            ring_ms: ring_ms?,
            wrap_up_ms: wrap_up_ms?,
            max_wait_ms: max_wait_ms?,
            max_waiting: max_waiting?,
            strategy: strategy?,
            needs: needs?,
            tiers: tiers?,
            priority: priority?,
            no_answer: no_answer?,
            wrap_up: wrap_up?,
            overflow: overflow?,
            hours: hours?,
            last_agent: last_agent?,
            announcements: announcements?,
            keys: keys?,
            callback: callback?,
            whisper: whisper?.into_iter().map(|prompt| prompt.value).collect(),
            mask_keys: mask_keys?,
        })
    }

    /// A text that is one of a few words; the fault says which.
    pub(super) fn word<T>(&mut self, block: &Block, key: &str, wanted: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let At { line, value } = block.text(key)?;
        let found = read(value);
        if found.is_none() {
            return self.fault(line, format!("{key} cannot be {value:?}"), format!("Write {wanted}."));
        }
        found
    }

    fn strategy(&mut self, block: &Block) -> Option<Strategy> {
        let more = self.count(block, "progressive_more", 1..=1_000).and_then(|more| u32::try_from(more).ok());
        let every_ms = self.time(block, "progressive_seconds", 1..=HOUR_MS);
        let (more, every_ms) = (more?, every_ms?);
        let names = "longest_idle, least_occupied, round_robin, linear, random, weighted_random, ring_all or progressive";
        self.word(block, "strategy", names, |word| {
            Some(match word {
                "longest_idle" => Strategy::LongestIdle,
                "least_occupied" => Strategy::LeastOccupied,
                "round_robin" => Strategy::RoundRobin,
                "linear" => Strategy::Linear,
                "random" => Strategy::Random,
                "weighted_random" => Strategy::WeightedRandom,
                "ring_all" => Strategy::RingAll,
                "progressive" => Strategy::Progressive { more, every_ms },
                _ => return None,
            })
        })
    }

    fn needs(&mut self, block: &Block, skills: &Skills) -> Option<Vec<SkillNeed>> {
        let asked = self.list(block, "skills", "\"溧阳方言 from 3\" or \"溧阳方言 preferred\"", words::skill)?;
        let steps = self.list(block, "relax", "\"溧阳方言 from 2 after 20\" or \"溧阳方言 preferred after 40\"", words::relaxation)?;
        let mut needs: Vec<SkillNeed> = Vec::new();
        for At { line, value: SkillWord { name, minimum } } in asked {
            let skill = self.skill(line, &name, skills)?;
            if needs.iter().any(|need| need.skill == skill) {
                self.faults.push(twice(line, "the skill", &name));
            }
            needs.push(SkillNeed { skill, minimum, relaxed: Vec::new() });
        }
        for At { line, value: (SkillWord { name, minimum }, after_ms) } in steps {
            let skill = self.skill(line, &name, skills)?;
            let Some(need) = needs.iter_mut().find(|need| need.skill == skill) else {
                return self.fault(
                    line,
                    format!("relax names {name}, for which skills does not ask"),
                    "Name it in skills first, or remove this step.",
                );
            };
            if minimum >= need.minimum_after(after_ms) {
                return self.fault(line, format!("the step for {name} relaxes nothing"), "Ask for less than before, or remove this step.");
            }
            need.relaxed.push(Relaxation { after_ms, minimum });
        }
        Some(needs)
    }

    fn skill(&mut self, line: Option<usize>, name: &str, skills: &Skills) -> Option<SkillId> {
        let known = skills.get(name).copied();
        if known.is_none() {
            let names: Vec<_> = skills.keys().map(String::as_str).collect();
            let known = if names.is_empty() { "none yet; add [[skills]]".to_owned() } else { names.join(", ") };
            return self.fault(line, format!("there is no skill {name}"), format!("Known skills: {known}."));
        }
        known
    }

    fn tiers(&mut self, block: &Block) -> Option<BTreeMap<u8, u64>> {
        let mut tiers = BTreeMap::new();
        for At { line, value: (tier, after_ms) } in self.list(block, "tiers", "\"2 after 20\"", words::tier)? {
            if tiers.insert(tier, after_ms).is_some() {
                self.faults.push(twice(line, "tier", &tier.to_string()));
            }
        }
        Some(tiers)
    }

    /// A list of texts, each in a form of its own.
    pub(super) fn list<T>(&mut self, block: &Block, key: &str, wanted: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<At<T>>> {
        let At { line, value } = block.texts(key)?;
        if value.len() > LIST_LIMIT {
            return self.fault(line, format!("{key} has {} entries", value.len()), format!("Keep at most {LIST_LIMIT}."));
        }
        let mut found = Vec::new();
        for text in value {
            match read(text) {
                Some(value) => found.push(At { line, value }),
                None => return self.fault(line, format!("{key} cannot hold {text:?}"), format!("Write {wanted}.")),
            }
        }
        Some(found)
    }

    fn priority(&mut self, block: &Block) -> Option<Priority> {
        let weight = self.points(block, "weight");
        let slope = self.count(block, "slope", 0..=10_000).and_then(|slope| u32::try_from(slope).ok());
        let returned = self.points(block, "returned_bonus");
        let guard_ms = self.time(block, "guard_seconds", 0..=DAY_MS);
        Some(Priority { weight: weight?, slope: slope?, returned: returned?, guard_ms: guard_ms? })
    }

    fn points(&mut self, block: &Block, key: &str) -> Option<i32> {
        let At { line, value } = block.points(key)?;
        match i32::try_from(value) {
            Ok(points) if value.abs() <= POINTS_LIMIT => Some(points),
            _ => self.fault(line, format!("{key} is {value}"), format!("Choose from -{POINTS_LIMIT} to {POINTS_LIMIT}.")),
        }
    }

    fn wrap_up(&mut self, block: &Block) -> Option<WrapUpRule> {
        let until_saved = self.word(block, "wrap_up_until_saved", "\"yes\" or \"no\"", words::yes);
        let extensions = self.count(block, "wrap_up_extensions", 0..=EXTENSIONS_LIMIT).and_then(|count| u8::try_from(count).ok());
        let extension_ms = self.time(block, "wrap_up_extension_seconds", 1..=HOUR_MS);
        Some(WrapUpRule { until_saved: until_saved?, extensions: extensions?, extension_ms: extension_ms? })
    }

    fn overflow(&mut self, block: &Block) -> Option<Overflow> {
        let full = self.exit(block, "when_full");
        let timeout = self.exit(block, "when_timeout");
        let nobody = self.exit_or_wait(block, "when_nobody");
        let all_not_ready = self.exit_or_wait(block, "when_all_not_ready");
        Some(Overflow { full: full?, timeout: timeout?, nobody_signed_in: nobody?, all_not_ready: all_not_ready? })
    }

    pub(super) fn exit(&mut self, block: &Block, key: &str) -> Option<Exit> {
        self.word(block, key, "\"refuse\", \"queue 2\", \"announce closed\" or \"callback\"", words::exit)
    }

    /// The inner `None` lets citizens wait.
    fn exit_or_wait(&mut self, block: &Block, key: &str) -> Option<Option<Exit>> {
        let wanted = "\"wait\", \"refuse\", \"queue 2\", \"announce closed\" or \"callback\"";
        self.word(block, key, wanted, |word| if word == "wait" { Some(None) } else { words::exit(word).map(Some) })
    }

    /// No way out may lead to a queue that does not exist, or back into the same one.
    fn exits_lead_somewhere(&mut self, queues: &BTreeMap<QueueId, QueuePlan>) {
        let written = self.written;
        for block in written.all("queues") {
            let own = block.whole("id").and_then(|id| u32::try_from(id.value).ok()).map(QueueId);
            for key in ["when_full", "when_timeout", "when_nobody", "when_all_not_ready", "when_closed"] {
                self.exit_leads_somewhere(block, key, own, queues);
            }
        }
        for block in written.all("numbers") {
            self.exit_leads_somewhere(block, "when_closed", None, queues);
        }
    }

    fn exit_leads_somewhere(&mut self, block: &Block, key: &str, own: Option<QueueId>, queues: &BTreeMap<QueueId, QueuePlan>) {
        let Some(At { line, value }) = block.text(key) else { return };
        let Some(Exit::Queue(to)) = words::exit(value) else { return };
        if !queues.contains_key(&to) {
            let known: Vec<_> = queues.keys().map(ToString::to_string).collect();
            let what = format!("{key} leads to queue {to}, which does not exist");
            self.fault::<()>(line, what, format!("Known queues: {}.", known.join(", ")));
        } else if own == Some(to) {
            self.fault::<()>(line, format!("{key} leads back into the same queue"), "Name another queue, or \"refuse\".");
        }
    }
}

fn role(word: &str) -> Option<Role> {
    match word {
        "agent" => Some(Role::Agent),
        "supervisor" => Some(Role::Supervisor),
        _ => None,
    }
}

fn no_answer(word: &str) -> Option<NoAnswer> {
    match word {
        "not_ready" => Some(NoAnswer::NotReady),
        "skip" => Some(NoAnswer::SkipOnly),
        other => {
            let misses = other.strip_prefix("not_ready after ")?.trim().parse().ok().filter(|misses| (1..=100).contains(misses))?;
            Some(NoAnswer::NotReadyAfter { misses })
        }
    }
}
