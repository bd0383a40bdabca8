//! What a number that somebody of ours dials is, and who may dial it: permission classes of extensions.

use super::{NumberShape, Plan};
use serde::{Deserialize, Serialize};
use shared::model::{PhoneNumber, QueueId};
use std::fmt;
use std::str::FromStr;

/// How far an extension may dial; each class includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionClass {
    /// The hotline's numbers and other extensions.
    Internal,
    /// 市话
    Local,
    /// 国内长途
    National,
    /// 国际
    International,
}

impl PermissionClass {
    /// Every class, the narrowest first.
    pub const ALL: [Self; 4] = [Self::Internal, Self::Local, Self::National, Self::International];

    /// Stable code, equal to the serialised form.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Local => "local",
            Self::National => "national",
            Self::International => "international",
        }
    }

    /// Whether this class may dial such a number. Emergency numbers are everybody's; a number of no known kind is nobody's.
    #[must_use]
    pub fn may_dial(self, kind: DialledKind) -> bool {
        match kind {
            DialledKind::Hotline(_) | DialledKind::Emergency | DialledKind::Extension => true,
            DialledKind::Local => self >= Self::Local,
            DialledKind::National => self >= Self::National,
            DialledKind::International => self >= Self::International,
            DialledKind::Unknown => false,
        }
    }
}

/// A text that names no class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a class is internal, local, national or international")]
pub struct NoClass;

impl FromStr for PermissionClass {
    type Err = NoClass;

    fn from_str(text: &str) -> Result<Self, NoClass> {
        Self::ALL.into_iter().find(|class| class.code() == text).ok_or(NoClass)
    }
}

impl fmt::Display for PermissionClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What a dialled number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "queue", rename_all = "snake_case")]
pub enum DialledKind {
    /// A number of the hotline itself: it leads to this queue.
    Hotline(QueueId),
    /// 110, 119, 120, 122.
    Emergency,
    /// A registered phone of the house.
    Extension,
    /// 市话
    Local,
    /// 国内长途
    National,
    /// 国际
    International,
    /// None of all these.
    Unknown,
}

/// Which numbers are what, seen from the city. The most exact shape counts, and of equals the dearer kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dialling {
    /// Everybody may call them at any time.
    pub emergency: Vec<NumberShape>,
    /// 市话
    pub local: Vec<NumberShape>,
    /// 国内长途
    pub national: Vec<NumberShape>,
    /// 国际
    pub international: Vec<NumberShape>,
}

impl Default for Dialling {
    /// As in mainland China: emergency numbers, seven or eight digits in the city, a trunk zero or a mobile number, two zeros or a plus.
    fn default() -> Self {
        let shapes = |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        Self {
            emergency: shapes(&["110/3", "119/3", "120/3", "122/3"]),
            local: shapes(&["/7", "/8"]),
            national: shapes(&["0", "1/11", "95/5", "+86"]),
            international: shapes(&["00", "+"]),
        }
    }
}

impl Dialling {
    fn kind(&self, number: &PhoneNumber) -> DialledKind {
        if self.emergency.iter().any(|shape| shape.matches(number)) {
            return DialledKind::Emergency;
        }
        let lists =
            [(&self.local, DialledKind::Local), (&self.national, DialledKind::National), (&self.international, DialledKind::International)];
        let matching = lists.into_iter().enumerate().flat_map(|(cost, (shapes, kind))| {
            shapes.iter().filter(|shape| shape.matches(number)).map(move |shape| ((shape.exactness(), cost), kind))
        });
        matching.max_by_key(|(rank, _)| *rank).map_or(DialledKind::Unknown, |(_, kind)| kind)
    }
}

impl Plan {
    /// What a number is that an extension or an agent dials.
    #[must_use]
    pub fn dialled_kind(&self, number: &PhoneNumber) -> DialledKind {
        match self.numbers.get(number) {
            Some(queue) => DialledKind::Hotline(*queue),
            None if self.phones.contains_key(number) => DialledKind::Extension,
            None => self.dialling.kind(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DialledKind, PermissionClass, Plan};
    use shared::model::{PhoneNumber, QueueId};

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).expect("a number")
    }

    fn plan() -> Plan {
        let mut plan = Plan::default();
        plan.numbers.insert(number("12345"), QueueId(1));
        plan.phones.insert(number("8001"), PermissionClass::Internal);
        plan.dialling.local.push("0519".parse().expect("a shape"));
        plan
    }

    #[test]
    fn each_number_is_of_one_kind() {
        for (text, kind) in [
            ("12345", DialledKind::Hotline(QueueId(1))),
            ("8001", DialledKind::Extension),
            ("110", DialledKind::Emergency),
            ("87210088", DialledKind::Local),
            ("051987210088", DialledKind::Local),
            ("051287210088", DialledKind::National),
            ("13912345678", DialledKind::National),
            ("+8613912345678", DialledKind::National),
            ("008613912345678", DialledKind::International),
            ("+44201234567", DialledKind::International),
            ("8002", DialledKind::Unknown),
            ("*98", DialledKind::Unknown),
        ] {
            assert_eq!(plan().dialled_kind(&number(text)), kind, "{text}");
        }
    }

    #[test]
    fn a_class_may_dial_what_it_includes_and_everybody_may_call_for_help() {
        use PermissionClass::{Internal, International, Local, National};
        for (kind, first) in [(DialledKind::Local, Local), (DialledKind::National, National), (DialledKind::International, International)] {
            for class in PermissionClass::ALL {
                assert_eq!(class.may_dial(kind), class >= first, "{class} {kind:?}");
            }
        }
        for kind in [DialledKind::Emergency, DialledKind::Extension, DialledKind::Hotline(QueueId(1))] {
            assert!(Internal.may_dial(kind), "{kind:?}");
        }
        assert!(!International.may_dial(DialledKind::Unknown));
    }

    #[test]
    fn class_names_read_back() {
        for class in PermissionClass::ALL {
            assert_eq!(class.to_string().parse(), Ok(class));
        }
        assert!("everything".parse::<PermissionClass>().is_err());
    }
}
