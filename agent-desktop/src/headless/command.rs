//! The commands of a headless client: one per line.

use desktop_core::Wish;
use shared::model::NotReadyReason;

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// For the session.
    Wish(Wish),
    /// Sign out if possible, and end.
    Quit,
    /// An empty line.
    Nothing,
}

/// Reads one line.
///
/// # Errors
/// A text that names what is possible.
pub(super) fn read(line: &str) -> Result<Command, String> {
    let mut words = line.split_whitespace();
    let wish = match (words.next(), words.next()) {
        (None, _) => return Ok(Command::Nothing),
        (Some("quit"), None) => return Ok(Command::Quit),
        (Some("ready"), None) => Wish::GoReady,
        (Some("not_ready"), Some(reason)) => Wish::GoNotReady(read_reason(reason)?),
        (Some("answer"), None) => Wish::Answer,
        (Some("reject"), None) => Wish::Reject,
        (Some("hang_up"), None) => Wish::HangUp,
        (Some("end_wrap_up"), None) => Wish::EndWrapUp,
        (Some("sign_out"), None) => Wish::SignOut,
        // Any other line is a mistake of whoever typed it.
        _ => {
            return Err("commands are: ready, not_ready REASON, answer, reject, hang_up, end_wrap_up, sign_out, quit".to_owned());
        }
    };
    Ok(Command::Wish(wish))
}

fn read_reason(text: &str) -> Result<NotReadyReason, String> {
    NotReadyReason::CHOOSABLE.into_iter().find(|reason| reason.code() == text).ok_or_else(|| {
        let codes = NotReadyReason::CHOOSABLE.map(NotReadyReason::code);
        format!("reasons for not_ready are: {}", codes.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::{Command, read};
    use desktop_core::Wish;
    use shared::model::NotReadyReason;

    #[test]
    fn each_line_is_one_command() {
        assert_eq!(read("ready"), Ok(Command::Wish(Wish::GoReady)));
        assert_eq!(read(" not_ready  meal \r"), Ok(Command::Wish(Wish::GoNotReady(NotReadyReason::Meal))));
        assert_eq!(read("quit"), Ok(Command::Quit));
        assert_eq!(read("  "), Ok(Command::Nothing));
    }

    #[test]
    fn a_mistake_is_told_what_is_possible() {
        assert!(read("dance").expect_err("no command").contains("hang_up"));
        assert!(read("not_ready system").expect_err("set by the server alone").contains("meal"));
        assert!(read("not_ready").is_err());
    }
}
