//! Sign-in: server, number, password; the question about a certificate; why the last try failed.

use super::Scene;
use crate::font;
use crate::theme::{self, Tone, radius, space, text_size};
use crate::widget::{Icon, advice, body, button, card, filled, group, icon, label, labelled, layer, plain, plain_keys, ranked};
use desktop_core::{LinkFailure, LinkState, SignInProblem, View, Wish};
use iced::widget::{Column, Id, Row, column, container, row, space as gap, text, text_input};
use iced::{Center, Element, Fill};
use shared::model::VoiceDevice;
use shared::pii::Pii;

/// Width of the card.
const CARD_WIDTH: f32 = 420.0;
/// Parts of a fingerprint in one line.
const FINGERPRINT_PARTS: usize = 8;
/// Width of one part, so that the parts stand in columns though letters and digits differ in width.
const FINGERPRINT_CELL: f32 = 40.0;

/// The fields' names, for focus and tests.
pub(crate) mod field {
    /// `host:port`.
    pub(crate) const SERVER: &str = "server";
    /// Staff number.
    pub(crate) const NUMBER: &str = "number";
    /// Password.
    pub(crate) const PASSWORD: &str = "password";
}

/// What was typed so far.
#[derive(Clone, Default)]
pub(crate) struct State {
    /// `host:port`; stays after sign-in, for the status line.
    pub(crate) server: String,
    number: String,
    password: String,
    /// Headset or phone, if it was chosen here; else it stays as it was.
    voice: Option<VoiceDevice>,
    incomplete: bool,
}

/// What the person does here.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// Work here although signed in elsewhere.
    TakeOver,
    /// Typed.
    Server(String),
    /// Typed.
    Number(String),
    /// Typed; redacted in any log.
    Password(Pii<String>),
    /// Headset or phone.
    Voice(VoiceDevice),
    /// Enter, or the button.
    Submit,
    /// The certificate's fingerprint is right.
    Trust,
    /// Give it up.
    Cancel,
    /// Light or dark.
    SwitchMode,
    /// The other language.
    SwitchLanguage,
}

/// What the app must do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing.
    None,
    /// To the session.
    Wish(Wish),
    /// Light or dark.
    SwitchMode,
    /// The other language.
    SwitchLanguage,
}

impl State {
    /// With what is already known.
    pub(crate) fn new(server: Option<String>, number: Option<String>, voice: Option<VoiceDevice>) -> Self {
        Self { server: server.unwrap_or_default(), number: number.unwrap_or_default(), voice, ..Self::default() }
    }

    /// The first field that is still empty.
    pub(crate) fn first_empty(&self) -> &'static str {
        match (self.server.is_empty(), self.number.is_empty()) {
            (true, _) => field::SERVER,
            (false, true) => field::NUMBER,
            (false, false) => field::PASSWORD,
        }
    }

    /// Forgets the password as soon as it has served or was wrong.
    pub(crate) fn observe(&mut self, view: &View) {
        if view.me.is_some() || matches!(view.problem, Some(SignInProblem::Refused(_))) {
            self.password.clear();
        }
    }

    /// One act of the person.
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Server(text) => self.server = text,
            Message::Number(text) => self.number = text,
            Message::Password(text) => self.password = text.into_inner(),
            Message::Voice(device) => {
                self.voice = Some(device);
                return Action::Wish(Wish::UseVoice(device));
            }
            Message::Submit => return self.submit(),
            Message::Trust => return Action::Wish(Wish::TrustCertificate),
            Message::TakeOver => return Action::Wish(Wish::TakeOver),
            Message::Cancel => return Action::Wish(Wish::Cancel),
            Message::SwitchMode => return Action::SwitchMode,
            Message::SwitchLanguage => return Action::SwitchLanguage,
        }
        Action::None
    }

    fn submit(&mut self) -> Action {
        let (server, number) = (self.server.trim(), self.number.trim());
        self.incomplete = server.is_empty() || number.is_empty() || self.password.is_empty();
        if self.incomplete {
            return Action::None;
        }
        Action::Wish(Wish::SignIn { server: server.to_owned(), number: number.to_owned(), password: self.password.clone().into() })
    }

    /// The whole screen.
    pub(crate) fn view<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let inside = match &scene.view.link {
            LinkState::ConfirmCertificate { fingerprint } => certificate(scene, fingerprint),
            LinkState::ConfirmTakeOver => elsewhere(scene),
            LinkState::SigningIn => self.form(scene, true),
            LinkState::SignedOut | LinkState::Online | LinkState::Reconnecting { .. } => self.form(scene, false),
        };
        let middle = column![brand(scene), card(scene.palette, inside).width(CARD_WIDTH).padding(space::XL)];
        let page = column![switches(scene), container(middle.spacing(space::XL).align_x(Center)).center(Fill)];
        layer(container(page).padding(space::L).width(Fill).height(Fill).style(move |_| theme::page(scene.palette)), true)
    }

    fn form<'a>(&'a self, scene: Scene<'a>, busy: bool) -> Column<'a, Message> {
        let (texts, palette) = (&scene.texts.sign_in, scene.palette);
        let title = text(texts.title).size(text_size::CLOCK).font(font::BOLD);
        let server = self.input(scene, field::SERVER, texts.server_example, &self.server, busy, Message::Server);
        let number = self.input(scene, field::NUMBER, "", &self.number, busy, Message::Number);
        let password = self.input(scene, field::PASSWORD, "", &self.password, busy, |typed| Message::Password(typed.into()));
        let fields = column![
            labelled(palette, texts.server, plain_keys(server)),
            labelled(palette, texts.number, plain_keys(number)),
            labelled(palette, texts.password, plain_keys(password.secure(true))),
        ];
        let fields = fields.push(labelled(palette, scene.texts.papers.speaks_by_unless, self.voices(scene, busy)));
        column![title, fields.spacing(space::M)].push(self.trouble(scene, busy)).push(self.submit_row(scene, busy)).spacing(space::L)
    }

    fn input<'a>(
        &'a self,
        scene: Scene<'a>,
        id: &'static str,
        example: &'a str,
        value: &'a str,
        busy: bool,
        typed: impl Fn(String) -> Message + 'a,
    ) -> iced::widget::TextInput<'a, Message> {
        let palette = scene.palette;
        text_input(example, value)
            .id(Id::new(id))
            .on_input_maybe((!busy).then_some(typed))
            .on_submit_maybe((!busy).then_some(Message::Submit))
            .size(text_size::BODY)
            .padding([9.0, 10.0])
            .style(move |_, status| theme::field(palette, status))
    }

    /// 耳机 or 座席电话; whether there is a phone the server alone knows, and says so after the sign-in.
    fn voices<'a>(&'a self, scene: Scene<'a>, busy: bool) -> Element<'a, Message> {
        let (palette, texts, chosen) = (scene.palette, &scene.texts.papers, self.voice);
        let choice =
            [(VoiceDevice::Headset, texts.by_headset), (VoiceDevice::Phone, texts.by_own_phone)].map(|(device, word)| {
                let word = container(text(word).size(text_size::BODY)).center_x(Fill);
                let act = (!busy && Some(device) != chosen).then_some(Message::Voice(device));
                let place = button(word).width(Fill).padding([space::S, space::M]).on_press_maybe(act);
                let present = Some(device) == chosen;
                place
                    .style(move |_, status| {
                        if present { theme::button_row(palette, Some(Tone::Blue), status) } else { theme::button_plain(palette, status) }
                    })
                    .into()
            });
        group(Row::from_iter(choice).spacing(space::XS))
    }

    fn submit_row<'a>(&'a self, scene: Scene<'a>, busy: bool) -> Element<'a, Message> {
        let texts = &scene.texts.sign_in;
        let (word, act) = if busy { (texts.signing_in, None) } else { (texts.submit, Some(Message::Submit)) };
        let caption = text(word).size(text_size::NUMBER).font(font::BOLD);
        let palette = scene.palette;
        let submit = button(container(caption).center(Fill)).width(Fill).height(theme::size::BUTTON).on_press_maybe(act);
        let submit = submit.style(move |_, status| theme::button_filled(palette, Tone::Blue, status));
        let cancel = busy.then(|| plain(palette, texts.cancel, Some(Message::Cancel)).height(theme::size::BUTTON));
        group(row![submit].push(cancel).spacing(space::S))
    }

    fn trouble<'a>(&'a self, scene: Scene<'a>, busy: bool) -> Option<Element<'a, Message>> {
        let palette = scene.palette;
        if scene.engine_stopped {
            return Some(text(scene.texts.frame.engine_stopped).size(text_size::LABEL).color(palette.color(Tone::Red)).into());
        }
        if self.incomplete {
            return Some(text(scene.texts.sign_in.incomplete).size(text_size::LABEL).color(palette.color(Tone::Red)).into());
        }
        let problem = scene.view.problem.as_ref().filter(|_| !busy)?;
        let tone = match problem {
            SignInProblem::SignedOut(shared::wire::SignOutReason::Asked) => Tone::Grey,
            SignInProblem::Refused(_) | SignInProblem::Link(_) | SignInProblem::SignedOut(_) => Tone::Red,
        };
        let sentences = advice(palette, tone, scene.texts.problem(problem));
        let panel = column![sentences].push(detail(scene, problem)).spacing(space::S);
        Some(container(panel).width(Fill).padding(space::M).style(move |_| theme::banner(palette, tone)).into())
    }
}

/// What the system or the server said, for whoever is asked for help.
fn detail<'a>(scene: Scene<'a>, problem: &'a SignInProblem) -> Option<Element<'a, Message>> {
    match problem {
        SignInProblem::Link(LinkFailure::Unreachable(cause) | LinkFailure::Broken(cause) | LinkFailure::Protocol(cause)) => {
            Some(label(scene.palette, cause.as_str()).into())
        }
        SignInProblem::Link(LinkFailure::ChangedCertificate { fingerprint } | LinkFailure::UnknownCertificate { fingerprint }) => {
            Some(fingerprint_lines(fingerprint))
        }
        SignInProblem::Refused(_) | SignInProblem::SignedOut(_) => None,
    }
}

/// The person is signed in elsewhere: go on here, or leave it.
fn elsewhere<'a>(scene: Scene<'a>) -> Column<'a, Message> {
    let palette = scene.palette;
    let sentences = scene.texts.advice.elsewhere;
    let cancel = plain(palette, scene.texts.sign_in.cancel, Some(Message::Cancel));
    let act = filled(palette, scene.texts.house.take_over, None, Some(Message::TakeOver));
    let acts = group(row![iced::widget::space::horizontal(), cancel, act].spacing(space::S));
    column![advice(palette, Tone::Amber, sentences), acts].spacing(space::XL)
}

fn certificate<'a>(scene: Scene<'a>, fingerprint: &'a str) -> Column<'a, Message> {
    let (texts, palette) = (&scene.texts.sign_in, scene.palette);
    let title = text(texts.certificate_title).size(text_size::CLOCK).font(font::BOLD);
    let head = row![icon(Icon::Shield, palette.color(Tone::Amber)).width(28.0).height(28.0), title].spacing(space::S).align_y(Center);
    let proof = container(fingerprint_lines(fingerprint)).width(Fill).padding(space::M);
    let proof =
        proof.style(move |_| container::Style { text_color: Some(palette.text), ..theme::chip(palette, Tone::Grey, radius::FIELD) });
    let sentence = |words| body(words).line_height(1.5);
    let refuse = plain(palette, texts.cancel, Some(Message::Cancel));
    let trust = filled(palette, texts.trust, None, Some(Message::Trust));
    column![
        head,
        column![sentence(texts.certificate_what), sentence(texts.certificate_why), sentence(texts.certificate_next)].spacing(space::S),
        labelled(palette, texts.fingerprint, proof),
        group(row![refuse, gap::horizontal(), trust]),
    ]
    .spacing(space::L)
}

/// `AB:CD:…` in lines short enough to be read aloud.
fn fingerprint_lines<'a, M: 'a>(fingerprint: &str) -> Element<'a, M> {
    let parts: Vec<&str> = fingerprint.split(':').collect();
    let lines = parts.chunks(FINGERPRINT_PARTS).map(|line| {
        let cells = line.iter().map(|part| text((*part).to_owned()).size(text_size::BODY).width(FINGERPRINT_CELL).into());
        Row::with_children(cells).into()
    });
    Column::with_children(lines).spacing(space::XS).into()
}

fn brand<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let name = text(scene.texts.product).size(text_size::NAME).font(font::BOLD);
    let sign = icon(Icon::Headset, scene.palette.color(Tone::Blue)).width(28.0).height(28.0);
    row![sign, name].spacing(space::S).align_y(Center).into()
}

fn switches<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let word = if scene.dark { scene.texts.frame.light } else { scene.texts.frame.dark };
    let quiet = |word, act| {
        let palette = scene.palette;
        button(text(word).size(text_size::LABEL)).on_press(act).style(move |_, status| theme::rail_button(palette, false, status))
    };
    let mode = quiet(word, Message::SwitchMode);
    let language = quiet(scene.texts.other_language, Message::SwitchLanguage);
    ranked(1, row![gap::horizontal(), mode, language].spacing(space::S))
}
