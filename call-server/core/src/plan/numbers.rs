//! Number rules: how a carrier writes a number, and how we do. Pure text to text; who applies them when is the trunk's business.
//!
//! A rule is written `BEGINNING[/DIGITS] -> REPLACEMENT`: `+86 -> 0` strips the country code and puts the trunk zero, `1/11 -> +861`
//! makes an E.164 number of a mobile number, `/8 -> 0519` adds the area code to eight digits, ` -> 9` puts a 9 before every number.

use serde::{Deserialize, Serialize};
use shared::model::PhoneNumber;
use std::fmt;
use std::str::FromStr;

/// Longest beginning and replacement of a rule, in digits.
const MAX_DIGITS: usize = 32;

/// Why a text is no shape or no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A character that no number has, a `+` in its midst, or too many.
    #[error("a number has only digits, * and #, may begin with +, and has at most 32 of them")]
    BadDigits,
    /// What stands behind the slash is no number of digits from 1 to 32.
    #[error("behind the slash stands how many digits the whole number has, 1 to 32")]
    BadLength,
    /// No arrow.
    #[error("a rule has an arrow, such as \"+86 -> 0\"")]
    NoArrow,
}

/// Numbers that begin alike and, if a length is given, have so many digits: `0519`, `1/11`, `/8`; the empty one means all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(try_from = "String", into = "String")]
pub struct NumberShape {
    begins: Box<str>,
    digits: Option<u8>,
}

impl NumberShape {
    /// Whether a number is one of them.
    #[must_use]
    pub fn matches(&self, number: &PhoneNumber) -> bool {
        let text = number.as_str();
        let digits = text.trim_start_matches('+').len();
        text.starts_with(&*self.begins) && self.digits.is_none_or(|wanted| usize::from(wanted) == digits)
    }

    /// How exactly it says which numbers it means: of two that match, the larger one is meant.
    #[must_use]
    pub fn exactness(&self) -> (usize, bool) {
        (self.begins.len(), self.digits.is_some())
    }
}

impl FromStr for NumberShape {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (begins, digits) = match text.trim().split_once('/') {
            Some((begins, digits)) => {
                let digits = digits.trim().parse().ok().filter(|digits| (1..=MAX_DIGITS).contains(&usize::from(*digits)));
                (begins, Some(digits.ok_or(RuleError::BadLength)?))
            }
            None => (text, None),
        };
        Ok(Self { begins: part(begins)?, digits })
    }
}

impl fmt::Display for NumberShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.begins)?;
        self.digits.map_or(Ok(()), |digits| write!(f, "/{digits}"))
    }
}

impl TryFrom<String> for NumberShape {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl From<NumberShape> for String {
    fn from(shape: NumberShape) -> Self {
        shape.to_string()
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NumberRule {
    shape: NumberShape,
    put: Box<str>,
}

impl NumberRule {
    /// The number as the rule writes it; `None` if the rule is not about this number, or would leave nothing that can be dialled.
    #[must_use]
    pub fn apply(&self, number: &PhoneNumber) -> Option<PhoneNumber> {
        if !self.shape.matches(number) {
            return None;
        }
        let rest = number.as_str().strip_prefix(&*self.shape.begins)?;
        PhoneNumber::parse(&format!("{}{rest}", self.put)).ok()
    }
}

impl FromStr for NumberRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (shape, put) = text.split_once("->").ok_or(RuleError::NoArrow)?;
        Ok(Self { shape: shape.parse()?, put: part(put)? })
    }
}

impl fmt::Display for NumberRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.shape, self.put)
    }
}

impl TryFrom<String> for NumberRule {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl From<NumberRule> for String {
    fn from(rule: NumberRule) -> Self {
        rule.to_string()
    }
}

/// Rules in their order; the first one that is about a number counts, and a number that none is about stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct NumberRules(pub Vec<NumberRule>);

impl NumberRules {
    /// The number as the rules write it.
    #[must_use]
    pub fn apply(&self, number: &PhoneNumber) -> PhoneNumber {
        self.0.iter().find_map(|rule| rule.apply(number)).unwrap_or_else(|| number.clone())
    }
}

/// A part of a number, possibly empty.
fn part(text: &str) -> Result<Box<str>, RuleError> {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_dialable = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'*' | b'#'));
    if is_dialable && digits.len() <= MAX_DIGITS { Ok(text.into()) } else { Err(RuleError::BadDigits) }
}

#[cfg(test)]
mod tests {
    use super::{NumberRule, NumberRules, NumberShape, RuleError};
    use shared::model::PhoneNumber;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).expect("a number")
    }

    fn rules(texts: &[&str]) -> NumberRules {
        NumberRules(texts.iter().map(|text| text.parse().expect("a rule")).collect())
    }

    #[test]
    fn a_carriers_numbers_become_ours_and_ours_the_carriers() {
        let inward = ["+8610 -> 010", "+861/13 -> 1", "+86 -> 0", "00 -> +"];
        let outward = ["010 -> +8610", "1/11 -> +861", "0 -> +86", "/8 -> +86519"];
        for (list, given, wanted) in [
            (inward, "+8613912345678", "13912345678"),
            (inward, "+8651987210088", "051987210088"),
            (inward, "+861087654321", "01087654321"),
            (inward, "0044201234", "+44201234"),
            (inward, "12345", "12345"),
            (outward, "13912345678", "+8613912345678"),
            (outward, "051987210088", "+8651987210088"),
            (outward, "87210088", "+8651987210088"),
            (outward, "110", "110"),
            (outward, "139123456780", "139123456780"),
        ] {
            assert_eq!(rules(&list).apply(&number(given)).as_str(), wanted, "{given} by {list:?}");
        }
    }

    #[test]
    fn an_empty_beginning_means_every_number_and_an_empty_replacement_only_strips() {
        assert_eq!(rules(&[" -> 9"]).apply(&number("12345")).as_str(), "912345");
        assert_eq!(rules(&["9 -> "]).apply(&number("912345")).as_str(), "12345");
    }

    #[test]
    fn a_rule_that_would_leave_nothing_or_no_number_does_not_count() {
        assert_eq!(rules(&["12345 -> ", "1 -> 2"]).apply(&number("12345")).as_str(), "22345");
        assert_eq!(rules(&[" -> 0"]).apply(&number("+86139")).as_str(), "+86139", "a plus stands only at the beginning");
    }

    #[test]
    fn the_more_exact_shape_is_the_longer_one_and_then_the_one_with_a_length() {
        let shape = |text: &str| text.parse::<NumberShape>().expect("a shape");
        assert!(shape("0519").exactness() > shape("0/12").exactness());
        assert!(shape("0/12").exactness() > shape("0").exactness());
        assert!(shape("").matches(&number("+1")) && shape("/1").matches(&number("+1")) && !shape("/2").matches(&number("+1")));
    }

    #[test]
    fn what_is_no_rule_is_refused_and_what_is_one_is_written_back() {
        for (text, error) in [
            ("+86", RuleError::NoArrow),
            ("8+6 -> 0", RuleError::BadDigits),
            ("86 -> x", RuleError::BadDigits),
            ("/0 -> 1", RuleError::BadLength),
            ("/99 -> 1", RuleError::BadLength),
        ] {
            assert_eq!(text.parse::<NumberRule>(), Err(error), "{text}");
        }
        let rule: NumberRule = "1/11->+861".parse().expect("a rule");
        assert_eq!(rule.to_string(), "1/11 -> +861");
        assert_eq!(rule.to_string().parse(), Ok(rule));
    }
}
