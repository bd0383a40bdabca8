//! What the configuration says, compiled and immutable: numbers, queues, agents.

mod calendar;
mod callers;
mod dialling;
mod nodes;
mod numbers;
mod phone;
mod route;
mod service;
mod trunks;
mod voice;

pub use calendar::{
    Because, Calendar, CalendarId, Calendars, Day, DayKind, Hours, HoursRule, Local, Meeting, Mode, NoDay, Override, Scope, SpecialDay,
    Verdict, Weekday,
};
pub use callers::{BlockEntry, BlockLevel, Callers, FavourEntry, NumberPattern};
pub use dialling::{DialledKind, Dialling, NoClass, PermissionClass};
pub use nodes::{NodeExit, NodeKind, NodePlan};
pub use numbers::{NumberRule, NumberRules, NumberShape, RuleError};
pub use phone::{AgentPhone, PhonePlace, Unattended};
pub(crate) use route::MAX_MOVES;
pub use route::{Door, Path, PathEnd, RouteRefusal, Step};
pub use service::{Announcements, CallbackRule, KeyAction, LastAgentRule, ReasonRule, SpokenLanguage, StormRule};
pub use shared::model::PromptName;
pub use trunks::{
    Attempt, AttemptEnd, Choice, LineState, MAX_ATTEMPTS, TargetPlan, TrunkNumbers, TrunkPlan, Unfit, choose, first_for, shown_outside,
};
pub use voice::{KeyMode, Srtp, TrunkCodec, TrunkVoice};

use crate::time::Time;
use serde::{Deserialize, Serialize};
use shared::model::{AgentId, NodeId, NotReadyReason, PhoneNumber, QueueId, TrunkId};
use std::collections::BTreeMap;

/// The plan under which calls are handled; replaced as a whole by `Input::PlanChanged`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Plan {
    /// Dialled number to queue.
    pub numbers: BTreeMap<PhoneNumber, QueueId>,
    /// Waiting lines.
    pub queues: BTreeMap<QueueId, QueuePlan>,
    /// Everybody who may sign in as an agent.
    pub agents: BTreeMap<AgentId, AgentPlan>,
    /// Limits of time that are the same everywhere.
    pub limits: Limits,
    /// Numbers that are blocked, and numbers whose calls have more points.
    #[serde(default)]
    pub callers: Callers,
    /// Lines to carriers.
    #[serde(default)]
    pub trunks: BTreeMap<TrunkId, TrunkPlan>,
    /// Phones of the house and what each may dial.
    #[serde(default)]
    pub phones: BTreeMap<PhoneNumber, PermissionClass>,
    /// Which numbers are what for somebody of the house who dials.
    #[serde(default)]
    pub dialling: Dialling,
    /// When numbers and queues are open.
    #[serde(default)]
    pub calendars: Calendars,
    /// Hours of dialled numbers; one without is always open.
    #[serde(default)]
    pub hours: BTreeMap<PhoneNumber, HoursRule>,
    /// Limits of reasons for 示忙; one without has none.
    #[serde(default)]
    pub reasons: BTreeMap<NotReadyReason, ReasonRule>,
    /// Voice menus 语音菜单 and surveys 满意度调查.
    #[serde(default)]
    pub nodes: BTreeMap<NodeId, NodePlan>,
    /// How many calls may come in.
    #[serde(default)]
    pub storm: StormRule,
    /// Where the random strategies begin; the same seed and inputs give the same choices. Read once, when the core begins.
    #[serde(default)]
    pub seed: u64,
}

/// One waiting line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePlan {
    /// Its name, such as 政务咨询.
    pub name: String,
    /// How long a desk rings before the call goes back to the head of the line, in ms.
    pub ring_ms: u64,
    /// How long wrap-up lasts if the agent does not end it, in ms; 0 is none.
    pub wrap_up_ms: u64,
    /// How long a citizen may wait, in ms; 0 is without limit. Never cuts a live offer (I-24).
    pub max_wait_ms: u64,
    /// Most citizens who may wait at once; the next one goes by [`Overflow::full`].
    pub max_waiting: usize,
    /// Which of several free agents gets the next call.
    #[serde(default)]
    pub strategy: Strategy,
    /// Skills that its calls ask for; with any, the best fit goes before the strategy.
    #[serde(default)]
    pub needs: Vec<SkillNeed>,
    /// From which wait on the members of a tier are asked, in ms. A tier also opens when nobody of a lower one is signed in, and
    /// stays open for that call. A tier without an entry is open from the beginning.
    #[serde(default)]
    pub tiers: BTreeMap<u8, u64>,
    /// How its calls stand against those of other queues.
    #[serde(default)]
    pub priority: Priority,
    /// What follows when a desk rings for too long.
    #[serde(default)]
    pub no_answer: NoAnswer,
    /// How wrap-up ends.
    #[serde(default)]
    pub wrap_up: WrapUpRule,
    /// When its calls go elsewhere.
    #[serde(default)]
    pub overflow: Overflow,
    /// When it is open; `None` is always.
    #[serde(default)]
    pub hours: Option<HoursRule>,
    /// Whether who served a caller last is asked first 首问负责; `None` is no.
    #[serde(default)]
    pub last_agent: Option<LastAgentRule>,
    /// What its citizens are told while they wait.
    #[serde(default)]
    pub announcements: Announcements,
    /// What keys do while a citizen waits.
    #[serde(default)]
    pub keys: BTreeMap<char, KeyAction>,
    /// How its citizens are called back, where a key does that.
    #[serde(default)]
    pub callback: CallbackRule,
    /// What an agent hears before a call of the queue that is accepted by itself: a tone, the queue's name. Empty is nothing.
    #[serde(default)]
    pub whisper: Vec<PromptName>,
    /// Keys that its citizens press while they talk are left out of the recording: card numbers, passwords.
    #[serde(default)]
    pub mask_keys: bool,
}

impl Default for QueuePlan {
    fn default() -> Self {
        Self {
            name: String::new(),
            ring_ms: 15_000,
            wrap_up_ms: 0,
            max_wait_ms: 0,
            max_waiting: 50,
            strategy: Strategy::default(),
            needs: Vec::new(),
            tiers: BTreeMap::new(),
            priority: Priority::default(),
            no_answer: NoAnswer::default(),
            wrap_up: WrapUpRule::default(),
            overflow: Overflow::default(),
            hours: None,
            last_agent: None,
            announcements: Announcements::default(),
            keys: BTreeMap::new(),
            callback: CallbackRule::default(),
            whisper: Vec::new(),
            mask_keys: false,
        }
    }
}

/// What becomes of an agent who lets a desk ring (2.1). The call goes back to the head of the line with its wait in any case, and does
/// not ring at this desk again for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoAnswer {
    /// 未应答 at once.
    #[default]
    NotReady,
    /// Stays Ready for other calls.
    SkipOnly,
    /// 未应答 after so many misses in a row, at least 1; Ready before.
    NotReadyAfter {
        /// The miss that ends it.
        misses: u32,
    },
}

/// How wrap-up 话后处理 ends. Its length is [`QueuePlan::wrap_up_ms`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct WrapUpRule {
    /// Only saving ends it early: 示闲 and 示忙 say what follows. Otherwise they end it.
    pub until_saved: bool,
    /// How often the agent may ask for more time.
    pub extensions: u8,
    /// How much more, in ms.
    pub extension_ms: u64,
}

/// When a call leaves a queue by rule, and where it goes. Each cause has an end reason of its own. The entry time is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Overflow {
    /// As many wait as may; judged at the INVITE and before another queue's calls are taken in.
    pub full: Exit,
    /// [`QueuePlan::max_wait_ms`] is reached; never while a desk rings (I-24).
    pub timeout: Exit,
    /// Nobody who serves the queue is signed in; `None` lets citizens wait.
    pub nobody_signed_in: Option<Exit>,
    /// Nobody who serves the queue is at work; `None` lets citizens wait.
    pub all_not_ready: Option<Exit>,
}

/// Where a call goes that leaves a queue by rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It is refused, or hung up.
    #[default]
    Refuse,
    /// To another queue, if that one takes calls.
    Queue(QueueId),
    /// It hears this text and is hung up.
    Announce(PromptName),
    /// 排队回呼: it hears that its own number will be called back in its place, and is hung up. Who cannot be called back is refused.
    CallBack,
}

/// A skill 技能, such as a dialect or a field of law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SkillId(pub u32);

/// What a call asks of its agent in one skill. Of those who may be asked, the highest levels go first, then the fewest other skills
/// (2.1): generalists are kept free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillNeed {
    /// Which skill.
    pub skill: SkillId,
    /// The least level, 1 to 9; 0 only prefers who has the skill.
    pub minimum: u8,
    /// Weaker minimums for those who wait long.
    #[serde(default)]
    pub relaxed: Vec<Relaxation>,
}

/// One step by which a need is relaxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relaxation {
    /// From this wait on, in ms.
    pub after_ms: u64,
    /// The least level then; 0 only prefers who has the skill.
    pub minimum: u8,
}

impl SkillNeed {
    /// The least level after a wait: a step never asks for more than the ones before it.
    #[must_use]
    pub fn minimum_after(&self, waited_ms: u64) -> u8 {
        let reached = self.relaxed.iter().filter(|step| step.after_ms <= waited_ms);
        reached.map(|step| step.minimum).fold(self.minimum, u8::min)
    }
}

/// How a call of a queue stands against others, in points. Score = weight + bonus + seconds waited × slope; the highest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Priority {
    /// Points that every call of the queue has.
    pub weight: i32,
    /// Points for each second of waiting.
    pub slope: u32,
    /// More points for a citizen who waits again because the agent was lost.
    pub returned: i32,
    /// A call older than this goes before every younger one, whatever the points, in ms; 0 is never.
    pub guard_ms: u64,
}

impl Priority {
    /// Whether a call that entered then has waited so long that points count no more.
    pub(crate) fn guards(self, entered: Time, now: Time) -> bool {
        self.guard_ms > 0 && now.since(entered) >= self.guard_ms
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self { weight: 0, slope: 1, returned: 0, guard_ms: 0 }
    }
}

/// Which of several free agents gets the next call (2.1). Ties go to the longest idle, then to the smaller id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Strategy {
    /// The largest Ready time since the last handled call.
    #[default]
    LongestIdle,
    /// The smallest (talk + wrap-up) ÷ (talk + wrap-up + Ready) of the shift, as of the last full minute.
    LeastOccupied,
    /// The next free member after the one who was offered a call last, in the order of the members.
    RoundRobin,
    /// Always the first free one in the order of the members.
    Linear,
    /// Anybody, each with the same chance.
    Random,
    /// Anybody, by weight; weight 0 only if nobody with more is free.
    WeightedRandom,
    /// All who are free ring together; who joins later rings too, once no other call wants them. The first accept wins.
    RingAll,
    /// As ring-all, but some at a time, the longest idle first.
    Progressive {
        /// How many more each time, at least 1.
        more: u32,
        /// How long after the ones before, in ms, at least 1.
        every_ms: u64,
    },
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentPlan {
    /// Staff number 工号.
    pub number: String,
    /// Name.
    pub name: String,
    /// The queues this agent serves.
    pub queues: Vec<QueueId>,
    /// The agent's part in a queue, where it is not the ordinary one.
    #[serde(default)]
    pub memberships: BTreeMap<QueueId, Membership>,
    /// Levels from 1 to 9.
    #[serde(default)]
    pub skills: BTreeMap<SkillId, u8>,
    /// Calls are accepted by themselves after ringing for so long 自动应答, in ms; only while the desktop says that somebody is there.
    #[serde(default)]
    pub auto_answer_ms: Option<u64>,
    /// How far this agent may dial.
    #[serde(default = "agents_class")]
    pub class: PermissionClass,
    /// 督办: may listen, talk into calls and set states of whoever serves one of the same queues, or of everybody if there are none.
    #[serde(default)]
    pub supervisor: bool,
    /// The telephone by which this agent may speak 座席电话.
    #[serde(default)]
    pub phone: Option<AgentPhone>,
}

fn agents_class() -> PermissionClass {
    PermissionClass::National
}

impl Default for AgentPlan {
    fn default() -> Self {
        Self {
            number: String::new(),
            name: String::new(),
            queues: Vec::new(),
            memberships: BTreeMap::new(),
            skills: BTreeMap::new(),
            auto_answer_ms: None,
            class: agents_class(),
            supervisor: false,
            phone: None,
        }
    }
}

/// An agent's part in one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Membership {
    /// Place in the stable order of the members; equal places go by id.
    pub order: u32,
    /// Chance with [`Strategy::WeightedRandom`], relative to the others'.
    pub weight: u32,
    /// Members of lower tiers are asked first; see [`QueuePlan::tiers`].
    pub tier: u8,
}

impl Default for Membership {
    fn default() -> Self {
        Self { order: 0, weight: 1, tier: 1 }
    }
}

/// Limits of time and count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// An agent whose desktop is gone is `Lost` after this, in ms (1-1: 30 s).
    pub grace_ms: u64,
    /// A lost agent is signed out after this, in ms (1-1: 5 min).
    pub lost_ms: u64,
    /// A citizen whose agent is gone in mid-call goes back to the head of the line after this, in ms (I-32: not before 60 s).
    pub lost_call_ms: u64,
    /// A call that media has not opened by then has failed, in ms.
    pub media_open_ms: u64,
    /// A probe call is hung up after this, in ms.
    pub probe_ms: u64,
    /// After a reject or a miss the same agent is not offered the same call for this long, unless sole (I-28), in ms.
    pub exclude_ms: u64,
    /// Who signs in again within this time goes on with the same shift, in ms: signing out never improves a rank (I-40).
    #[serde(default = "shift_gap_ms")]
    pub shift_gap_ms: u64,
    /// Most interactions at once.
    pub max_interactions: usize,
    /// A text at the door or on the way out is cut after this, in ms.
    #[serde(default = "farewell_ms")]
    pub farewell_ms: u64,
    /// How long a number's contacts are remembered for 首问负责 and 重复来电, in days.
    #[serde(default = "remembered_days")]
    pub remembered_days: u32,
    /// Limits of what agents do with calls.
    #[serde(default)]
    pub functions: FunctionLimits,
}

/// Limits of what agents do with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionLimits {
    /// A call that an agent dials rings for so long, in ms.
    pub dial_ms: u64,
    /// Who is consulted, invited or to take over a call rings for so long, in ms (1-3: 20 s).
    pub aside_ms: u64,
    /// A citizen who is held for so long is brought to the agent's mind again, in ms (1-10: 180 s).
    pub held_ms: u64,
    /// Most hand-overs of one call (1-3: 5).
    pub max_transfers: u32,
    /// Most who take part in a talk beside citizen and agent.
    pub max_others: usize,
    /// A talk without an agent is ended after this, in ms.
    pub residual_ms: u64,
    /// Whoever is in a talk without an agent is told after this that it will end, and supervisors are, in ms (1-5: 30 min).
    pub residual_warning_ms: u64,
    /// A citizen is held for so long at most, and then brought back to the agent, in ms.
    pub held_most_ms: u64,
    /// A paused recording goes on by itself after this, in ms.
    pub pause_ms: u64,
}

impl Default for FunctionLimits {
    fn default() -> Self {
        Self {
            dial_ms: 60_000,
            aside_ms: 20_000,
            held_ms: 180_000,
            max_transfers: 5,
            max_others: 3,
            residual_ms: 3_600_000,
            residual_warning_ms: 1_800_000,
            held_most_ms: 900_000,
            pause_ms: 60_000,
        }
    }
}

fn farewell_ms() -> u64 {
    30_000
}

fn remembered_days() -> u32 {
    30
}

fn shift_gap_ms() -> u64 {
    4 * 3_600_000
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            grace_ms: 30_000,
            lost_ms: 300_000,
            lost_call_ms: 60_000,
            media_open_ms: 5_000,
            probe_ms: 60_000,
            exclude_ms: 60_000,
            shift_gap_ms: shift_gap_ms(),
            max_interactions: 2_000,
            farewell_ms: farewell_ms(),
            remembered_days: remembered_days(),
            functions: FunctionLimits::default(),
        }
    }
}
