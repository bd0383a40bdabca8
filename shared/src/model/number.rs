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

impl PhoneNumber {
    /// One form for all spellings of a caller's number (1-2): a Chinese mobile number has 11 digits, a fixed one its area code with the
    /// leading 0, a foreign one its `+`. Short numbers such as 110 and special ones such as 400… stay as they are.
    ///
    /// A fixed number without area code is one of `home`; without `home` it stays as it is.
    #[must_use]
    pub fn normalised(&self, home: Option<&AreaCode>) -> Self {
        let written = &*self.0;
        let international = written.strip_prefix('+').or_else(|| written.strip_prefix("00"));
        let national = match international.map(|digits| (digits, digits.strip_prefix("86"))) {
            Some((_, Some(national))) => national,
            Some((foreign, None)) => return Self(format!("+{foreign}").into()),
            // Carriers also write the country code without any sign that it is one.
            None if written.len() >= 12 && !written.starts_with('0') => written.strip_prefix("86").unwrap_or(written),
            None => written,
        };
        let plain = national.strip_prefix('0').unwrap_or(national);
        let has_zero = plain.len() < national.len();
        if is_mobile(plain) {
            return Self(plain.into());
        }
        if (has_zero || international.is_some() || national.len() < written.len()) && has_area_code(plain) {
            return Self(format!("0{plain}").into());
        }
        match home {
            Some(home) if !has_zero && is_local(plain) => Self(format!("0{}{plain}", home.0).into()),
            Some(_) | None => Self(national.into()),
        }
    }
}

fn is_mobile(digits: &str) -> bool {
    digits.len() == 11 && matches!(digits.as_bytes(), [b'1', b'3'..=b'9', ..])
}

/// Area codes have 2 (10, 2x) or 3 digits, the numbers behind them 7 or 8.
fn has_area_code(digits: &str) -> bool {
    let lengths = if matches!(digits.as_bytes(), [b'1', b'0', ..] | [b'2', ..]) { 10..=10 } else { 10..=11 };
    lengths.contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// A fixed number as it is dialled within its own area.
fn is_local(digits: &str) -> bool {
    (7..=8).contains(&digits.len()) && matches!(digits.as_bytes(), [b'2'..=b'8', ..]) && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// The area code 区号 of the hotline's own city, without the leading 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaCode(Box<str>);

impl AreaCode {
    /// Reads `0519` or `519`; `None` if it is no area code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix('0').unwrap_or(text.trim());
        let fits = (2..=3).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
        fits.then(|| Self(digits.into()))
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

/// What stands in the place of a number when it is withheld 匿名.
const WITHHELD: [&str; 7] = ["", "anonymous", "withheld", "private", "restricted", "unavailable", "unknown"];

impl Caller {
    /// The caller of a text as a trunk gives it: withheld, or a number in its one form. What is no number at all is withheld too.
    #[must_use]
    pub fn of_text(text: Option<&str>, home: Option<&AreaCode>) -> Self {
        let known = text.map(str::trim).filter(|text| !WITHHELD.iter().any(|word| word.eq_ignore_ascii_case(text)));
        let number = known.and_then(|text| PhoneNumber::parse(text).ok()).map(|number| Pii::new(number.normalised(home)));
        Self { number }
    }
}

#[cfg(test)]
mod tests {
    use super::{AreaCode, Caller, PhoneNumber, PhoneNumberError};

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

    /// As a carrier or a person writes it, and the one form of it in a city with the area code 0519.
    const SPELLINGS: [(&str, &str); 24] = [
        ("13912345678", "13912345678"),
        ("013912345678", "13912345678"),
        ("+8613912345678", "13912345678"),
        ("+86 0139 1234 5678", "13912345678"),
        ("0086 139-1234-5678", "13912345678"),
        ("8613912345678", "13912345678"),
        ("051987210088", "051987210088"),
        ("+86 519 8721 0088", "051987210088"),
        ("+86 (0519) 8721-0088", "051987210088"),
        ("008651987210088", "051987210088"),
        ("8651987210088", "051987210088"),
        ("87210088", "051987210088"),
        ("8721008", "05198721008"),
        ("01065010088", "01065010088"),
        ("+861065010088", "01065010088"),
        ("02161234567", "02161234567"),
        ("110", "110"),
        ("12345", "12345"),
        ("10086", "10086"),
        ("95588", "95588"),
        ("4008208820", "4008208820"),
        ("+8612345", "12345"),
        ("+4915112345678", "+4915112345678"),
        ("004915112345678", "+4915112345678"),
    ];

    #[test]
    fn every_spelling_of_a_callers_number_has_one_form() {
        let home = AreaCode::parse("0519");
        for (written, form) in SPELLINGS {
            let number = PhoneNumber::parse(written).expect("valid").normalised(home.as_ref());
            assert_eq!(number.as_str(), form, "{written}");
            assert_eq!(number.normalised(home.as_ref()).as_str(), form, "the form is its own form: {written}");
            assert_eq!(number.subscriber(), form, "and is looked up as it is: {written}");
        }
        assert_eq!(PhoneNumber::parse("87210088").expect("valid").normalised(None).as_str(), "87210088", "no city is known");
    }

    #[test]
    fn an_area_code_has_two_or_three_digits_after_its_zero() {
        assert_eq!(AreaCode::parse("0519"), AreaCode::parse("519"));
        assert!(AreaCode::parse("010").is_some());
        for wrong in ["", "0", "5", "05190", "05a", "0019"] {
            assert_eq!(AreaCode::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_hides_a_number_is_withheld_and_so_is_what_is_no_number() {
        for text in [None, Some(""), Some("Anonymous"), Some("unavailable"), Some("Restricted"), Some("sip-user")] {
            assert_eq!(Caller::of_text(text, None), Caller::default(), "{text:?}");
        }
        let known = Caller::of_text(Some(" +86 139 1234 5678 "), None).number.expect("a number");
        assert_eq!(known.reveal().as_str(), "13912345678");
    }
}
