//! The tray's icon (StatusNotifierItem): the state by colour and word, a click opens the window, its menu answers.

use super::{Press, Sign};
use ksni::menu::StandardItem;
use ksni::{Handle, Icon, MenuItem, OfflineReason, Status, ToolTip, TrayMethods};
use tokio::sync::mpsc;

/// Width and height of the icon, in pixels.
const SIDE: i32 = 32;

/// The icon, ours until this is dropped.
pub(super) struct Tray(Handle<Item>);

impl Tray {
    /// Registers it now, or when the desktop has a tray.
    pub(super) async fn start(press: mpsc::Sender<Press>) -> Option<Self> {
        let item = Item { press, shown: Shown::default() };
        // It tells only when there is none, or again one.
        item.say(Press::Tray(true));
        let spawned = item.assume_sni_available(true).disable_dbus_name(true).spawn().await;
        spawned.map(Self).inspect_err(|error| tracing::info!(%error, "no tray")).ok()
    }

    /// Shows this from now on.
    pub(super) async fn show(&self, shown: Shown) {
        self.0.update(|item| item.shown = shown).await;
    }
}

/// What it shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    product: String,
    state: String,
    colour: [u8; 3],
    open: String,
    answer: String,
    can_answer: bool,
}

impl From<&Sign> for Shown {
    fn from(sign: &Sign) -> Self {
        Self {
            product: sign.product.clone(),
            state: sign.state.clone(),
            colour: sign.colour,
            open: sign.open.clone(),
            answer: sign.answer.clone(),
            can_answer: sign.can_answer,
        }
    }
}

struct Item {
    press: mpsc::Sender<Press>,
    shown: Shown,
}

impl Item {
    fn say(&self, press: Press) {
        if self.press.try_send(press).is_err() {
            tracing::warn!(?press, "the tray is not heard");
        }
    }
}

impl ksni::Tray for Item {
    fn id(&self) -> String {
        "hotline-agent".to_owned()
    }

    fn title(&self) -> String {
        self.shown.product.clone()
    }

    fn status(&self) -> Status {
        if self.shown.can_answer { Status::NeedsAttention } else { Status::Active }
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        vec![round(self.shown.colour)]
    }

    fn attention_icon_pixmap(&self) -> Vec<Icon> {
        vec![round(self.shown.colour)]
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip { title: self.shown.product.clone(), description: self.shown.state.clone(), ..ToolTip::default() }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        self.say(Press::Open);
    }

    fn secondary_activate(&mut self, _x: i32, _y: i32) {
        self.say(if self.shown.can_answer { Press::Answer } else { Press::Open });
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let item = |label: &str, enabled: bool, press: Press| {
            let activate = Box::new(move |item: &mut Self| item.say(press));
            StandardItem { label: label.to_owned(), enabled, activate, ..StandardItem::default() }.into()
        };
        vec![
            item(&self.shown.state, false, Press::Open),
            MenuItem::Separator,
            item(&self.shown.answer, self.shown.can_answer, Press::Answer),
            item(&self.shown.open, true, Press::Open),
        ]
    }

    fn watcher_online(&self) {
        self.say(Press::Tray(true));
    }

    fn watcher_offline(&self, _reason: OfflineReason) -> bool {
        self.say(Press::Tray(false));
        true
    }
}

/// A disc of the state's colour, with a soft edge.
fn round([red, green, blue]: [u8; 3]) -> Icon {
    let middle = f64::from(SIDE - 1) / 2.0;
    let pixels = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (f64::from(x), f64::from(y))));
    let data = pixels.flat_map(|(x, y)| {
        let outside = (x - middle).hypot(y - middle) - (middle - 1.0);
        let opacity = ((1.0 - outside).clamp(0.0, 1.0) * 255.0) as u8;
        [opacity, red, green, blue]
    });
    Icon { width: SIDE, height: SIDE, data: data.collect() }
}

#[cfg(test)]
mod tests {
    use super::{SIDE, round};

    #[test]
    fn the_icon_is_a_disc_of_the_states_colour() {
        let icon = round([1, 2, 3]);
        let side = usize::try_from(SIDE).expect("it is small");
        assert_eq!(icon.data.len(), 4 * side * side);
        assert_eq!(icon.data[..4], [0, 1, 2, 3], "its corner is empty");
        let middle = 4 * (side * side / 2 + side / 2);
        assert_eq!(icon.data[middle..middle + 4], [255, 1, 2, 3]);
    }
}
