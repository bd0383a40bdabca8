//! What is written about a call: the summary 小结, and the matter 诉求 that a unit has to deal with (K-3, 2.2).

use super::{AgentId, Caller, Direction, EndReason, InteractionId, MatterId, UnitId, UnixMillis};
use crate::pii::Pii;
use serde::{Deserialize, Serialize};

/// What kind of matter it is 诉求类型 (D-2a).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum MatterKind {
    /// 咨询
    #[default]
    Consultation,
    /// 求助
    Help,
    /// 投诉
    Complaint,
    /// 举报
    Report,
    /// 建议
    Suggestion,
    /// 表扬
    Praise,
}

impl MatterKind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 6] = [Self::Consultation, Self::Help, Self::Complaint, Self::Report, Self::Suggestion, Self::Praise];

    /// Stable code, equal to the serialised form.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Consultation => "consultation",
            Self::Help => "help",
            Self::Complaint => "complaint",
            Self::Report => "report",
            Self::Suggestion => "suggestion",
            Self::Praise => "praise",
        }
    }
}

/// A field that a disposition asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// 联系人
    Person,
    /// 发生地点
    Place,
    /// 发生时间
    Time,
    /// 内容
    Content,
    /// 承办单位
    Unit,
}

impl Need {
    /// All of them, in the form's order.
    pub const ALL: [Self; 5] = [Self::Person, Self::Place, Self::Time, Self::Content, Self::Unit];

    /// Stable code, equal to the serialised form.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Place => "place",
            Self::Time => "time",
            Self::Content => "content",
            Self::Unit => "unit",
        }
    }
}

/// One leaf of the tree of dispositions 事项分类. The code never changes; the path may be written anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposition {
    /// Stable.
    pub code: String,
    /// From the first level to the leaf: 城市管理, 供水, 水压不足.
    pub path: Vec<String>,
    /// What must be filled in.
    #[serde(default)]
    pub needs: Vec<Need>,
}

impl Disposition {
    /// Most levels of the tree.
    pub const MOST_LEVELS: usize = 3;
    /// Most leaves of one site: all of them fit into one frame.
    pub const MOST: usize = 400;

    /// The path in one line.
    #[must_use]
    pub fn label(&self) -> String {
        self.path.join(" / ")
    }
}

/// A text that is written by its short code 常用语.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CannedText {
    /// Short code: letters and digits.
    pub code: String,
    /// The text; `{name}`, `{number}`, `{agent}` and `{time}` stand for the caller's name and number, the staff number and the time of day.
    pub text: String,
}

impl CannedText {
    /// Most texts of one site.
    pub const MOST: usize = 60;
    /// Longest text, in characters.
    pub const TEXT_LIMIT: usize = 200;
}

/// A member unit with its duty phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberUnit {
    /// Which.
    pub unit: UnitId,
    /// Its name.
    pub name: String,
    /// Its phones, at most [`MemberUnit::MOST_PHONES`].
    pub phones: Vec<UnitPhone>,
}

impl MemberUnit {
    /// Most phones of one unit.
    pub const MOST_PHONES: usize = 6;
    /// Most units of one page.
    pub const PAGE: usize = 100;
    /// Most units of one site.
    pub const MOST: usize = 2_000;
}

/// A phone of a unit, and when somebody answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitPhone {
    /// As it is dialled.
    pub number: String,
    /// Who or what it is.
    #[serde(default)]
    pub note: String,
    /// From this minute of the local day…
    pub from_minute: u16,
    /// …until before this one; over midnight if it is smaller, and all day if both are equal.
    pub to_minute: u16,
}

impl UnitPhone {
    /// Whether somebody answers at this minute of the local day.
    #[must_use]
    pub fn is_on_duty(&self, minute: u16) -> bool {
        match self.from_minute.cmp(&self.to_minute) {
            std::cmp::Ordering::Less => (self.from_minute..self.to_minute).contains(&minute),
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Greater => minute >= self.from_minute || minute < self.to_minute,
        }
    }
}

/// The summary of one agent's part of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Of which call.
    pub interaction: InteractionId,
    /// 诉求类型
    #[serde(default)]
    pub kind: MatterKind,
    /// Code of the disposition; `None` while none is chosen.
    #[serde(default)]
    pub disposition: Option<String>,
    /// 联系人
    #[serde(default)]
    pub person: Pii<String>,
    /// 发生地点
    #[serde(default)]
    pub place: Pii<String>,
    /// 发生时间, in the citizen's words.
    #[serde(default)]
    pub time: String,
    /// 内容
    #[serde(default)]
    pub content: Pii<String>,
    /// 承办单位
    #[serde(default)]
    pub unit: Option<UnitId>,
    /// 一键派单: the unit gets it as a matter; otherwise it was dealt with on the line 直接办结.
    #[serde(default)]
    pub dispatch: bool,
}

/// What a summary lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryFault {
    /// No disposition, or one that does not exist.
    Disposition,
    /// A field that is asked for is empty.
    Lacks(Need),
    /// A field is too long.
    TooLong,
}

impl Summary {
    /// Longest field of one line, in characters.
    pub const LINE_LIMIT: usize = 200;
    /// Longest content, in characters.
    pub const CONTENT_LIMIT: usize = 4_000;

    /// An empty one.
    #[must_use]
    pub fn new(interaction: InteractionId) -> Self {
        Self {
            interaction,
            kind: MatterKind::default(),
            disposition: None,
            person: Pii::default(),
            place: Pii::default(),
            time: String::new(),
            content: Pii::default(),
            unit: None,
            dispatch: false,
        }
    }

    /// Whether each field fits on its line.
    #[must_use]
    pub fn fits(&self) -> bool {
        let short =
            [self.person.reveal(), self.place.reveal(), &self.time].into_iter().all(|text| text.chars().count() <= Self::LINE_LIMIT);
        let code = self.disposition.as_ref().is_none_or(|code| code.len() <= Self::LINE_LIMIT);
        short && code && self.content.reveal().chars().count() <= Self::CONTENT_LIMIT
    }

    /// The first thing that keeps it from being submitted: desktop and server ask the same.
    #[must_use]
    pub fn fault(&self, tree: &[Disposition]) -> Option<SummaryFault> {
        if !self.fits() {
            return Some(SummaryFault::TooLong);
        }
        // A site without a tree needs none.
        let chosen = tree.iter().find(|one| Some(&one.code) == self.disposition.as_ref());
        if chosen.is_none() && !(tree.is_empty() && self.disposition.is_none()) {
            return Some(SummaryFault::Disposition);
        }
        let needs = chosen.map(|one| one.needs.as_slice()).unwrap_or_default();
        let needed = |need: &Need| needs.contains(need) || self.dispatch && matches!(need, Need::Content | Need::Unit);
        Need::ALL.into_iter().filter(needed).find(|need| self.lacks(*need)).map(SummaryFault::Lacks)
    }

    fn lacks(&self, need: Need) -> bool {
        match need {
            Need::Person => self.person.reveal().trim().is_empty(),
            Need::Place => self.place.reveal().trim().is_empty(),
            Need::Time => self.time.trim().is_empty(),
            Need::Content => self.content.reveal().trim().is_empty(),
            Need::Unit => self.unit.is_none(),
        }
    }
}

/// A draft as it stood at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftCopy {
    /// Grows with each change; the higher one is the newer one.
    pub revision: u64,
    /// When it was changed last, by the clock of the server.
    pub changed: UnixMillis,
    /// What is written.
    pub summary: Summary,
}

/// A matter that a unit has not dealt with yet 在办.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenMatter {
    /// Which.
    pub matter: MatterId,
    /// When it was sent.
    pub at: UnixMillis,
    /// The disposition's leaf, or the beginning of the content.
    pub about: String,
    /// The unit's name.
    pub unit: String,
}

/// One call in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEntry {
    /// Which.
    pub interaction: InteractionId,
    /// When it began.
    pub at: UnixMillis,
    /// Who called whom.
    pub direction: Direction,
    /// The number.
    pub caller: Caller,
    /// The first person registered under it.
    #[serde(default)]
    pub name: Pii<String>,
    /// How long the citizen waited, in ms.
    pub waited_ms: u64,
    /// How long was talked, in ms; of a list of one's own, by oneself.
    pub talk_ms: u64,
    /// Why it ended; `None` while it runs.
    pub reason: Option<EndReason>,
    /// What the summary says.
    #[serde(default)]
    pub about: Option<String>,
    /// One's own summary is missing 未填.
    #[serde(default)]
    pub lacks_summary: bool,
    /// 排队回呼: the citizen was promised a call, and so many attempts were in vain; a person has to see to it.
    #[serde(default)]
    pub promised: Option<u32>,
}

/// An agent's own figures of the local day (2.2), from the same records as all figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct OwnFigures {
    /// Whose.
    pub agent: Option<AgentId>,
    /// Calls answered.
    pub answered: u32,
    /// Mean talk of them, in ms.
    pub mean_talk_ms: u64,
    /// Mean handling (talk, hold and wrap-up), in ms.
    pub mean_handling_ms: u64,
    /// Calls that rang here and were not answered.
    pub missed: u32,
    /// Calls made.
    pub outbound: u32,
    /// Summaries that are missing.
    pub unwritten: u32,
    /// Matters sent to units.
    pub dispatched: u32,
    /// 示忙 so far, in ms.
    pub not_ready_ms: u64,
    /// When they were counted.
    pub at: Option<UnixMillis>,
}

/// Between what and what a mean is to lie (K-3), in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetBand {
    /// Not below.
    pub from_ms: u64,
    /// Not above.
    pub to_ms: u64,
}

impl TargetBand {
    /// Handling: five to seven minutes.
    pub const HANDLING: Self = Self { from_ms: 300_000, to_ms: 420_000 };
    /// Talk: two and a half to three and a half minutes.
    pub const TALK: Self = Self { from_ms: 150_000, to_ms: 210_000 };

    /// Whether a mean lies in it.
    #[must_use]
    pub fn holds(self, mean_ms: u64) -> bool {
        (self.from_ms..=self.to_ms).contains(&mean_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Vec<Disposition> {
        let path = |path: [&str; 2]| path.map(str::to_owned).to_vec();
        vec![
            Disposition { code: "a".to_owned(), path: path(["城市管理", "供水"]), needs: vec![Need::Place] },
            Disposition { code: "b".to_owned(), path: path(["咨询", "医保"]), needs: Vec::new() },
        ]
    }

    #[test]
    fn a_summary_is_held_up_by_what_its_code_asks_for_and_by_nothing_else() {
        let mut summary = Summary::new(InteractionId(1));
        assert_eq!(summary.fault(&[]), None, "a site without a tree");
        assert_eq!(summary.fault(&tree()), Some(SummaryFault::Disposition));
        summary.disposition = Some("gone".to_owned());
        assert_eq!(summary.fault(&tree()), Some(SummaryFault::Disposition));
        assert_eq!(summary.fault(&[]), Some(SummaryFault::Disposition), "a code that does not exist");
        summary.disposition = Some("b".to_owned());
        assert_eq!(summary.fault(&tree()), None);
        summary.disposition = Some("a".to_owned());
        assert_eq!(summary.fault(&tree()), Some(SummaryFault::Lacks(Need::Place)));
        summary.place = "燕山南路".to_owned().into();
        assert_eq!(summary.fault(&tree()), None);
        summary.dispatch = true;
        assert_eq!(summary.fault(&tree()), Some(SummaryFault::Lacks(Need::Content)));
        summary.content = "水压不足".to_owned().into();
        assert_eq!(summary.fault(&tree()), Some(SummaryFault::Lacks(Need::Unit)));
        summary.unit = Some(UnitId(1));
        assert_eq!(summary.fault(&tree()), None);
        summary.time = "长".repeat(Summary::LINE_LIMIT + 1);
        assert_eq!(summary.fault(&tree()), Some(SummaryFault::TooLong));
    }

    #[test]
    fn a_duty_phone_is_answered_within_its_hours_also_over_midnight() {
        let phone = |from_minute, to_minute| UnitPhone { number: "1".to_owned(), note: String::new(), from_minute, to_minute };
        let at = |hour: u16| hour * 60;
        assert!(phone(at(8), at(18)).is_on_duty(at(8)) && !phone(at(8), at(18)).is_on_duty(at(18)));
        let night = phone(at(18), at(8));
        assert!(night.is_on_duty(at(23)) && night.is_on_duty(at(7)) && !night.is_on_duty(at(12)));
        assert!(phone(0, 0).is_on_duty(at(3)));
    }
}
