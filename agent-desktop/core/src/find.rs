//! Finding people and units by what an agent types: part of the name or number, or initials of the pinyin 拼音首字母.

use pinyin::ToPinyinMulti;

/// Whether a text is meant by what was typed: it contains it, or a run of its characters has these initials. A hanzi with several
/// readings has several initials.
#[must_use]
pub fn found(text: &str, typed: &str) -> bool {
    let typed = typed.trim().to_lowercase();
    if typed.is_empty() || text.to_lowercase().contains(&typed) {
        return true;
    }
    if !typed.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let spoken: Vec<Vec<char>> = text.chars().filter(|character| character.is_alphanumeric()).map(initials).collect();
    let typed: Vec<char> = typed.chars().collect();
    spoken.windows(typed.len()).any(|run| run.iter().zip(&typed).all(|(initials, typed)| initials.contains(typed)))
}

/// What a character may be typed as; itself if it is no hanzi.
fn initials(character: char) -> Vec<char> {
    match character.to_pinyin_multi() {
        Some(readings) => readings.into_iter().filter_map(|reading| reading.first_letter().chars().next()).collect(),
        None => character.to_lowercase().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::found;

    #[test]
    fn names_are_found_by_part_and_by_initials_of_any_reading() {
        for typed in ["", "市水", "ssw", "sw", "SWGS", " wgs "] {
            assert!(found("市水务公司", typed), "{typed}");
        }
        assert!(found("单晓重", "sxc") && found("单晓重", "dxz"), "单 is shan or dan, 重 chong or zhong");
        assert!(found("1007 李娟", "lj") && found("1007 李娟", "007"));
        for typed in ["sg", "swgsx", "水公"] {
            assert!(!found("市水务公司", typed), "{typed}");
        }
        assert!(found("12319 热线", "12319rx"), "digits stand for themselves");
    }
}
