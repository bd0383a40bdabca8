//! The sign-in screen.

use super::{Desktop, Message, agent, ready, with_phone};
use crate::app::Options;
use crate::i18n::Language;
use desktop_core::{LinkFailure, LinkState, SignInProblem, View, Wish};
use iced::keyboard::{Key, key::Named};
use iced::widget::Id;
use shared::model::{AgentState, NotReadyReason, VoiceDevice};
use shared::wire::{SignInRefusal, SignOutReason};

/// Clicks into a field and types, one rebuilt screen for each key, as the real window does.
fn type_into(desktop: &mut Desktop, field: &'static str, text: &str) {
    for character in text.chars() {
        let mut simulator = desktop.simulator();
        simulator.click(Id::new(field)).expect("the field is there");
        simulator.tap_key(Key::Named(Named::End));
        simulator.typewrite(&character.to_string());
        let messages: Vec<_> = simulator.into_messages().collect();
        messages.into_iter().for_each(|message| desktop.tell(message));
    }
}

fn expected(server: &str, number: &str, password: &str) -> Wish {
    Wish::SignIn { server: server.into(), number: number.into(), password: password.to_owned().into() }
}

#[test]
fn typing_the_three_fields_and_the_button_wishes_a_sign_in() {
    let mut desktop = Desktop::showing(View::default());
    desktop.assert_finds(&["座席登录", "服务器地址", "工号", "密码", "登录"]);
    type_into(&mut desktop, "server", "hotline:7443");
    type_into(&mut desktop, "number", "1007");
    type_into(&mut desktop, "password", "secret");
    desktop.click("登录");
    assert_eq!(desktop.wishes(), [expected("hotline:7443", "1007", "secret")]);
    desktop.assert_lacks(&["secret"]);
}

#[test]
fn enter_in_a_field_submits_and_spaces_around_are_dropped() {
    let options = Options { server: Some(" hotline:7443 ".into()), number: Some("1007".into()), ..Options::default() };
    let mut desktop = Desktop::started(options, View::default());
    type_into(&mut desktop, "password", "secret");
    let mut simulator = desktop.simulator();
    simulator.click(Id::new("password")).expect("the field is there");
    simulator.tap_key(Key::Named(Named::Enter));
    let messages: Vec<_> = simulator.into_messages().collect();
    messages.into_iter().for_each(|message| desktop.tell(message));
    assert_eq!(desktop.wishes(), [expected("hotline:7443", "1007", "secret")]);
}

#[test]
fn by_what_one_speaks_is_chosen_at_the_sign_in_or_in_the_settings() {
    let mut desktop = Desktop::showing(View::default());
    desktop.click("座席电话");
    assert_eq!(desktop.wishes(), [Wish::UseVoice(VoiceDevice::Phone)]);
    let mut desktop = Desktop::showing(with_phone(VoiceDevice::Phone));
    desktop.tell(Message::Agent(agent::Message::ShowSettings));
    desktop.assert_finds(&["接听方式", "座席电话 8001"]);
    desktop.wishes();
    desktop.click("耳机");
    assert_eq!(desktop.wishes(), [Wish::UseVoice(VoiceDevice::Headset)]);
    let mut desktop = Desktop::showing(ready());
    desktop.tell(Message::Agent(agent::Message::ShowSettings));
    desktop.assert_lacks(&["接听方式"]);
}

#[test]
fn who_speaks_by_phone_is_ready_without_a_test_of_the_headset() {
    for device in [VoiceDevice::Headset, VoiceDevice::Phone] {
        let mut view = with_phone(device);
        if let Some(desk) = view.desk.as_mut() {
            desk.state = AgentState::NotReady(NotReadyReason::SignedIn);
        }
        let mut desktop = Desktop::showing(view);
        desktop.app.settings.sound_tested = false;
        desktop.press(Named::F11);
        assert_eq!(desktop.wishes().contains(&Wish::GoReady), device == VoiceDevice::Phone, "{device:?}");
    }
}

#[test]
fn an_incomplete_form_says_so_and_wishes_nothing() {
    let mut desktop = Desktop::showing(View::default());
    desktop.click("登录");
    assert_eq!(desktop.wishes(), []);
    desktop.assert_finds(&["请填写服务器地址、工号和密码。"]);
}

#[test]
fn while_signing_in_the_button_is_dimmed_and_the_try_can_be_given_up() {
    let mut desktop = Desktop::showing(View { link: LinkState::SigningIn, ..View::default() });
    desktop.click("正在登录…");
    assert_eq!(desktop.wishes(), []);
    desktop.click("取消");
    desktop.press(Named::Escape);
    assert_eq!(desktop.wishes(), [Wish::Cancel, Wish::Cancel]);
}

#[test]
fn an_unknown_certificate_is_shown_and_trusted_only_by_its_button() {
    let fingerprint = (0..32).map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let mut desktop = Desktop::showing(View { link: LinkState::ConfirmCertificate { fingerprint }, ..View::default() });
    desktop.assert_finds(&["确认服务器身份", "证书指纹（SHA-256）", "00", "07", "18", "1F"]);
    desktop.press(Named::Enter);
    assert_eq!(desktop.wishes(), []);
    desktop.click("指纹一致，信任并登录");
    desktop.click("取消");
    assert_eq!(desktop.wishes(), [Wish::TrustCertificate, Wish::Cancel]);
}

#[test]
fn every_problem_says_what_happened_why_and_what_to_do_in_both_languages() {
    let problems = [
        SignInProblem::Refused(SignInRefusal::WrongCredentials),
        SignInProblem::Refused(SignInRefusal::TooManyAttempts),
        SignInProblem::Refused(SignInRefusal::SessionGone),
        SignInProblem::Refused(SignInRefusal::NotNow),
        SignInProblem::Link(LinkFailure::Unreachable("connection refused".into())),
        SignInProblem::Link(LinkFailure::ChangedCertificate { fingerprint: "AA:BB".into() }),
        SignInProblem::Link(LinkFailure::Broken("reset".into())),
        SignInProblem::Link(LinkFailure::Protocol("no hello".into())),
        SignInProblem::SignedOut(SignOutReason::Asked),
        SignInProblem::SignedOut(SignOutReason::Superseded),
        SignInProblem::SignedOut(SignOutReason::Lost),
        SignInProblem::SignedOut(SignOutReason::ServerStopping),
    ];
    for language in [Language::Chinese, Language::English] {
        for problem in &problems {
            let options = Options { language, ..Options::default() };
            let desktop = Desktop::started(options, View { problem: Some(problem.clone()), ..View::default() });
            let advice = language.texts().problem(problem);
            desktop.assert_finds(&[advice.what, advice.why, advice.next]);
        }
    }
}

#[test]
fn the_systems_own_words_stand_beneath_a_failed_connection() {
    let problem = Some(SignInProblem::Link(LinkFailure::Unreachable("Connection refused (os error 111)".into())));
    Desktop::showing(View { problem, ..View::default() }).assert_finds(&["连不上服务器", "Connection refused (os error 111)"]);
}

#[test]
fn a_wrong_password_is_forgotten_and_so_is_a_right_one() {
    let options = Options { server: Some("hotline:7443".into()), number: Some("1007".into()), ..Options::default() };
    let wrong = View { problem: Some(SignInProblem::Refused(SignInRefusal::WrongCredentials)), ..View::default() };
    for after in [wrong, ready()] {
        let mut desktop = Desktop::started(options.clone(), View::default());
        type_into(&mut desktop, "password", "secret");
        desktop.shows(after);
        desktop.shows(View::default());
        desktop.wishes();
        desktop.click("登录");
        assert_eq!(desktop.wishes(), [], "the password is gone");
    }
}

#[test]
fn language_and_mode_are_switched_on_the_spot() {
    let mut desktop = Desktop::showing(View::default());
    desktop.click("English");
    desktop.assert_finds(&["Agent sign-in", "Sign in", "中文", "Dark"]);
    desktop.click("Dark");
    desktop.assert_finds(&["Light"]);
    desktop.press(Named::F10);
    desktop.assert_finds(&["Dark"]);
}

#[test]
fn who_is_signed_in_elsewhere_is_asked_before_the_other_place_is_signed_out() {
    let mut desktop = Desktop::showing(View { link: LinkState::ConfirmTakeOver, ..View::default() });
    desktop.assert_finds(&["您已在另一台电脑上登录"]);
    desktop.click("在这里继续");
    desktop.click("取消");
    assert_eq!(desktop.wishes(), [Wish::TakeOver, Wish::Cancel]);
}
