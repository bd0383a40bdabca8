//! Plans by chance: queues, people, lists, hours, storms. And the world's numbers, as plainly as the reference for the door needs them.

use call_core::command::ZIP_TONE;
use call_core::input::PastContact;
use call_core::plan::{
    AgentPlan, Announcements, BlockEntry, BlockLevel, Calendar, CalendarId, Calendars, CallbackRule, Callers, Day, DayKind, Exit,
    FavourEntry, FunctionLimits, Hours, HoursRule, KeyAction, LastAgentRule, Limits, Membership, Mode, NoAnswer, NumberPattern, Overflow,
    Override, Plan, Priority, PromptName, QueuePlan, ReasonRule, Relaxation, Scope, SkillId, SkillNeed, SpecialDay, SpokenLanguage,
    StormRule, Strategy, TrunkPlan, Weekday, WrapUpRule,
};
use shared::model::{AgentId, Caller, CareClass, CareMark, NotReadyReason, PhoneNumber, QueueId, TrunkId, UnixMillis};
use std::collections::BTreeMap;

/// The wall clock when a world begins: Friday, 2027-01-15, 16:00 in China.
pub(crate) const BEGAN: i64 = 1_800_000_000_000;
/// That day, counted from 1970 in China's time.
pub(crate) const FIRST_DAY: i64 = 20_833;

/// Who calls: mostly people on no list.
pub(crate) const CALLERS: [&str; 9] =
    ["13900000001", "13900000002", "13900000003", "13900000004", "0213", "013900000007", "13900000008", "13900000009", "+8613900000002"];

/// A number of the world.
pub(crate) fn phone(digits: &str) -> PhoneNumber {
    PhoneNumber::parse(digits).expect("a number of the world")
}

/// The number that leads to a queue.
pub(crate) fn number_of(queue: QueueId) -> PhoneNumber {
    phone(&format!("{}", 100 + queue.0))
}

/// A plan.
pub(crate) fn plan(random: &mut fastrand::Rng, large: bool) -> Plan {
    let queues: Vec<QueueId> = (0..random.u32(1..if large { 9 } else { 4 })).map(QueueId).collect();
    let people = if large { random.u32(20..60) } else { random.u32(1..7) };
    let agents = (0..people).map(|index| (AgentId(1_001 + index), agent(random, index, &queues))).collect();
    let limits = Limits {
        max_interactions: if large { 400 } else { random.usize(3..40) },
        exclude_ms: [0, 20_000, 60_000][random.usize(0..3)],
        lost_ms: [20_000, 300_000][random.usize(0..2)],
        shift_gap_ms: [60_000, 14_400_000][random.usize(0..2)],
        farewell_ms: [4_000, 30_000][random.usize(0..2)],
        functions: FunctionLimits {
            held_ms: random.u64(5_000..60_000),
            held_most_ms: [20_000, 900_000][random.usize(0..2)],
            residual_ms: [20_000, 3_600_000][random.usize(0..2)],
            residual_warning_ms: [10_000, 1_800_000][random.usize(0..2)],
            max_transfers: random.u32(1..6),
            max_others: random.usize(1..4),
            ..FunctionLimits::default()
        },
        ..Limits::default()
    };
    let rules: BTreeMap<QueueId, QueuePlan> = queues.iter().map(|id| (*id, queue(random, &queues))).collect();
    let hours = queues.iter().filter_map(|queue| Some((number_of(*queue), hours_rule(random, &queues)?))).collect();
    Plan {
        numbers: queues.iter().map(|queue| (number_of(*queue), *queue)).collect(),
        queues: rules,
        agents,
        limits,
        callers: lists(random),
        calendars: calendars(random, &queues),
        hours,
        reasons: reasons(random),
        storm: storm(random),
        trunks: trunks(random),
        seed: random.u64(..),
        ..Plan::default()
    }
}

fn agent(random: &mut fastrand::Rng, index: u32, queues: &[QueueId]) -> AgentPlan {
    AgentPlan {
        number: format!("{}", 1_001 + index),
        name: "话务员".to_owned(),
        queues: queues.iter().copied().filter(|_| random.u32(0..3) > 0).collect(),
        memberships: queues.iter().map(|queue| (*queue, membership(random))).collect(),
        skills: (0..random.u32(0..4)).map(|_| (SkillId(random.u32(0..3)), random.u8(1..=9))).collect(),
        supervisor: random.u32(0..3) == 0,
        auto_answer_ms: (random.u32(0..4) == 0).then(|| [0, 1_000, 5_000][random.usize(0..3)]),
        ..AgentPlan::default()
    }
}

fn queue(random: &mut fastrand::Rng, queues: &[QueueId]) -> QueuePlan {
    let mut keys = if random.u32(0..2) == 0 { BTreeMap::from([('1', KeyAction::Leave(exit(random, queues)))]) } else { BTreeMap::new() };
    if random.bool() {
        keys.insert('9', KeyAction::CallBack);
    }
    QueuePlan {
        no_answer: [NoAnswer::NotReady, NoAnswer::SkipOnly, NoAnswer::NotReadyAfter { misses: 2 }][random.usize(0..3)],
        wrap_up: WrapUpRule { until_saved: random.bool(), extensions: random.u8(0..3), extension_ms: 7_000 },
        overflow: overflow(random, queues),
        name: "政务咨询".to_owned(),
        ring_ms: random.u64(4_000..20_000),
        wrap_up_ms: [0, 5_000, 20_000][random.usize(0..3)],
        max_wait_ms: [0, 15_000, 120_000][random.usize(0..3)],
        max_waiting: random.usize(2..20),
        strategy: strategy(random),
        needs: if random.u32(0..3) == 0 { needs(random) } else { Vec::new() },
        tiers: if random.u32(0..3) == 0 { tiers(random) } else { BTreeMap::new() },
        priority: priority(random),
        hours: hours_rule(random, queues),
        last_agent: (random.u32(0..3) == 0)
            .then(|| LastAgentRule { within_days: random.u32(1..30), hold_ms: [0, 8_000, 40_000][random.usize(0..3)] }),
        keys,
        callback: callback(random),
        whisper: if random.bool() { vec![PromptName::from(ZIP_TONE), PromptName::from("advice")] } else { Vec::new() },
        mask_keys: random.bool(),
        announcements: announcements(random),
    }
}

fn callback(random: &mut fastrand::Rng) -> CallbackRule {
    let all_day = Hours { from_minute: 0, to_minute: 1_440 };
    // The world begins at 16:00.
    let some = Hours { from_minute: 16 * 60 + 5, to_minute: 16 * 60 + 25 };
    CallbackRule {
        max_open: random.usize(1..6),
        attempts: random.u32(1..4),
        retry_ms: random.u64(1_000..60_000),
        ring_ms: random.u64(5_000..20_000),
        keep_ms: random.u64(60_000..1_500_000),
        hours: if random.u32(0..4) == 0 { some } else { all_day },
        any_number: random.bool(),
        offered: random.bool(),
        abandoned_after_ms: [0, 0, 10_000][random.usize(0..3)],
    }
}

fn announcements(random: &mut fastrand::Rng) -> Announcements {
    if random.u32(0..3) > 0 {
        return Announcements::default();
    }
    Announcements {
        first_ms: random.u64(1_000..20_000),
        every_ms: [0, 5_000, 20_000][random.usize(0..3)],
        position: random.bool(),
        waiting_time: random.bool(),
        comfort: if random.bool() { vec![PromptName::from("please_wait"), PromptName::from("thank_you")] } else { Vec::new() },
        language: SpokenLanguage::default(),
    }
}

fn strategy(random: &mut fastrand::Rng) -> Strategy {
    match random.u32(0..10) {
        0 => Strategy::LeastOccupied,
        1 => Strategy::RoundRobin,
        2 => Strategy::Linear,
        3 => Strategy::Random,
        4 => Strategy::WeightedRandom,
        5..7 => Strategy::RingAll,
        7 => Strategy::Progressive { more: random.u32(1..3), every_ms: random.u64(1_000..6_000) },
        _ => Strategy::LongestIdle,
    }
}

fn membership(random: &mut fastrand::Rng) -> Membership {
    Membership { order: random.u32(0..3), weight: random.u32(0..4), tier: random.u8(1..4) }
}

fn needs(random: &mut fastrand::Rng) -> Vec<SkillNeed> {
    let needs = (0..random.u32(1..3)).map(|skill| {
        let steps = random.u32(0..3);
        let relaxed = (0..steps).map(|_| Relaxation { after_ms: random.u64(0..60_000), minimum: random.u8(0..6) }).collect();
        SkillNeed { skill: SkillId(skill), minimum: random.u8(0..9), relaxed }
    });
    needs.collect()
}

fn tiers(random: &mut fastrand::Rng) -> BTreeMap<u8, u64> {
    BTreeMap::from([(2, random.u64(0..20_000)), (3, random.u64(5_000..60_000))])
}

fn priority(random: &mut fastrand::Rng) -> Priority {
    match random.u32(0..3) {
        0 => Priority::default(),
        _ => Priority {
            weight: random.i32(-60..60),
            slope: random.u32(0..4),
            returned: random.i32(0..100),
            guard_ms: [0, 20_000, 90_000][random.usize(0..3)],
        },
    }
}

fn exit(random: &mut fastrand::Rng, queues: &[QueueId]) -> Exit {
    match random.u32(0..6) {
        0 | 1 => Exit::Refuse,
        5 => Exit::CallBack,
        2 => Exit::Announce(PromptName::from("sorry")),
        _ => Exit::Queue(queues[random.usize(0..queues.len())]),
    }
}

fn overflow(random: &mut fastrand::Rng, queues: &[QueueId]) -> Overflow {
    let (full, timeout, nobody, not_ready) = (exit(random, queues), exit(random, queues), exit(random, queues), exit(random, queues));
    let (nobody_signed_in, all_not_ready) = (random.bool().then_some(nobody), (random.u32(0..3) == 0).then_some(not_ready));
    Overflow { full, timeout, nobody_signed_in, all_not_ready }
}

fn hours_rule(random: &mut fastrand::Rng, queues: &[QueueId]) -> Option<HoursRule> {
    (random.u32(0..6) == 0).then(|| HoursRule { calendar: CalendarId(random.u32(1..3)), closed: exit(random, queues) })
}

/// Borders lie within the world's first hour, so that they are crossed.
fn calendars(random: &mut fastrand::Rng, queues: &[QueueId]) -> Calendars {
    let calendar = |random: &mut fastrand::Rng| {
        let span = |random: &mut fastrand::Rng| {
            let from_minute = 955 + random.u16(0..20);
            Hours { from_minute, to_minute: from_minute + random.u16(1..40) }
        };
        let week = [Weekday::Thursday, Weekday::Friday, Weekday::Saturday].map(|day| (day, vec![span(random), span(random)]));
        Calendar { name: "工作时间".to_owned(), week: BTreeMap::from(week), holidays: vec![span(random)] }
    };
    let mut days = BTreeMap::new();
    let kind = [None, None, Some(DayKind::Holiday), Some(DayKind::WorkLike(Weekday::Saturday)), Some(DayKind::WorkLike(Weekday::Monday))];
    if let Some(kind) = kind[random.usize(0..5)] {
        days.insert(Day::parse("2027-01-15").expect("a day"), SpecialDay { name: "调休".to_owned(), kind });
    }
    let overrides = if random.u32(0..8) == 0 { vec![by_hand(random, queues, BEGAN)] } else { Vec::new() };
    let calendars = BTreeMap::from([(CalendarId(1), calendar(random)), (CalendarId(2), calendar(random))]);
    Calendars { calendars, days, overrides, ..Calendars::default() }
}

/// 应急模式, for some minutes from a wall-clock time on.
pub(crate) fn by_hand(random: &mut fastrand::Rng, queues: &[QueueId], utc: i64) -> Override {
    let queue = queues[random.usize(0..queues.len())];
    let scope = match random.u32(0..3) {
        0 => Scope::Everything,
        1 => Scope::Number(number_of(queue)),
        _ => Scope::Queue(queue),
    };
    let mode = if random.bool() { Mode::Open } else { Mode::Closed(exit(random, queues)) };
    let expires = UnixMillis(utc + random.i64(30_000..900_000));
    Override { scope, mode, author: "2001".to_owned(), reason: "演练".to_owned(), expires }
}

fn lists(random: &mut fastrand::Rng) -> Callers {
    let pattern = |number: &str| NumberPattern { number: phone(number), prefix: false };
    let expires = |random: &mut fastrand::Rng| (random.u32(0..3) == 0).then(|| UnixMillis(BEGAN + random.i64(0..1_200_000)));
    let mut blocked = vec![
        BlockEntry { entry: 1, callers: pattern("+8613900000007"), level: BlockLevel::Reject, expires: expires(random) },
        BlockEntry { entry: 2, callers: pattern("13900000008"), level: BlockLevel::LowPriority(40), expires: expires(random) },
        BlockEntry { entry: 3, callers: pattern("13900000001"), level: BlockLevel::Reject, expires: Some(UnixMillis(1_000)) },
    ];
    if random.u32(0..4) == 0 {
        let level = BlockLevel::Rate { calls: random.u32(1..3), within_ms: random.u64(1_000..120_000) };
        blocked.push(BlockEntry { entry: 4, callers: pattern("13900000003"), level, expires: expires(random) });
    }
    if random.u32(0..4) == 0 {
        blocked.push(BlockEntry { entry: 5, callers: pattern("13900000004"), level: BlockLevel::Announce, expires: expires(random) });
    }
    let mark = (random.u32(0..3) == 0).then(|| CareMark { class: CareClass::Emergency, reason: String::new() });
    let favoured = vec![FavourEntry { entry: 1, callers: pattern("13900000009"), points: 50, mark, expires: expires(random) }];
    let block_text = random.bool().then(|| PromptName::from("blocked"));
    Callers { blocked, favoured, shared: vec![pattern("0213")], block_text }
}

fn reasons(random: &mut fastrand::Rng) -> BTreeMap<NotReadyReason, ReasonRule> {
    let rule = |random: &mut fastrand::Rng| ReasonRule { max_ms: [0, 5_000, 20_000][random.usize(0..3)], max_agents: random.usize(0..3) };
    if random.bool() {
        return BTreeMap::new();
    }
    BTreeMap::from([(NotReadyReason::Break, rule(random)), (NotReadyReason::Meal, rule(random))])
}

fn storm(random: &mut fastrand::Rng) -> StormRule {
    if random.u32(0..5) > 0 {
        return StormRule::default();
    }
    StormRule {
        per_second: random.u32(0..3),
        per_trunk: BTreeMap::from([(TrunkId(0), random.u32(0..12))]),
        per_caller: random.u32(0..3),
        text: random.bool().then(|| PromptName::from("busy")),
        most_texts: random.u32(0..3),
    }
}

fn trunks(random: &mut fastrand::Rng) -> BTreeMap<TrunkId, TrunkPlan> {
    if random.u32(0..6) > 0 {
        return BTreeMap::new();
    }
    BTreeMap::from([(TrunkId(0), TrunkPlan { max_in: Some(random.u32(1..15)), ..TrunkPlan::default() })])
}

/// What the store knows of earlier days.
pub(crate) fn past(random: &mut fastrand::Rng, agents: &[AgentId]) -> Vec<PastContact> {
    let contact = |random: &mut fastrand::Rng| PastContact {
        caller: Caller { number: Some(phone(CALLERS[random.usize(0..CALLERS.len())]).into()) },
        at: UnixMillis(BEGAN - random.i64(60_000..40 * 86_400_000)),
        agent: (random.u32(0..5) > 0).then(|| agents[random.usize(0..agents.len())]),
        avoid: random.u32(0..8) == 0,
    };
    (0..random.u32(0..8)).map(|_| contact(random)).collect()
}
