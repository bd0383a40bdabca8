//! What a notification is on Windows, in its words: a paper in XML (toast content schema), for the name that the installer has registered.

use super::signs::{Words, without_markup};

/// What the program is called among those that may notify (AppUserModelID).
pub(super) const PROGRAM: &str = "Hotline.AgentDesktop";
/// What the button says to us.
pub(super) const ANSWER: &str = "answer";

/// The paper: as a call it stays on the screen until it is taken back; we ring ourselves.
pub(super) fn paper(words: Words<'_>) -> String {
    let [title, body, answer] = [&words.call.title, &words.call.body, words.answer].map(without_markup);
    format!(
        "<toast scenario=\"incomingCall\" launch=\"open\"><visual><binding template=\"ToastGeneric\"><text>{title}</text><text>{body}</text>\
         </binding></visual><actions><action content=\"{answer}\" arguments=\"{ANSWER}\"/></actions><audio silent=\"true\"/></toast>"
    )
}

#[cfg(test)]
mod tests {
    use super::{PROGRAM, paper};
    use crate::platform::CallSign;
    use crate::platform::signs::Words;

    #[test]
    fn the_installer_registers_the_name_by_which_we_notify() {
        let installer = include_str!("../../packaging/installer.nsi");
        assert!(installer.contains(&format!("!define PROGRAM \"{PROGRAM}\"")), "another name would never be shown");
    }

    #[test]
    fn a_callers_name_breaks_no_paper() {
        let call = CallSign { offer: 1, title: "</text>\u{7}13912345678".to_owned(), body: "王 & \"李\"".to_owned() };
        let written = paper(Words { call: &call, answer: "接听", product: "" });
        assert!(written.contains("<text>&lt;/text&gt;13912345678</text><text>王 &amp; &quot;李&quot;</text>"), "{written}");
        assert!(written.contains("<action content=\"接听\" arguments=\"answer\"/>"), "{written}");
    }
}
