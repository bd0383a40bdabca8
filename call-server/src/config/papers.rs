//! What agents write with: the tree of dispositions 事项分类 and the canned texts 常用语.

use super::resolve::{Resolver, twice};
use super::schema::Kind::{Text, Texts};
use super::schema::Worth::{Default as Usual, Needed};
use super::schema::{Section, key};
use super::written::At;
use shared::model::{CannedText, Disposition, Need};
use std::collections::BTreeSet;

/// Longest code, in bytes.
const CODE_LIMIT: usize = 32;
/// Longest name of one level, in characters.
const LEVEL_LIMIT: usize = 20;

pub(super) const DISPOSITIONS: Section = Section {
    name: "dispositions",
    repeated: true,
    about: "One kind of matter that a call may be about; together they are the tree in the summary 小结.",
    keys: &[
        key("code", Text, Needed { example: "\"water.pressure\"" }, "Never changes: records and reports name it."),
        key("path", Text, Needed { example: "\"城市管理 / 供水 / 水压不足\"" }, "One to three levels; may be written anew at any time."),
        key("needs", Texts, Usual("[]"), "Fields that must be filled in: person, place, time, content, unit."),
    ],
};

pub(super) const CANNED_TEXTS: Section = Section {
    name: "canned_texts",
    repeated: true,
    about: "A text that agents write by its short code.",
    keys: &[
        key("code", Text, Needed { example: "\"sy\"" }, "Letters and digits, such as initials of the pinyin."),
        key(
            "text",
            Text,
            Needed { example: "\"市民 {name}（{number}）反映：\"" },
            "{name} and {number} are the caller's, {agent} the staff number, {time} the time of day.",
        ),
    ],
};

impl Resolver<'_> {
    pub(super) fn dispositions(&mut self) -> Vec<Disposition> {
        let written = self.written;
        let (mut tree, mut codes) = (Vec::new(), BTreeSet::new());
        for block in written.all("dispositions") {
            let code = self.word(block, "code", "letters, digits, . and -", code);
            let path = self.word(block, "path", "one to three levels of at most 20 characters, as \"城市管理 / 供水\"", path);
            let needs = self.list(block, "needs", "person, place, time, content or unit", need);
            let (Some(code), Some(path), Some(needs)) = (code, path, needs) else { continue };
            if !codes.insert(code.clone()) {
                self.faults.push(twice(block.line, "code", &code));
            }
            let needs = needs.into_iter().map(|At { value, .. }| value).collect();
            tree.push(Disposition { code, path, needs });
        }
        if tree.len() > Disposition::MOST {
            self.fault::<()>(None, format!("there are {} [[dispositions]]", tree.len()), format!("Keep at most {}.", Disposition::MOST));
        }
        tree
    }

    pub(super) fn canned_texts(&mut self) -> Vec<CannedText> {
        let written = self.written;
        let (mut texts, mut codes) = (Vec::new(), BTreeSet::new());
        for block in written.all("canned_texts") {
            let code = self.word(block, "code", "letters and digits", |text| {
                code(text).filter(|code| code.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            });
            let text = self.word(block, "text", "at most 200 characters", |text| {
                (1..=CannedText::TEXT_LIMIT).contains(&text.trim().chars().count()).then(|| text.trim().to_owned())
            });
            let (Some(code), Some(text)) = (code, text) else { continue };
            if !codes.insert(code.clone()) {
                self.faults.push(twice(block.line, "code", &code));
            }
            texts.push(CannedText { code, text });
        }
        if texts.len() > CannedText::MOST {
            self.fault::<()>(None, format!("there are {} [[canned_texts]]", texts.len()), format!("Keep at most {}.", CannedText::MOST));
        }
        texts
    }
}

fn code(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    ((1..=CODE_LIMIT).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
}

fn path(text: &str) -> Option<Vec<String>> {
    let levels: Vec<String> = text.split('/').map(|level| level.trim().to_owned()).collect();
    let fits = |level: &String| (1..=LEVEL_LIMIT).contains(&level.chars().count()) && !level.chars().any(char::is_control);
    (levels.len() <= Disposition::MOST_LEVELS && levels.iter().all(fits)).then_some(levels)
}

fn need(text: &str) -> Option<Need> {
    Need::ALL.into_iter().find(|need| need.code() == text)
}

#[cfg(test)]
mod tests {
    use super::{code, need, path};
    use shared::model::Need;

    #[test]
    fn a_path_has_up_to_three_named_levels_and_a_code_no_spaces() {
        assert_eq!(path("城市管理 / 供水/水压不足").expect("three"), ["城市管理", "供水", "水压不足"]);
        for wrong in ["", "a//b", "a/b/c/d", &"长".repeat(21)] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
        assert_eq!(code("water.pressure-1").as_deref(), Some("water.pressure-1"));
        assert_eq!((code(""), code("水"), code("a b")), (None, None, None));
        assert_eq!((need("unit"), need("units")), (Some(Need::Unit), None));
    }
}
