//! 设置: how it looks, which devices and how loud, the sound test, when the seat locks, and the password. The sound test is also asked for
//! before the first 示闲 with these devices.

use super::chooser::{Purpose, Role, field as chosen};
use super::{Message, Scene};
use crate::font;
use crate::keeping::Settings;
use crate::theme::{self, Tone, space, text_size};
use crate::widget::{Icon, body, button, card, filled, group, heading, icon, label, labelled, level_meter, plain, plain_key, scroll};
use desktop_core::{SoundSettings, SoundTest, View, Wish};
use iced::widget::{Column, Row, column, container, row, space as gap, text};
use iced::{Center, Element, Fill};
use shared::model::VoiceDevice;

/// Sizes that can be chosen, in percent.
pub(crate) const SCALES: [u16; 5] = [100, 125, 150, 175, 200];
/// Minutes after which an idle seat locks; 0 is never.
pub(crate) const LOCKS: [u16; 4] = [5, 10, 20, 0];
/// One step of a volume, in percent.
const VOLUME_STEP: u16 = 20;
/// Width of a column of cards.
const COLUMN_WIDTH: f32 = 460.0;
/// Locks after so many minutes unless chosen otherwise.
pub(crate) const USUAL_LOCK: u16 = 10;

pub(super) fn view<'a>(settings: &'a Settings, scene: Scene<'a>) -> Element<'a, Message> {
    let palette = scene.palette;
    let left = column![card(palette, look(settings, scene)).width(Fill), card(palette, security(settings, scene)).width(Fill)];
    let right = column![card(palette, sound(settings, scene)).width(Fill)];
    let columns = row![left.spacing(space::M).width(COLUMN_WIDTH), right.spacing(space::M).width(COLUMN_WIDTH)].spacing(space::M);
    scroll(scene.palette, columns).width(Fill).height(Fill).into()
}

fn look<'a>(settings: &'a Settings, scene: Scene<'a>) -> Column<'a, Message> {
    let texts = &scene.texts.papers;
    let mode = if scene.dark { scene.texts.frame.light } else { scene.texts.frame.dark };
    let present = settings.scale_percent.unwrap_or(100);
    let scales = SCALES.map(|scale| pill(scene, format!("{scale}%"), scale == present, Message::Scale(scale)));
    column![
        heading(scene.palette, texts.look),
        labelled(scene.palette, texts.scale, group(Row::from_iter(scales).spacing(space::XS))),
        labelled(
            scene.palette,
            texts.language,
            group(
                row![
                    plain(scene.palette, scene.texts.other_language, Some(Message::SwitchLanguage)),
                    plain(scene.palette, mode, Some(Message::SwitchMode)),
                    plain(scene.palette, texts.mini, Some(Message::ToggleMini)),
                ]
                .spacing(space::S)
            )
        ),
        labelled(scene.palette, texts.by_keyboard, body(texts.keyboard_hint).size(text_size::LABEL).line_height(1.4)),
        labelled(scene.palette, scene.texts.outside.ring_shown, group(Row::from_iter(ring_places(settings, scene)).spacing(space::XS))),
    ]
    .spacing(space::M)
}

fn ring_places<'a>(settings: &Settings, scene: Scene<'a>) -> [Element<'a, Message>; 2] {
    let texts = &scene.texts.outside;
    [(texts.ring_window, false), (texts.ring_main, true)]
        .map(|(word, in_main)| pill(scene, word.to_owned(), settings.ring_in_main == in_main, Message::RingInMain(in_main)))
}

fn security<'a>(settings: &'a Settings, scene: Scene<'a>) -> Column<'a, Message> {
    let texts = &scene.texts.papers;
    let present = settings.lock_minutes.unwrap_or(USUAL_LOCK);
    let locks = LOCKS.map(|minutes| {
        let word = if minutes == 0 { texts.lock_never.to_owned() } else { (texts.lock_after)(minutes) };
        pill(scene, word, minutes == present, Message::LockAfter(minutes))
    });
    let lock = scene.view.can_go_not_ready().then_some(Message::Wish(Wish::Lock));
    column![
        heading(scene.palette, texts.security),
        labelled(scene.palette, texts.lock_label, group(Row::from_iter(locks).spacing(space::XS))),
        group(
            row![plain(scene.palette, texts.lock_now, lock), plain(scene.palette, texts.change_password, Some(Message::AskPassword))]
                .spacing(space::S)
        ),
    ]
    .spacing(space::M)
}

/// Devices, volumes and the test.
pub(super) fn sound<'a>(settings: &'a Settings, scene: Scene<'a>) -> Column<'a, Message> {
    let (palette, texts, chosen_sound) = (scene.palette, &scene.texts.papers, &settings.sound);
    let name = |device: &Option<String>, none: &str| Some(device.clone().unwrap_or_else(|| none.to_owned()));
    let volume = |loud: u16, ring: u16| Message::Sound(SoundSettings { volume_percent: loud, ring_percent: ring, ..chosen_sound.clone() });
    let (loud, ring) = (chosen_sound.volume_percent, chosen_sound.ring_percent);
    column![heading(palette, texts.sound)]
        .push(device(scene))
        .extend([
            chosen(scene, texts.microphone, name(&chosen_sound.microphone, texts.systems_choice), Purpose::Device(Role::Microphone)),
            chosen(scene, texts.loudspeaker, name(&chosen_sound.loudspeaker, texts.systems_choice), Purpose::Device(Role::Loudspeaker)),
            chosen(scene, texts.ringer, name(&chosen_sound.ringer, texts.no_ringer), Purpose::Device(Role::Ringer)),
            row![
                steps(scene, texts.volume, loud, volume(quieter(loud), ring), volume(louder(loud), ring)),
                steps(scene, texts.ring_volume, ring, volume(loud, quieter(ring)), volume(loud, louder(ring))),
            ]
            .spacing(space::M)
            .into(),
            labelled(palette, scene.texts.outside.clean, group(Row::from_iter(cleaning(chosen_sound, scene)).spacing(space::XS))).into(),
        ])
        .push(trial(scene))
        .spacing(space::M)
}

/// What is done with the microphone's voice; each is on or off by itself.
fn cleaning<'a>(sound: &SoundSettings, scene: Scene<'a>) -> [Element<'a, Message>; 3] {
    let texts = &scene.texts.outside;
    let change = |change: fn(&mut SoundSettings)| {
        let mut changed = sound.clone();
        change(&mut changed);
        Message::Sound(changed)
    };
    [
        switch(scene, texts.cancel_echo, sound.cancel_echo, change(|sound| sound.cancel_echo ^= true)),
        switch(scene, texts.reduce_noise, sound.reduce_noise, change(|sound| sound.reduce_noise ^= true)),
        switch(scene, texts.even_level, sound.even_level, change(|sound| sound.even_level ^= true)),
    ]
}

/// Headset or phone 座席电话, for whoever has one.
fn device<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let (texts, voice) = (&scene.texts.papers, &scene.view.desk.as_ref()?.voice);
    let phone = voice.phone.as_ref()?;
    let choice = [(VoiceDevice::Headset, texts.by_headset.to_owned()), (VoiceDevice::Phone, (texts.by_phone)(phone))];
    let choice = choice.map(|(device, word)| pill(scene, word, device == voice.device, Message::Wish(Wish::UseVoice(device))));
    Some(labelled(scene.palette, texts.speaks_by, group(Row::from_iter(choice).spacing(space::XS))).into())
}

/// Whether the sound can be tried out now.
fn can_try(view: &View) -> bool {
    view.can_test_sound() && view.headset_works() && view.voice.test == SoundTest::Off
}

/// What the digits on the test's buttons mean; nothing while these are dimmed.
pub(super) fn digit(digit: usize, view: &View) -> Option<Wish> {
    let test = match digit {
        1 => SoundTest::Record,
        2 => SoundTest::Ring,
        _ => return None,
    };
    can_try(view).then_some(Wish::TestSound(test))
}

/// The test: what it does now, the level, and its acts.
fn trial<'a>(scene: Scene<'a>) -> Column<'a, Message> {
    let (palette, texts, voice) = (scene.palette, &scene.texts.papers, &scene.view.voice);
    let can = can_try(scene.view);
    let act = |test: SoundTest| can.then_some(Message::Wish(Wish::TestSound(test)));
    let words = match voice.test {
        SoundTest::Record => Some(texts.recording),
        SoundTest::Play => Some(texts.playing),
        SoundTest::Off | SoundTest::Ring => None,
    };
    let stop = (voice.test != SoundTest::Off).then(|| plain(palette, texts.stop, Some(Message::Wish(Wish::TestSound(SoundTest::Off)))));
    let trouble = (!scene.view.headset_works()).then(|| body(scene.texts.advice.no_device.what).color(palette.color(Tone::Red)));
    let level = if voice.test == SoundTest::Record { voice.microphone_level } else { voice.speaker_level };
    column![
        group(
            row![
                plain_key(palette, texts.record, "1", act(SoundTest::Record)),
                plain_key(palette, texts.try_ring, "2", act(SoundTest::Ring))
            ]
            .push(stop)
            .spacing(space::S)
        ),
        level_meter(palette, Tone::Green, words.unwrap_or(scene.texts.voice.microphone), level),
    ]
    .push(trouble)
    .spacing(space::M)
}

fn quieter(percent: u16) -> u16 {
    percent.saturating_sub(VOLUME_STEP)
}

fn louder(percent: u16) -> u16 {
    (percent + VOLUME_STEP).min(SoundSettings::LOUDEST)
}

fn steps<'a>(scene: Scene<'a>, name: &'a str, percent: u16, less: Message, more: Message) -> Element<'a, Message> {
    let step = |word: &'a str, act: Option<Message>| {
        let palette = scene.palette;
        let place =
            button(container(text(word).size(text_size::NUMBER).font(font::BOLD)).center(Fill)).width(36.0).height(36.0).padding(0.0);
        place.on_press_maybe(act).style(move |_, status| theme::button_plain(palette, status))
    };
    let value = container(body(format!("{percent}%"))).center_x(56.0);
    let less = (percent > 0).then_some(less);
    let more = (percent < SoundSettings::LOUDEST).then_some(more);
    let row = row![step("–", less), value, step("+", more)].spacing(space::XS).align_y(Center);
    labelled(scene.palette, name, group(row)).width(Fill).into()
}

/// On or off by a click; a sign says which, besides the colour.
pub(super) fn switch<'a>(scene: Scene<'a>, word: &'a str, on: bool, act: Message) -> Element<'a, Message> {
    let palette = scene.palette;
    let sign = if on { icon(Icon::Ready, palette.color(Tone::Blue)) } else { icon(Icon::Off, palette.label) };
    let word = row![sign.width(16.0).height(16.0), text(word).size(text_size::BODY)].spacing(space::XS).align_y(Center);
    let place = button(word).padding([space::S, space::M]).on_press(act);
    place.style(move |_, status| theme::button_row(palette, on.then_some(Tone::Blue), status)).into()
}

fn pill<'a>(scene: Scene<'a>, word: String, chosen: bool, act: Message) -> Element<'a, Message> {
    let palette = scene.palette;
    let place = button(text(word).size(text_size::BODY)).padding([space::S, space::M]).on_press_maybe((!chosen).then_some(act));
    place.style(move |_, status| theme::button_row(palette, chosen.then_some(Tone::Blue), status)).into()
}

/// Before the first 示闲 with these devices.
pub(super) fn before_ready<'a>(settings: &'a Settings, scene: Scene<'a>) -> Column<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.papers);
    let works = scene.view.headset_works() || scene.view.speaks_by_phone();
    let ready = works.then_some(Message::SoundIsGood);
    let acts = row![
        plain_key(palette, texts.test_skip, "Esc", Some(Message::CloseQuestion)),
        gap::horizontal(),
        filled(palette, texts.test_done, Some("Enter"), ready)
    ];
    column![
        text(texts.test_title).size(text_size::NUMBER).font(font::BOLD),
        label(palette, texts.test_what),
        sound(settings, scene),
        group(acts.align_y(Center))
    ]
    .spacing(space::M)
}
