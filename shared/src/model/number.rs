//! Telephone numbers as they are dialled and shown.

use crate::pii::Pii;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A dialable number: an optional leading `+`, then 1 to 32 of `0-9 * #`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(Box<str>);

/// Why a text is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneNumberError {
    /// Nothing left after separators were dropped.
    #[error("the number is empty")]
    Empty,
    /// More than 32 digits.
    #[error("the number has more than 32 digits")]
    TooLong,
    /// A character that no telephone has.
    #[error("a number has only digits, * and #, and may begin with +")]
    BadCharacter,
}

impl PhoneNumber {
    /// Reads a number as people write it: spaces, `-`, `.`, `(` and `)` are dropped.
    ///
    /// # Errors
    /// See [`PhoneNumberError`].
    pub fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        let mut digits = String::with_capacity(text.len().min(34));
        for character in text.chars() {
            match character {
                ' ' | '-' | '.' | '(' | ')' => {}
                '+' if digits.is_empty() => digits.push('+'),
                '0'..='9' | '*' | '#' => digits.push(character),
                _ => return Err(PhoneNumberError::BadCharacter),
            }
            if digits.len() > 33 {
                return Err(PhoneNumberError::TooLong);
            }
        }
        match digits.trim_start_matches('+').len() {
            0 => Err(PhoneNumberError::Empty),
            1..=32 => Ok(Self(digits.into_boxed_str())),
            _ => Err(PhoneNumberError::TooLong),
        }
    }

    /// The digits, with the leading `+` if there is one.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which a Chinese subscriber is looked up: `+86`, `0086` and the trunk zero before a mobile number are dropped (1-2).
    pub fn subscriber(&self) -> &str {
        let digits = self.0.strip_prefix("+86").or_else(|| self.0.strip_prefix("0086")).unwrap_or(&self.0);
        match digits.strip_prefix('0') {
            Some(mobile) if mobile.len() == 11 && mobile.starts_with('1') => mobile,
            _ => digits,
        }
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<number>")
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = PhoneNumberError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0.into()
    }
}

/// Who calls. `None` is a withheld number 匿名, which is never matched against lists (1-11).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub struct Caller {
    /// The caller's number as the trunk gave it.
    pub number: Option<Pii<PhoneNumber>>,
}

#[cfg(test)]
mod tests {
    use super::{PhoneNumber, PhoneNumberError};

    #[test]
    fn separators_are_dropped_and_the_rest_is_kept() {
        let number = PhoneNumber::parse("+86 139-1234 5678").expect("a written number parses");
        assert_eq!(number.as_str(), "+8613912345678");
        assert_eq!(number.subscriber(), "13912345678");
    }

    #[test]
    fn subscriber_form_is_one_for_all_spellings_of_a_number() {
        for spelling in ["13912345678", "013912345678", "008613912345678", "+8613912345678"] {
            assert_eq!(PhoneNumber::parse(spelling).expect("valid").subscriber(), "13912345678", "{spelling}");
        }
        assert_eq!(PhoneNumber::parse("051987654321").expect("valid").subscriber(), "051987654321");
    }

    #[test]
    fn what_is_not_a_number_is_refused_with_its_reason() {
        assert_eq!(PhoneNumber::parse(" - "), Err(PhoneNumberError::Empty));
        assert_eq!(PhoneNumber::parse("+"), Err(PhoneNumberError::Empty));
        assert_eq!(PhoneNumber::parse("12a"), Err(PhoneNumberError::BadCharacter));
        assert_eq!(PhoneNumber::parse("1+2"), Err(PhoneNumberError::BadCharacter));
        assert_eq!(PhoneNumber::parse(&"1".repeat(33)), Err(PhoneNumberError::TooLong));
    }

    #[test]
    fn debug_output_hides_the_digits() {
        assert_eq!(format!("{:?}", PhoneNumber::parse("12345").expect("valid")), "<number>");
    }
}
