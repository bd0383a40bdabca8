//! The small sentences within values of the configuration, such as `溧阳方言 from 2 after 20`. It only reads them.

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

#[cfg(test)]
mod tests {
    use super::{SkillWord, relaxation, skill, tier, yes};

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
}
