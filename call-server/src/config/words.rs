//! The small sentences within values of the configuration, such as `溧阳方言 from 2 after 20`. It only reads them.

use call_core::plan::{Exit, Hours, KeyAction, NumberPattern, PromptName, SpokenLanguage, Weekday};
use shared::model::{PhoneNumber, QueueId, TrunkId};

/// Longest time in such a sentence, in ms.
const AFTER_LIMIT_MS: u64 = 24 * 3_600_000;

/// A demand for a skill by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SkillWord {
    pub(super) name: String,
    /// 1 to 9; 0 only prefers.
    pub(super) minimum: u8,
}

/// `NAME from LEVEL` or `NAME preferred`.
pub(super) fn skill(text: &str) -> Option<SkillWord> {
    let words: Vec<_> = text.split_whitespace().collect();
    skill_words(&words)
}

fn skill_words(words: &[&str]) -> Option<SkillWord> {
    match words {
        [name, "preferred"] => Some(SkillWord { name: (*name).to_owned(), minimum: 0 }),
        [name, "from", level] => {
            let minimum = level.parse().ok().filter(|level| (1..=9).contains(level))?;
            Some(SkillWord { name: (*name).to_owned(), minimum })
        }
        _ => None,
    }
}

/// `NAME from LEVEL after SECONDS` or `NAME preferred after SECONDS`: the weaker demand, and from which wait on, in ms.
pub(super) fn relaxation(text: &str) -> Option<(SkillWord, u64)> {
    let words: Vec<_> = text.split_whitespace().collect();
    let [demand @ .., "after", seconds] = words.as_slice() else { return None };
    Some((skill_words(demand)?, after_ms(seconds)?))
}

/// `TIER after SECONDS`.
pub(super) fn tier(text: &str) -> Option<(u8, u64)> {
    let words: Vec<_> = text.split_whitespace().collect();
    let [tier, "after", seconds] = words.as_slice() else { return None };
    Some((tier.parse().ok()?, after_ms(seconds)?))
}

/// `yes` or `no`.
pub(super) fn yes(text: &str) -> Option<bool> {
    match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn after_ms(seconds: &str) -> Option<u64> {
    seconds.parse::<u64>().ok()?.checked_mul(1_000).filter(|after| (1..=AFTER_LIMIT_MS).contains(after))
}

/// `mon`, `tue`…
pub(super) fn weekday(text: &str) -> Option<Weekday> {
    WEEK.iter().find(|(word, _)| *word == text).map(|(_, day)| *day)
}

const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// `mon-fri 09:00-12:00 13:00-18:00`: the days, and the spans of each of them, which do not overlap.
pub(super) fn weekly(text: &str) -> Option<(Vec<Weekday>, Vec<Hours>)> {
    let mut parts = text.split_whitespace();
    let days = days(parts.next()?)?;
    let spans: Vec<_> = parts.map(span).collect::<Option<_>>()?;
    let apart = spans.windows(2).all(|pair| pair[0].to_minute <= pair[1].from_minute);
    (!spans.is_empty() && apart).then_some((days, spans))
}

/// `mon` or `mon-fri`.
fn days(text: &str) -> Option<Vec<Weekday>> {
    let place = |word: &str| WEEK.iter().position(|(known, _)| *known == word);
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (place(first)?, place(last)?),
        None => (place(text)?, place(text)?),
    };
    Some(WEEK.get(first..=last)?.iter().map(|(_, day)| *day).collect()).filter(|days: &Vec<_>| !days.is_empty())
}

/// `09:00-12:00`; the end may be `24:00`.
pub(super) fn span(text: &str) -> Option<Hours> {
    let (from, to) = text.trim().split_once('-')?;
    let (from_minute, to_minute) = (minute(from)?, minute(to)?);
    (from_minute < to_minute).then_some(Hours { from_minute, to_minute })
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let plain =
        |part: &str| (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<u16>().ok()).flatten();
    let (hour, minute) = (plain(hour)?, plain(minute)?);
    (minute < 60 && hour * 60 + minute <= 1_440).then_some(hour * 60 + minute)
}

/// `refuse`, `queue 2`, `announce NAME` or `callback`.
pub(crate) fn exit(text: &str) -> Option<Exit> {
    let words: Vec<_> = text.split_whitespace().collect();
    match words.as_slice() {
        ["refuse"] => Some(Exit::Refuse),
        ["queue", id] => id.parse().ok().map(|id| Exit::Queue(QueueId(id))),
        ["announce", name] => prompt(name).map(Exit::Announce),
        ["callback"] => Some(Exit::CallBack),
        _ => None,
    }
}

/// The name of a recorded text.
pub(super) fn prompt(name: &str) -> Option<PromptName> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'-');
    ((1..=64).contains(&name.len()) && name.bytes().all(fits)).then(|| PromptName::from(name))
}

/// A language in which the house speaks.
pub(super) fn language(text: &str) -> Option<SpokenLanguage> {
    match text {
        "zh-CN" => Some(SpokenLanguage::Chinese),
        "en" => Some(SpokenLanguage::English),
        _ => None,
    }
}

/// `1 callback`, `2 queue 3`, `9 announce closed`, `0 refuse`.
pub(super) fn key(text: &str) -> Option<(char, KeyAction)> {
    let (key, rest) = after_key(text)?;
    let action = match rest {
        "callback" => KeyAction::CallBack,
        other => KeyAction::Leave(exit(other)?),
    };
    Some((key, action))
}

/// A key, and what stands behind it.
pub(super) fn after_key(text: &str) -> Option<(char, &str)> {
    let (key, rest) = text.trim().split_once(' ')?;
    let mut characters = key.chars();
    let key = characters.next().filter(|key| key.is_ascii_digit() || matches!(key, '*' | '#'))?;
    characters.next().is_none().then(|| (key, rest.trim()))
}

/// `TRUNK CALLS`.
pub(super) fn trunk_limit(text: &str) -> Option<(TrunkId, u32)> {
    let (trunk, calls) = text.trim().split_once(' ')?;
    Some((TrunkId(trunk.trim().parse().ok()?), calls.trim().parse().ok().filter(|calls| *calls > 0)?))
}

/// A number, or its beginning with `*` after it.
pub(super) fn pattern(text: &str) -> Option<NumberPattern> {
    let (digits, prefix) = match text.trim().strip_suffix('*') {
        Some(beginning) => (beginning, true),
        None => (text.trim(), false),
    };
    Some(NumberPattern { number: PhoneNumber::parse(digits).ok()?, prefix })
}

#[cfg(test)]
mod tests {
    use super::{SkillWord, exit, key, pattern, relaxation, skill, tier, trunk_limit, weekly, yes};
    use call_core::plan::{Exit, Hours, KeyAction, PromptName, Weekday};
    use shared::model::{PhoneNumber, QueueId, TrunkId};

    #[test]
    fn a_demand_names_a_level_from_1_to_9_or_only_prefers() {
        let word = |minimum| Some(SkillWord { name: "方言".to_owned(), minimum });
        assert_eq!(skill("方言 from 3"), word(3));
        assert_eq!(skill(" 方言  preferred "), word(0));
        for wrong in ["方言", "方言 from 0", "方言 from 10", "方言 from", "from 3", "方言 from 3 4", ""] {
            assert_eq!(skill(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_step_says_from_which_wait_on() {
        let (word, after_ms) = relaxation("方言 from 2 after 20").expect("a step");
        assert_eq!((word.minimum, after_ms), (2, 20_000));
        assert_eq!(relaxation("方言 preferred after 40").map(|(word, after)| (word.minimum, after)), Some((0, 40_000)));
        for wrong in ["方言 from 2", "方言 from 2 after", "方言 from 2 after -1", "方言 after 3", "方言 from 2 after 0", "after 3"]
        {
            assert_eq!(relaxation(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_tier_opens_after_some_seconds() {
        assert_eq!(tier("2 after 20"), Some((2, 20_000)));
        for wrong in ["2", "after 20", "300 after 2", "2 after 99999999"] {
            assert_eq!(tier(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn yes_is_yes() {
        assert_eq!((yes("yes"), yes("no"), yes("true")), (Some(true), Some(false), None));
    }

    #[test]
    fn weekly_hours_name_days_and_spans_in_order() {
        let (days, spans) = weekly("mon-fri 09:00-12:00 13:00-24:00").expect("hours");
        assert_eq!((days.len(), days[4]), (5, Weekday::Friday));
        assert_eq!(spans, [Hours { from_minute: 540, to_minute: 720 }, Hours { from_minute: 780, to_minute: 1_440 }]);
        assert_eq!(weekly("sat 00:00-24:00").map(|(days, _)| days), Some(vec![Weekday::Saturday]));
        for wrong in [
            "mon",
            "fri-mon 09:00-12:00",
            "day 09:00-12:00",
            "mon 9:00-12:00",
            "mon 12:00-09:00",
            "mon 09:00-24:01",
            "mon 09:60-10:00",
            "mon 09:00-12:00 11:00-13:00",
        ] {
            assert_eq!(weekly(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_way_out_is_a_refusal_a_queue_a_text_or_a_callback() {
        assert_eq!(exit("queue 2"), Some(Exit::Queue(QueueId(2))));
        assert_eq!(exit("announce closed"), Some(Exit::Announce(PromptName::from("closed"))));
        assert_eq!(exit("callback"), Some(Exit::CallBack));
        for wrong in ["", "queue", "queue x", "announce", "announce 关门", "refuse now", "wait"] {
            assert_eq!(exit(wrong), None, "{wrong:?}");
        }
        assert_eq!(key("1 callback"), Some(('1', KeyAction::CallBack)));
        assert_eq!(key("* queue 3"), Some(('*', KeyAction::Leave(Exit::Queue(QueueId(3))))));
        for wrong in ["callback", "12 callback", "a callback", "1", "1 dance"] {
            assert_eq!(key(wrong), None, "{wrong:?}");
        }
        assert_eq!(trunk_limit("1 30"), Some((TrunkId(1), 30)));
        assert_eq!((trunk_limit("1 0"), trunk_limit("1")), (None, None));
    }

    #[test]
    fn a_pattern_may_end_in_a_star() {
        let office = pattern("0519 8721*").expect("a pattern");
        assert!(office.prefix && office.matches(&PhoneNumber::parse("051987210000").expect("a number")));
        assert!(!pattern("110").expect("a number").prefix);
        assert_eq!(pattern("*"), None);
    }
}
