//! The status line: the connection, who I am, the headset; on the right how well it goes, and the time.

use super::{Message, Scene, own::voice_word};
use crate::theme::{self, Tone, size, space, text_size};
use crate::widget::{button, dot, label, ranked};
use desktop_core::LinkState;
use iced::widget::{Row, container, row, space as gap, text};
use iced::{Center, Element, Fill};
use shared::model::VoiceLight;

/// Widest name of a device; the rest of it is cut off.
const DEVICE_WIDTH: f32 = 200.0;

pub(super) fn view<'a>(scene: Scene<'a>, server: &'a str) -> Element<'a, Message> {
    let palette = scene.palette;
    let line = row![connection(scene, server), who(scene), headset(scene), gap::horizontal()];
    let line = line.push(way(scene)).push(sound(scene)).push(quality(scene)).push(switch(scene));
    let line = line.push(label(palette, scene.time_of_day())).spacing(20.0).align_y(Center);
    let line = container(line).padding([0.0, space::L]).center_y(size::STATUS_LINE).width(Fill);
    ranked(super::rank::STATUS_LINE, line.style(move |_| theme::bar(palette)))
}

fn connection<'a>(scene: Scene<'a>, server: &'a str) -> Row<'a, Message> {
    let texts = &scene.texts.frame;
    let (tone, word) = match scene.view.link {
        LinkState::Online => (Tone::Green, texts.connected),
        LinkState::Reconnecting { .. } | LinkState::SigningIn => (Tone::Amber, texts.connecting),
        LinkState::SignedOut | LinkState::ConfirmCertificate { .. } | LinkState::ConfirmTakeOver => (Tone::Grey, texts.connecting),
    };
    row![dot(scene.palette.color(tone)), label(scene.palette, word), label(scene.palette, server)].spacing(6.0).align_y(Center)
}

fn who<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let me = scene.view.me.as_ref()?;
    Some(label(scene.palette, format!("{} {}", me.number, me.name)).into())
}

fn headset<'a>(scene: Scene<'a>) -> Row<'a, Message> {
    let (tone, word) = voice_word(scene);
    let color = if tone == Tone::Red { scene.palette.color(Tone::Red) } else { scene.palette.label };
    let device = scene.view.voice.device.as_deref().map(|device| {
        let name = label(scene.palette, device).wrapping(text::Wrapping::None);
        container(name).max_width(DEVICE_WIDTH).clip(true)
    });
    row![label(scene.palette, scene.texts.voice.headset)].push(device).push(label(scene.palette, word).color(color)).spacing(6.0)
}

/// How the talk sounds: a light, its word, and why it is not green.
fn sound<'a>(scene: Scene<'a>) -> Option<Row<'a, Message>> {
    let health = scene.view.health.as_ref()?;
    let light = health.light();
    let color = scene.palette.color(light_tone(light));
    let word = label(scene.palette, format!("{} {}", scene.texts.health.quality, scene.texts.light(light)));
    let cause = scene.texts.cause(health).map(|cause| label(scene.palette, cause).color(color));
    Some(row![dot(color), word].push(cause).spacing(6.0).align_y(Center))
}

/// The colour of the light.
pub(super) fn light_tone(light: VoiceLight) -> Tone {
    match light {
        VoiceLight::Good => Tone::Green,
        VoiceLight::Fair => Tone::Amber,
        VoiceLight::Poor => Tone::Red,
    }
}

fn way<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let word = scene.texts.way(scene.view.voice.way)?;
    Some(label(scene.palette, word).color(scene.palette.color(Tone::Amber)).into())
}

fn quality<'a>(scene: Scene<'a>) -> Row<'a, Message> {
    let (texts, view) = (&scene.texts.frame, scene.view);
    let delay = view.round_trip_ms.map(|delay| label(scene.palette, format!("{} {delay} ms", texts.round_trip)));
    let permille = view.voice.loss_permille;
    let loss = label(scene.palette, format!("{} {}.{}%", texts.loss, permille / 10, permille % 10));
    let loss = if permille >= 30 { loss.color(scene.palette.color(Tone::Red)) } else { loss };
    row![].push(delay).push(loss).spacing(space::M)
}

fn switch<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let palette = scene.palette;
    let word = text(scene.texts.other_language).size(text_size::LABEL);
    let language = button(word).padding([2.0, 6.0]).on_press(Message::SwitchLanguage);
    language.style(move |_, status| theme::rail_button(palette, false, status)).into()
}
