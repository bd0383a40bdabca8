//! Lists of callers: blocked numbers (1-11) and numbers in favour (2.2, VIP and special care). Matched on the normalised number before
//! queueing; a withheld number is on no list.
//!
//! Author and evidence of an entry stay in the store, as does the reason of a block: here is only what decides or is shown.

use super::PromptName;
use serde::{Deserialize, Serialize};
use shared::model::{Caller, CareMark, PhoneNumber, UnixMillis};

/// All lists. Each may have some thousand entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Callers {
    /// 拦截
    pub blocked: Vec<BlockEntry>,
    /// VIP, 特殊人群
    pub favoured: Vec<FavourEntry>,
    /// Numbers behind which many people are, such as a company's: nobody has a last agent there.
    pub shared: Vec<NumberPattern>,
    /// What [`BlockLevel::Announce`] plays; without it such a call is refused.
    pub block_text: Option<PromptName>,
}

/// A number, or all numbers that begin alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberPattern {
    /// The number, or its beginning.
    pub number: PhoneNumber,
    /// Whether more digits may follow.
    #[serde(default)]
    pub prefix: bool,
}

/// One entry of the blocked list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockEntry {
    /// The store's number of the entry: each block names it.
    pub entry: u32,
    /// Who.
    pub callers: NumberPattern,
    /// What follows.
    pub level: BlockLevel,
    /// From when on the entry counts no more; `None` is for ever.
    pub expires: Option<UnixMillis>,
}

/// What follows for a blocked caller, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockLevel {
    /// Waits behind others, by so many points.
    LowPriority(u32),
    /// Is refused from the call on that is one too many within a span of time.
    Rate {
        /// Calls that are let in.
        calls: u32,
        /// Within so many ms.
        within_ms: u64,
    },
    /// Hears a text and is hung up.
    Announce,
    /// Is refused before any line is entered.
    Reject,
}

/// One entry of the list of callers in favour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FavourEntry {
    /// The store's number of the entry: its use is counted.
    #[serde(default)]
    pub entry: u32,
    /// Who.
    pub callers: NumberPattern,
    /// Points for every call.
    pub points: u32,
    /// What the agent sees; `None` shows nothing.
    #[serde(default)]
    pub mark: Option<CareMark>,
    /// From when on the entry counts no more; `None` is for ever.
    pub expires: Option<UnixMillis>,
}

impl NumberPattern {
    /// Whether a number belongs to it, however the two are written.
    #[must_use]
    pub fn matches(&self, number: &PhoneNumber) -> bool {
        let (pattern, number) = (self.number.subscriber(), number.subscriber());
        if self.prefix { number.starts_with(pattern) } else { number == pattern }
    }
}

impl Callers {
    /// The severest entry in force for a caller.
    #[must_use]
    pub fn block(&self, caller: &Caller, now: UnixMillis) -> Option<&BlockEntry> {
        let number = caller.number.as_ref()?.reveal();
        let in_force = self.blocked.iter().filter(|entry| lives(entry.expires, now) && entry.callers.matches(number));
        in_force.max_by_key(|entry| (entry.level, std::cmp::Reverse(entry.entry)))
    }

    /// The entry in force that favours a caller most.
    #[must_use]
    pub fn favour(&self, caller: &Caller, now: UnixMillis) -> Option<&FavourEntry> {
        let number = caller.number.as_ref()?.reveal();
        let in_force = self.favoured.iter().filter(|entry| lives(entry.expires, now) && entry.callers.matches(number));
        in_force.max_by_key(|entry| (entry.points, std::cmp::Reverse(entry.entry)))
    }

    /// Whether many people call from this number.
    pub(crate) fn is_shared(&self, number: &PhoneNumber) -> bool {
        self.shared.iter().any(|pattern| pattern.matches(number))
    }

    /// Points that the lists give to a caller, or take away.
    #[must_use]
    pub fn points(&self, caller: &Caller, now: UnixMillis) -> i32 {
        let Some(number) = caller.number.as_ref().map(|number| number.reveal()) else { return 0 };
        let more = self.favour(caller, now).map_or(0, |entry| entry.points);
        let low = self.blocked.iter().filter(|entry| lives(entry.expires, now) && entry.callers.matches(number));
        let low = low.map(|entry| match entry.level {
            BlockLevel::LowPriority(points) => points,
            BlockLevel::Rate { .. } | BlockLevel::Announce | BlockLevel::Reject => 0,
        });
        let less = low.max().unwrap_or(0);
        let points = |points: u32| i32::try_from(points).unwrap_or(i32::MAX);
        points(more).saturating_sub(points(less))
    }
}

fn lives(expires: Option<UnixMillis>, now: UnixMillis) -> bool {
    expires.is_none_or(|expires| now < expires)
}

#[cfg(test)]
mod tests {
    use super::{BlockEntry, BlockLevel, Callers, FavourEntry, NumberPattern};
    use shared::model::{Caller, PhoneNumber, UnixMillis};

    fn pattern(number: &str, prefix: bool) -> NumberPattern {
        NumberPattern { number: PhoneNumber::parse(number).expect("a number"), prefix }
    }

    fn caller(number: &str) -> Caller {
        Caller { number: Some(PhoneNumber::parse(number).expect("a number").into()) }
    }

    fn entry(entry: u32, callers: NumberPattern, level: BlockLevel, expires: Option<i64>) -> BlockEntry {
        BlockEntry { entry, callers, level, expires: expires.map(UnixMillis) }
    }

    #[test]
    fn every_spelling_of_a_blocked_number_is_blocked_and_no_other_number_is() {
        let blocked = vec![entry(1, pattern("+86 139 1234 5678", false), BlockLevel::Reject, None)];
        let lists = Callers { blocked, ..Callers::default() };
        for spelling in ["13912345678", "013912345678", "008613912345678"] {
            assert!(lists.block(&caller(spelling), UnixMillis(0)).is_some(), "{spelling}");
        }
        assert_eq!(lists.block(&caller("139123456780"), UnixMillis(0)), None);
        assert_eq!(lists.block(&caller("1391234567"), UnixMillis(0)), None);
    }

    #[test]
    fn a_withheld_number_is_on_no_list() {
        let everybody = vec![entry(1, pattern("1", true), BlockLevel::Reject, None)];
        let lists = Callers { blocked: everybody, ..Callers::default() };
        assert!(lists.block(&caller("110"), UnixMillis(0)).is_some());
        assert_eq!(lists.block(&Caller::default(), UnixMillis(0)), None);
        assert_eq!(lists.points(&Caller::default(), UnixMillis(0)), 0);
    }

    #[test]
    fn an_entry_ends_when_it_expires_and_the_severest_one_counts() {
        let low = entry(1, pattern("139", true), BlockLevel::LowPriority(60), None);
        let reject = entry(2, pattern("13912345678", false), BlockLevel::Reject, Some(1_000));
        let lists = Callers { blocked: vec![reject, low], ..Callers::default() };
        let at = |now| lists.block(&caller("13912345678"), UnixMillis(now)).map(|entry| entry.entry);
        assert_eq!((at(999), at(1_000)), (Some(2), Some(1)));
        assert_eq!(lists.points(&caller("13912345678"), UnixMillis(1_000)), -60);
    }

    #[test]
    fn favour_gives_points_until_it_expires() {
        let favoured = vec![FavourEntry {
            entry: 1,
            callers: pattern("051987654321", false),
            points: 90,
            mark: None,
            expires: Some(UnixMillis(1_000)),
        }];
        let lists = Callers { favoured, ..Callers::default() };
        let at = |now| lists.points(&caller("+86051987654321"), UnixMillis(now));
        assert_eq!((at(999), at(1_000)), (90, 0));
    }
}
