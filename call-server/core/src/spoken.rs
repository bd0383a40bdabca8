//! What a waiting citizen is told, in the pieces that the site has as prompts: Chinese numbers as they are read, English ones likewise.
//!
//! A piece that the site does not have is passed over by media, so a site may record its own voice piece by piece.

use crate::callbacks::Question;
use crate::ledger::WaitRange;
use crate::plan::{Announcements, PromptName, SpokenLanguage};
use shared::model::PhoneNumber;

/// Above this nobody wants to know exactly.
const MOST_COUNTED: usize = 99;

/// Position, waiting time and the queue's own text, as far as each is wanted and known.
pub(crate) fn announcement(rules: &Announcements, ahead: usize, range: Option<WaitRange>, comfort: Option<PromptName>) -> Vec<PromptName> {
    let mut says = Says { language: rules.language, pieces: Vec::new() };
    if rules.position {
        says.position(ahead);
    }
    if let Some(range) = range.filter(|_| rules.waiting_time) {
        says.wait(range);
    }
    says.pieces.extend(comfort);
    says.pieces
}

/// To citizen and expert who go on without an agent: the talk will end after a while.
pub(crate) fn residual_warning(language: SpokenLanguage) -> PromptName {
    PromptName::from(format!("{}.residual_warning", language.code()).as_str())
}

/// The key by which one is called back.
pub(crate) fn callback_offer(language: SpokenLanguage, key: char) -> Vec<PromptName> {
    let mut says = Says { language, pieces: Vec::new() };
    says.say("callback_offer");
    says.digit(key);
    says.pieces
}

/// What a citizen is asked who wants to be called back. `any_number`: another number may be given.
pub(crate) fn callback_question(language: SpokenLanguage, question: &Question, any_number: bool) -> Vec<PromptName> {
    let mut says = Says { language, pieces: Vec::new() };
    match question {
        Question::Own(number) => says.number("callback_own", number),
        Question::Entered(number) => says.number("callback_entered", number),
        Question::Enter(_) => {
            says.say("callback_enter");
            return says.pieces;
        }
    }
    says.say(if any_number { "callback_confirm" } else { "callback_confirm_only" });
    says.pieces
}

/// One piece by name, in a language.
pub(crate) fn piece(language: SpokenLanguage, name: &str) -> PromptName {
    PromptName::from(format!("{}.{name}", language.code()).as_str())
}

struct Says {
    language: SpokenLanguage,
    pieces: Vec<PromptName>,
}

impl Says {
    fn say(&mut self, piece: &str) {
        let name = format!("{}.{piece}", self.language.code());
        self.pieces.push(PromptName::from(name.as_str()));
    }

    /// A telephone number, digit by digit.
    fn number(&mut self, before: &str, number: &PhoneNumber) {
        self.say(before);
        number.subscriber().chars().for_each(|digit| self.digit(digit));
    }

    /// One digit or key as it is read in numbers: 幺, not 一.
    fn digit(&mut self, digit: char) {
        match (digit, self.language) {
            ('1', SpokenLanguage::Chinese) => self.say("yao"),
            ('*', _) => self.say("star"),
            ('#', _) => self.say("hash"),
            ('0'..='9', _) => self.say(&format!("n{digit}")),
            _ => {}
        }
    }

    fn position(&mut self, ahead: usize) {
        match ahead {
            0 => self.say("you_are_next"),
            1..=MOST_COUNTED => {
                self.say("ahead_of_you");
                self.count(u32::try_from(ahead).unwrap_or(u32::MAX));
                self.unit("person", "people", ahead == 1);
            }
            _ => self.say("very_many_ahead"),
        }
    }

    fn wait(&mut self, WaitRange { least_minutes, most_minutes }: WaitRange) {
        match most_minutes {
            Some(most) if least_minutes == 0 => {
                self.say("wait_less_than");
                self.count(most);
                self.unit("minute", "minutes", most == 1);
            }
            Some(most) => {
                self.say("wait_about");
                self.count(least_minutes);
                self.say("to");
                self.count(most);
                self.say("minutes");
            }
            None => {
                self.say("wait_more_than");
                self.count(least_minutes);
                self.say("minutes");
            }
        }
    }

    /// Chinese knows no plural.
    fn unit(&mut self, one: &str, many: &str, is_one: bool) {
        match self.language {
            SpokenLanguage::English if is_one => self.say(one),
            SpokenLanguage::English | SpokenLanguage::Chinese => self.say(many),
        }
    }

    /// How many there are, up to 99.
    fn count(&mut self, number: u32) {
        let (tens, ones) = (number / 10 % 10, number % 10);
        match self.language {
            SpokenLanguage::Chinese => {
                // 十二, not 一十二; and two of something is 两, but 十二 and 二十.
                if tens > 1 {
                    self.say(&format!("n{tens}"));
                }
                if tens > 0 {
                    self.say("n10");
                }
                match (tens, ones) {
                    (0, 2) => self.say("liang"),
                    (0, _) | (_, 1..) => self.say(&format!("n{ones}")),
                    (_, 0) => {}
                }
            }
            SpokenLanguage::English => {
                if number < 20 {
                    return self.say(&format!("n{number}"));
                }
                self.say(&format!("n{tens}0"));
                if ones > 0 {
                    self.say(&format!("n{ones}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(language: SpokenLanguage, ahead: usize, range: (u32, Option<u32>)) -> String {
        let rules = Announcements { position: true, waiting_time: true, language, ..Announcements::default() };
        let range = WaitRange { least_minutes: range.0, most_minutes: range.1 };
        let pieces = announcement(&rules, ahead, Some(range), Some(PromptName::from("please_wait")));
        let names: Vec<String> =
            pieces.iter().map(|piece| piece.0.split_once('.').map_or(&*piece.0, |(_, name)| name).to_owned()).collect();
        names.join(" ")
    }

    #[test]
    fn chinese_numbers_are_read_as_people_read_them() {
        let says = |ahead| spoken(SpokenLanguage::Chinese, ahead, (2, Some(3))).split(" wait_about").next().unwrap_or_default().to_owned();
        assert_eq!(says(0), "you_are_next");
        assert_eq!(says(1), "ahead_of_you n1 people");
        assert_eq!(says(2), "ahead_of_you liang people");
        assert_eq!(says(10), "ahead_of_you n10 people");
        assert_eq!(says(12), "ahead_of_you n10 n2 people");
        assert_eq!(says(20), "ahead_of_you n2 n10 people");
        assert_eq!(says(99), "ahead_of_you n9 n10 n9 people");
        assert_eq!(says(100), "very_many_ahead");
    }

    #[test]
    fn a_range_is_told_with_its_two_ends_or_as_less_or_more() {
        let says = |range| spoken(SpokenLanguage::Chinese, 0, range).replace("you_are_next ", "");
        assert_eq!(says((2, Some(3))), "wait_about liang to n3 minutes please_wait");
        assert_eq!(says((12, Some(20))), "wait_about n10 n2 to n2 n10 minutes please_wait");
        assert_eq!(says((0, Some(1))), "wait_less_than n1 minutes please_wait");
        assert_eq!(says((30, None)), "wait_more_than n3 n10 minutes please_wait");
    }

    #[test]
    fn english_has_its_own_numbers_and_plural() {
        assert_eq!(spoken(SpokenLanguage::English, 1, (0, Some(1))), "ahead_of_you n1 person wait_less_than n1 minute please_wait");
        assert_eq!(
            spoken(SpokenLanguage::English, 21, (12, Some(20))),
            "ahead_of_you n20 n1 people wait_about n12 to n20 minutes please_wait"
        );
    }
}
