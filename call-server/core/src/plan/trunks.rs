//! Trunks as the plan sees them: whose numbers they write how, which outbound calls they take, and in which order they are tried.
//!
//! Pure: what the lines are like now and the draws of chance are arguments (RFC 2782 for weights, RFC 3263 section 4.3 for failover).

use super::{NumberRules, NumberShape, TrunkVoice};
use serde::{Deserialize, Serialize};
use shared::model::{Caller, PhoneNumber, TrunkId};
use shared::pii::Pii;
use std::collections::BTreeMap;

/// Most places that one outbound call is tried at: a caller does not wait for a seventh.
pub const MAX_ATTEMPTS: usize = 6;

/// One trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct TrunkPlan {
    /// Its name, for logs and reports.
    pub name: String,
    /// Most calls of citizens over it at once; `None` is without limit. The next one hears busy (`channel_limit`).
    pub max_in: Option<u32>,
    /// Most calls of ours over it at once; `None` is without limit.
    pub max_out: Option<u32>,
    /// Which outbound numbers it takes; none if empty.
    pub outbound: Vec<NumberShape>,
    /// Among the trunks that take a number: the smallest is tried first.
    pub priority: u16,
    /// Share of the calls among trunks of equal priority; 0 only if the others fail.
    pub weight: u16,
    /// How the carrier writes numbers.
    pub numbers: TrunkNumbers,
    /// The number that the called person sees instead of the caller's own.
    pub shown_number: Option<PhoneNumber>,
    /// Its calls to the carrier ask that the called person is not shown the calling number (RFC 3323).
    #[serde(default)]
    pub hides_number: bool,
    /// How voice and keys travel.
    #[serde(default)]
    pub voice: TrunkVoice,
    /// Where its calls go.
    pub targets: Vec<TargetPlan>,
}

/// Number rules of one trunk, both ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct TrunkNumbers {
    /// The caller of an incoming call, before anything else looks at it.
    pub caller_in: NumberRules,
    /// The dialled number of an incoming call.
    pub dialled_in: NumberRules,
    /// The caller of an outgoing call.
    pub caller_out: NumberRules,
    /// The dialled number of an outgoing call.
    pub dialled_out: NumberRules,
}

impl TrunkNumbers {
    /// An incoming caller in our spelling; a withheld number stays withheld.
    #[must_use]
    pub fn caller_in(&self, caller: Caller) -> Caller {
        Caller { number: caller.number.map(|number| Pii::new(self.caller_in.apply(number.reveal()))) }
    }
}

/// One place that a trunk's calls may go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetPlan {
    /// `sip:` or `sips:` URI without a user.
    pub uri: String,
    /// The smallest is tried first.
    pub priority: u16,
    /// Share of the calls among targets of equal priority; 0 only if the others fail.
    pub weight: u16,
}

/// What a trunk is like now. A trunk of which nothing is known is taken as sound and idle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineState {
    /// Calls of ours over it.
    pub calls_out: u32,
    /// It has to be registered, and is not.
    pub unregistered: bool,
    /// Places in [`TrunkPlan::targets`] that do not answer.
    pub down: Vec<usize>,
}

/// Why a trunk is not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// It takes no such numbers.
    OtherNumbers,
    /// It names no target.
    NoTarget,
    /// Its registration failed or is not made yet.
    Unregistered,
    /// As many calls go out over it as may.
    Full,
}

/// One place to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Over which trunk.
    pub trunk: TrunkId,
    /// Place in its targets.
    pub target: usize,
    /// It did not answer lately: tried only because everything else has failed.
    pub last_resort: bool,
}

/// Where an outbound call is tried, in this order, and which trunks were passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Choice {
    /// At most [`MAX_ATTEMPTS`].
    pub attempts: Vec<Attempt>,
    /// Each trunk that is not tried.
    pub passed_over: Vec<(TrunkId, Unfit)>,
}

/// How one attempt ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    /// Refused with this status.
    Refused(u16),
    /// Nothing came back, or the way is broken.
    NoResponse,
}

impl AttemptEnd {
    /// Whether another place may do better: what failed is the way or the server (RFC 3263 section 4.3: 503 and time-out; likewise what
    /// a proxy says of the servers behind it), not the person called.
    #[must_use]
    pub fn may_try_next(self) -> bool {
        match self {
            Self::NoResponse => true,
            Self::Refused(status) => matches!(status, 408 | 500 | 502 | 503 | 504),
        }
    }
}

/// Chooses the trunks for a number. `draw(n)` gives a number below `n`, by chance.
#[must_use]
pub fn choose(
    trunks: &BTreeMap<TrunkId, TrunkPlan>,
    states: &BTreeMap<TrunkId, LineState>,
    number: &PhoneNumber,
    mut draw: impl FnMut(u32) -> u32,
) -> Choice {
    let mut choice = Choice::default();
    let mut fit = Vec::new();
    for (id, trunk) in trunks {
        let state = states.get(id).cloned().unwrap_or_default();
        match trunk.unfit(&state, number) {
            Some(why) => choice.passed_over.push((*id, why)),
            None => fit.push((*id, trunk, state)),
        }
    }
    let order = by_priority(&fit, |(_, trunk, _)| (trunk.priority, trunk.weight), &mut draw);
    for (id, trunk, state) in order {
        let places: Vec<(usize, &TargetPlan)> = trunk.targets.iter().enumerate().collect();
        for (target, _) in by_priority(&places, |(_, target)| (target.priority, target.weight), &mut draw) {
            choice.attempts.push(Attempt { trunk: *id, target: *target, last_resort: state.down.contains(target) });
        }
    }
    choice.attempts.sort_by_key(|attempt| attempt.last_resort);
    choice.attempts.truncate(MAX_ATTEMPTS);
    choice
}

/// The trunk that a call of ours to this number is tried over first, as long as nothing is known of the lines: its wishes make the first
/// offer. Where another one is tried that has other wishes, there is another offer.
#[must_use]
pub fn first_for<'a>(trunks: &'a BTreeMap<TrunkId, TrunkPlan>, number: &PhoneNumber) -> Option<&'a TrunkPlan> {
    let takes = |trunk: &&TrunkPlan| !trunk.targets.is_empty() && trunk.outbound.iter().any(|shape| shape.matches(number));
    trunks.values().filter(takes).min_by_key(|trunk| trunk.priority)
}

/// Whose number is shown outside if a phone of the house calls there: its own where each trunk that takes the call writes that in another
/// way, by a rule or by showing a number of its own; an internal number alone means nothing outside, and no carrier accepts it.
#[must_use]
pub fn shown_outside(trunks: &BTreeMap<TrunkId, TrunkPlan>, phone: &PhoneNumber, number: &PhoneNumber) -> Caller {
    let own = Caller { number: Some(phone.clone().into()) };
    let mut takers = trunks.values().filter(|trunk| trunk.outbound.iter().any(|shape| shape.matches(number)));
    if takers.all(|trunk| trunk.caller_out(&own).as_ref() != Some(phone)) { own } else { Caller::default() }
}

impl TrunkPlan {
    /// Whether its targets are addresses of IPv6.
    #[must_use]
    pub fn is_ipv6(&self) -> bool {
        !self.targets.is_empty() && self.targets.iter().all(|target| target.uri.contains('['))
    }

    /// Whether its targets are likely to be reached over TLS; an outbound proxy may be reached otherwise.
    #[must_use]
    pub fn is_over_tls(&self) -> bool {
        let says_tls = |uri: &str| uri.starts_with("sips:") || uri.to_ascii_lowercase().contains(";transport=tls");
        !self.targets.is_empty() && self.targets.iter().all(|target| says_tls(&target.uri))
    }

    fn unfit(&self, state: &LineState, number: &PhoneNumber) -> Option<Unfit> {
        if !self.outbound.iter().any(|shape| shape.matches(number)) {
            return Some(Unfit::OtherNumbers);
        }
        if self.targets.is_empty() {
            return Some(Unfit::NoTarget);
        }
        if state.unregistered {
            return Some(Unfit::Unregistered);
        }
        self.max_out.is_some_and(|most| state.calls_out >= most).then_some(Unfit::Full)
    }
}

/// By priority; among equals drawn by weight, those of weight 0 behind the others (RFC 2782, with 0 read as never before another).
fn by_priority<'a, T>(items: &'a [T], rank: impl Fn(&T) -> (u16, u16), draw: &mut impl FnMut(u32) -> u32) -> Vec<&'a T> {
    let mut left: Vec<&T> = items.iter().collect();
    left.sort_by_key(|item| rank(item).0);
    let mut order = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let priority = rank(first).0;
        let equals = left.iter().take_while(|item| rank(item).0 == priority).count();
        let weight_of = |item: &&T| u32::from(rank(item).1);
        let total: u32 = left.iter().take(equals).map(weight_of).sum();
        let mut drawn = if total == 0 { 0 } else { draw(total).min(total - 1) };
        let place = left.iter().take(equals).position(|item| match drawn.checked_sub(weight_of(item)) {
            Some(rest) if total > 0 => {
                drawn = rest;
                false
            }
            Some(_) | None => true,
        });
        order.push(left.remove(place.unwrap_or(0)));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).expect("a number")
    }

    fn target(priority: u16, weight: u16) -> TargetPlan {
        TargetPlan { uri: format!("sip:{priority}-{weight}.example"), priority, weight }
    }

    fn trunk(priority: u16, weight: u16, outbound: &[&str], targets: Vec<TargetPlan>) -> TrunkPlan {
        let outbound = outbound.iter().map(|shape| shape.parse().expect("a shape")).collect();
        TrunkPlan { priority, weight, outbound, targets, ..TrunkPlan::default() }
    }

    fn three() -> BTreeMap<TrunkId, TrunkPlan> {
        BTreeMap::from([
            (TrunkId(1), trunk(1, 1, &["0", "1/11"], vec![target(2, 1), target(1, 1)])),
            (TrunkId(2), trunk(2, 1, &["1/11"], vec![target(1, 1)])),
            (TrunkId(3), trunk(1, 1, &[], vec![target(1, 1)])),
        ])
    }

    fn order(choice: &Choice) -> Vec<(u32, usize)> {
        choice.attempts.iter().map(|attempt| (attempt.trunk.0, attempt.target)).collect()
    }

    #[test]
    fn trunks_and_their_targets_are_tried_by_priority_and_others_passed_over() {
        let choice = choose(&three(), &BTreeMap::new(), &number("13912345678"), |_| 0);
        assert_eq!(order(&choice), [(1, 1), (1, 0), (2, 0)]);
        assert_eq!(choice.passed_over, [(TrunkId(3), Unfit::OtherNumbers)]);
        assert_eq!(order(&choose(&three(), &BTreeMap::new(), &number("051987210088"), |_| 0)), [(1, 1), (1, 0)]);
        assert!(choose(&three(), &BTreeMap::new(), &number("110"), |_| 0).attempts.is_empty());
    }

    #[test]
    fn what_a_line_is_like_decides_whether_it_is_tried() {
        let mut trunks = three();
        trunks.get_mut(&TrunkId(1)).expect("it is there").max_out = Some(2);
        for (state, first, passed) in [
            (LineState { calls_out: 1, ..LineState::default() }, 1, None),
            (LineState { calls_out: 2, ..LineState::default() }, 2, Some(Unfit::Full)),
            (LineState { unregistered: true, ..LineState::default() }, 2, Some(Unfit::Unregistered)),
        ] {
            let states = BTreeMap::from([(TrunkId(1), state)]);
            let choice = choose(&trunks, &states, &number("13912345678"), |_| 0);
            assert_eq!(choice.attempts[0].trunk, TrunkId(first));
            assert_eq!(choice.passed_over.iter().find(|(id, _)| *id == TrunkId(1)).map(|(_, why)| *why), passed);
        }
        trunks.get_mut(&TrunkId(2)).expect("it is there").targets.clear();
        let choice = choose(&trunks, &BTreeMap::new(), &number("13912345678"), |_| 0);
        assert!(choice.passed_over.contains(&(TrunkId(2), Unfit::NoTarget)));
    }

    #[test]
    fn a_target_that_does_not_answer_is_tried_after_all_that_do() {
        let states = BTreeMap::from([(TrunkId(1), LineState { down: vec![1], ..LineState::default() })]);
        let choice = choose(&three(), &states, &number("13912345678"), |_| 0);
        assert_eq!(order(&choice), [(1, 0), (2, 0), (1, 1)]);
        assert!(choice.attempts[2].last_resort);
    }

    #[test]
    fn weights_share_the_calls_and_weight_nought_comes_last() {
        let trunks = BTreeMap::from([
            (TrunkId(1), trunk(1, 0, &[""], vec![target(1, 1)])),
            (TrunkId(2), trunk(1, 30, &[""], vec![target(1, 1)])),
            (TrunkId(3), trunk(1, 70, &[""], vec![target(1, 1)])),
        ]);
        let first = |drawn: u32| order(&choose(&trunks, &BTreeMap::new(), &number("1"), |below| drawn.min(below - 1)))[0].0;
        let second = (0..100).filter(|drawn| first(*drawn) == 2).count();
        let third = (0..100).filter(|drawn| first(*drawn) == 3).count();
        assert_eq!((second, third), (30, 70));
        assert_eq!(order(&choose(&trunks, &BTreeMap::new(), &number("1"), |_| 0)).last(), Some(&(1, 0)));
    }

    #[test]
    fn nobody_is_tried_more_than_six_times() {
        let many = (0..20).map(|_| target(1, 1)).collect();
        let trunks = BTreeMap::from([(TrunkId(1), trunk(1, 1, &[""], many))]);
        assert_eq!(choose(&trunks, &BTreeMap::new(), &number("1"), |_| 0).attempts.len(), MAX_ATTEMPTS);
    }

    #[test]
    fn another_way_is_tried_when_the_way_failed_and_not_when_a_person_did() {
        for status in [408, 500, 502, 503, 504] {
            assert!(AttemptEnd::Refused(status).may_try_next(), "{status}");
        }
        for status in [301, 403, 404, 480, 486, 487, 600, 603] {
            assert!(!AttemptEnd::Refused(status).may_try_next(), "{status}");
        }
        assert!(AttemptEnd::NoResponse.may_try_next());
    }

    #[test]
    fn the_first_trunk_that_takes_a_number_makes_the_first_offer() {
        let mut trunks = three();
        assert_eq!(first_for(&trunks, &number("13912345678")), trunks.get(&TrunkId(1)));
        trunks.get_mut(&TrunkId(1)).expect("it is there").priority = 9;
        assert_eq!(first_for(&trunks, &number("13912345678")), trunks.get(&TrunkId(2)));
        assert_eq!(first_for(&trunks, &number("110")), None);
        let to = |uris: &[&str]| TrunkPlan {
            targets: uris.iter().map(|uri| TargetPlan { uri: (*uri).to_owned(), priority: 1, weight: 1 }).collect(),
            ..TrunkPlan::default()
        };
        assert!(to(&["sip:[2001:db8::1]:5060"]).is_ipv6() && !to(&["sip:192.0.2.1"]).is_ipv6() && !to(&[]).is_ipv6());
        assert!(to(&["sip:192.0.2.1;transport=TLS", "sips:192.0.2.2"]).is_over_tls() && !to(&[]).is_over_tls());
        assert!(!to(&["sip:192.0.2.1;transport=tls", "sip:192.0.2.2"]).is_over_tls());
    }

    #[test]
    fn an_internal_number_is_shown_outside_only_as_the_trunks_write_it() {
        let mut trunks = three();
        let shown = |trunks: &BTreeMap<TrunkId, TrunkPlan>| shown_outside(trunks, &number("8001"), &number("13912345678"));
        assert_eq!(shown(&trunks), Caller::default());
        let direct = "8/4 -> 051987208".parse().expect("a rule");
        trunks.get_mut(&TrunkId(1)).expect("it is there").numbers.caller_out = NumberRules(vec![direct]);
        assert_eq!(shown(&trunks), Caller::default(), "the second trunk would show the bare number");
        trunks.get_mut(&TrunkId(2)).expect("it is there").shown_number = Some(number("12345"));
        let own = shown(&trunks);
        assert_eq!(own, Caller { number: Some(number("8001").into()) });
        let written = |id| trunks.get(&TrunkId(id)).and_then(|trunk| trunk.caller_out(&own));
        assert_eq!((written(1), written(2)), (Some(number("051987208001")), Some(number("12345"))));
    }

    #[test]
    fn a_withheld_caller_stays_withheld_whatever_the_rules() {
        let numbers = TrunkNumbers { caller_in: NumberRules(vec![" -> 9".parse().expect("a rule")]), ..TrunkNumbers::default() };
        assert_eq!(numbers.caller_in(Caller::default()), Caller::default());
        let known = numbers.caller_in(Caller { number: Some(number("110").into()) });
        assert_eq!(known.number.expect("known").reveal().as_str(), "9110");
    }
}
