//! Every word and sentence of the screens, in each language.
//!
//! A language is one value of [`Texts`]: the compiler refuses a table that lacks an entry. Nothing is looked up by name.

mod advice;
mod calls;
mod chinese;
mod english;
mod floor;
mod health;
mod outside;
mod papers;

pub(crate) use advice::Advice;

use desktop_core::DeviceProblem;

/// The languages of the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    /// 简体中文
    #[default]
    Chinese,
    /// English
    English,
}

impl Language {
    /// The one that a click on the language switch brings.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Chinese => Self::English,
            Self::English => Self::Chinese,
        }
    }

    /// Its table.
    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::Chinese => &chinese::TEXTS,
            Self::English => &english::TEXTS,
        }
    }
}

/// All texts of one language. Entries that are functions put a figure into a sentence.
#[derive(Debug)]
pub(crate) struct Texts {
    /// Name of the program.
    pub(crate) product: &'static str,
    /// The other language's own name, on the switch.
    pub(crate) other_language: &'static str,
    /// Sign-in.
    pub(crate) sign_in: SignInTexts,
    /// The frame of the desk: rail, status line, questions.
    pub(crate) frame: FrameTexts,
    /// The agent's states.
    pub(crate) state: StateTexts,
    /// The call bar and the caller's card.
    pub(crate) call: CallTexts,
    /// The middle of the desk.
    pub(crate) stage: StageTexts,
    /// The voice path.
    pub(crate) voice: VoiceTexts,
    /// How a talk sounds.
    pub(crate) health: HealthTexts,
    /// All agents, and what is known about a caller.
    pub(crate) house: HouseTexts,
    /// What is done with calls.
    pub(crate) calls: calls::FunctionTexts,
    /// Summaries, lists, settings.
    pub(crate) papers: papers::PaperTexts,
    /// Messages between agents, and what supervisors do.
    pub(crate) floor: floor::FloorTexts,
    /// Tray, small window, and their settings.
    pub(crate) outside: outside::OutsideTexts,
    /// What happened, why, what to do.
    pub(crate) advice: advice::AdviceTexts,
}

/// Sign-in screen.
#[derive(Debug)]
pub(crate) struct SignInTexts {
    pub(crate) title: &'static str,
    pub(crate) server: &'static str,
    pub(crate) server_example: &'static str,
    pub(crate) number: &'static str,
    pub(crate) password: &'static str,
    pub(crate) submit: &'static str,
    pub(crate) signing_in: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) incomplete: &'static str,
    pub(crate) certificate_title: &'static str,
    pub(crate) certificate_what: &'static str,
    pub(crate) certificate_why: &'static str,
    pub(crate) certificate_next: &'static str,
    pub(crate) fingerprint: &'static str,
    pub(crate) trust: &'static str,
}

/// Rail, status line, questions.
#[derive(Debug)]
pub(crate) struct FrameTexts {
    pub(crate) desk: &'static str,
    pub(crate) my_state: &'static str,
    pub(crate) dark: &'static str,
    pub(crate) light: &'static str,
    pub(crate) dark_key: &'static str,
    pub(crate) light_key: &'static str,
    pub(crate) sign_out: &'static str,
    pub(crate) sign_out_question: &'static str,
    pub(crate) sign_out_consequence: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) dismiss: &'static str,
    pub(crate) connected: &'static str,
    pub(crate) connecting: &'static str,
    pub(crate) round_trip: &'static str,
    pub(crate) loss: &'static str,
    pub(crate) loading: &'static str,
    pub(crate) reasons_title: &'static str,
    pub(crate) reasons_hint: &'static str,
    pub(crate) reconnecting: fn(attempt: u32, clock: &str) -> String,
    pub(crate) reconnecting_effect: &'static str,
    pub(crate) engine_stopped: &'static str,
}

/// States and reasons.
#[derive(Debug)]
pub(crate) struct StateTexts {
    pub(crate) ready: &'static str,
    pub(crate) offered: &'static str,
    pub(crate) talking: &'static str,
    pub(crate) wrap_up: &'static str,
    pub(crate) lost: &'static str,
    pub(crate) not_ready: &'static str,
    pub(crate) small_break: &'static str,
    pub(crate) meal: &'static str,
    pub(crate) training: &'static str,
    pub(crate) meeting: &'static str,
    pub(crate) ticket_work: &'static str,
    pub(crate) no_answer: &'static str,
    pub(crate) locked: &'static str,
    pub(crate) system: &'static str,
    pub(crate) go_ready: &'static str,
    pub(crate) go_not_ready: &'static str,
}

/// The call bar and the caller's card.
#[derive(Debug)]
pub(crate) struct CallTexts {
    pub(crate) answer: &'static str,
    pub(crate) reject: &'static str,
    pub(crate) hang_up: &'static str,
    pub(crate) none: &'static str,
    pub(crate) caller: &'static str,
    pub(crate) last_caller: &'static str,
    pub(crate) withheld: &'static str,
    pub(crate) unregistered: &'static str,
    pub(crate) address: &'static str,
    pub(crate) no_address: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) waited: &'static str,
    pub(crate) empty: &'static str,
}

/// The middle of the desk: what happens now and the one act.
#[derive(Debug)]
pub(crate) struct StageTexts {
    pub(crate) signed_in: &'static str,
    pub(crate) signed_in_next: &'static str,
    pub(crate) not_ready: &'static str,
    pub(crate) not_ready_next: &'static str,
    pub(crate) no_answer: &'static str,
    pub(crate) system: &'static str,
    pub(crate) ready: &'static str,
    pub(crate) ready_next: &'static str,
    pub(crate) ringing: &'static str,
    pub(crate) ringing_next: &'static str,
    pub(crate) ring_left: fn(seconds: u64) -> String,
    pub(crate) talking: &'static str,
    pub(crate) talking_next: &'static str,
    pub(crate) wrap_up: &'static str,
    pub(crate) wrap_up_next: &'static str,
    pub(crate) finish: &'static str,
    pub(crate) ended_by_caller: &'static str,
    pub(crate) ended_by_agent: &'static str,
    pub(crate) ended_by_server: &'static str,
    pub(crate) lost: &'static str,
    pub(crate) lost_next: &'static str,
}

/// All agents, and what is known about a caller.
#[derive(Debug)]
pub(crate) struct HouseTexts {
    pub(crate) unlock: &'static str,
    pub(crate) agents: &'static str,
    pub(crate) agents_loading: &'static str,
    pub(crate) agents_none: &'static str,
    pub(crate) filter: &'static str,
    pub(crate) all: &'static str,
    pub(crate) number: &'static str,
    pub(crate) name: &'static str,
    pub(crate) state: &'static str,
    pub(crate) since: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) partner: &'static str,
    pub(crate) calls_today: &'static str,
    pub(crate) cut: &'static str,
    pub(crate) count: fn(shown: usize, all: usize) -> String,
    pub(crate) next: fn(word: &str) -> String,
    pub(crate) awaits: fn(word: &str, ahead: u32) -> String,
    pub(crate) take_back: &'static str,
    pub(crate) limit: fn(minutes: u64, agents: u32) -> String,
    pub(crate) limit_left: fn(clock: &str) -> String,
    pub(crate) limit_over: fn(clock: &str) -> String,
    pub(crate) await_place: &'static str,
    pub(crate) extend: fn(left: u8) -> String,
    pub(crate) persons: fn(count: usize) -> String,
    pub(crate) contacts: &'static str,
    pub(crate) no_contacts: &'static str,
    pub(crate) contact: fn(agent: &str, talk: &str) -> String,
    pub(crate) not_answered: &'static str,
    pub(crate) repeat_day: fn(count: u32) -> String,
    pub(crate) repeat_week: fn(count: u32) -> String,
    pub(crate) served_by_you: &'static str,
    pub(crate) correct: &'static str,
    pub(crate) correct_title: &'static str,
    pub(crate) register: &'static str,
    pub(crate) tags: &'static str,
    pub(crate) tags_hint: &'static str,
    pub(crate) save: &'static str,
    pub(crate) history: &'static str,
    pub(crate) history_title: &'static str,
    pub(crate) history_none: &'static str,
    pub(crate) history_failed: &'static str,
    pub(crate) history_again: &'static str,
    pub(crate) history_more: &'static str,
    pub(crate) history_hint: &'static str,
    pub(crate) history_close: &'static str,
    pub(crate) registered: &'static str,
    pub(crate) console: &'static str,
    pub(crate) take_back_value: &'static str,
    pub(crate) take_over: &'static str,
    pub(crate) care: [&'static str; 8],
}

/// The voice path's card.
#[derive(Debug)]
pub(crate) struct VoiceTexts {
    pub(crate) title: &'static str,
    pub(crate) device: &'static str,
    pub(crate) no_device: &'static str,
    pub(crate) opening: &'static str,
    pub(crate) faulty: &'static str,
    pub(crate) replaced: &'static str,
    pub(crate) problem: fn(&DeviceProblem) -> String,
    pub(crate) working: &'static str,
    pub(crate) idle: &'static str,
    pub(crate) silent: &'static str,
    pub(crate) microphone: &'static str,
    pub(crate) speaker: &'static str,
    pub(crate) headset: &'static str,
}

/// How a talk sounds, and what spoils it.
#[derive(Debug)]
pub(crate) struct HealthTexts {
    pub(crate) quality: &'static str,
    pub(crate) good: &'static str,
    pub(crate) fair: &'static str,
    pub(crate) poor: &'static str,
    pub(crate) your_side: &'static str,
    pub(crate) citizen_side: &'static str,
    pub(crate) loss: fn(side: &str, permille: u16) -> String,
    pub(crate) delay: fn(side: &str, ms: u16) -> String,
    pub(crate) jitter: fn(side: &str, ms: u16) -> String,
    pub(crate) over_tunnel: &'static str,
    pub(crate) over_tunnel_why: &'static str,
    pub(crate) citizen_unheard: Advice,
    pub(crate) agent_unheard: Advice,
    pub(crate) microphone_dead: Advice,
    pub(crate) citizen_clips: Advice,
    pub(crate) agent_clips: Advice,
    pub(crate) long_silence: Advice,
    pub(crate) echo_from_citizen: Advice,
    pub(crate) echo_from_agent: Advice,
    pub(crate) unknown: Advice,
}

#[cfg(test)]
mod tests {
    use super::{Language, Texts};

    fn everything(texts: &Texts) -> String {
        format!("{texts:?}")
    }

    #[test]
    fn no_entry_of_either_language_is_empty() {
        for language in [Language::Chinese, Language::English] {
            assert!(!everything(language.texts()).contains(": \"\""), "{language:?} has an empty entry");
        }
    }

    #[test]
    fn the_english_table_has_no_hanzi_but_the_name_of_the_other_language() {
        let table = everything(Language::English.texts()).replace(Language::English.texts().other_language, "");
        let hanzi = table.chars().find(|character| ('\u{4e00}'..='\u{9fff}').contains(character));
        assert_eq!(hanzi, None);
    }

    #[test]
    fn the_two_switches_lead_to_each_other() {
        assert_eq!(Language::Chinese.texts().other_language, "English");
        assert_eq!(Language::English.texts().other_language, "中文");
        assert_eq!(Language::Chinese.other().other(), Language::Chinese);
    }
}
