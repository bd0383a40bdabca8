//! Whole ways through the screens, written as `.ice` files in `agent-desktop/flows`: the emulator of iced runs the app against a server
//! of few words. What each wish does in truth is tested with the real one in `tests`.

use super::*;
use desktop_core::View;
use iced::window;
use iced::{Element, Preset, Task};
use iced_test::renderer::graphics::text::font_system;
use shared::model::CallFunction;

/// The app, and the server that answers it at once.
struct Flow {
    app: App,
    backend: Arc<Noted>,
}

impl Flow {
    fn at(view: View) -> Self {
        let Desktop { app, backend, .. } = Desktop::showing(with_papers(view));
        Self { app, backend }
    }

    fn signed_out() -> Self {
        let Desktop { app, backend, .. } = Desktop::showing(View::default());
        Self { app, backend }
    }

    fn update(&mut self, message: Message) -> Task<Message> {
        let mut tasks = vec![self.app.update(message)];
        loop {
            let wishes = std::mem::take(&mut *self.backend.wishes.lock().expect("no test panics while holding it"));
            if wishes.is_empty() {
                return Task::batch(tasks);
            }
            for view in wishes.iter().filter_map(answer) {
                let view = with_papers(view);
                let ringing = view.desk.as_ref().is_some_and(|desk| desk.offer.is_some());
                tasks.push(self.app.update(Message::Shown(Box::new(Snapshot { view, ringing }))));
            }
        }
    }

    fn view(&self) -> Element<'_, Message> {
        self.app.view()
    }
}

/// What the desk is after a wish; nothing where it stays as it is.
fn answer(wish: &Wish) -> Option<View> {
    Some(match wish {
        Wish::SignIn { password, .. } if password.reveal() == "secret" => not_ready(NotReadyReason::SignedIn),
        Wish::GoReady => ready(),
        Wish::GoNotReady(reason) => not_ready(*reason),
        Wish::Answer => talking(),
        Wish::HangUp => wrap_up(),
        Wish::Call(CallFunction::Hold) => held(),
        Wish::Call(CallFunction::Retrieve | CallFunction::Merge) => talking(),
        Wish::Call(CallFunction::Consult { .. }) => consulting(),
        _ => return None,
    })
}

#[test]
fn every_flow_leads_where_it_says() {
    let mut fonts = font_system().write().expect("no test panics while holding it");
    font::FILES.iter().for_each(|file| fonts.load_font(std::borrow::Cow::Borrowed(file)));
    drop(fonts);
    let preset = |name: &'static str, make: fn() -> Flow| Preset::new(name, move || (make(), Task::none()));
    let program = iced::application(Flow::signed_out, Flow::update, Flow::view)
        .settings(Settings { default_font: font::REGULAR, ..Settings::default() })
        .window(window::Settings::default())
        .presets([
            preset("signed out", Flow::signed_out),
            preset("ready", || Flow::at(ready())),
            preset("ringing", || Flow::at(ringing())),
            preset("talking", || Flow::at(talking())),
        ]);
    let flows = concat!(env!("CARGO_MANIFEST_DIR"), "/flows");
    let count = std::fs::read_dir(flows).expect("the folder of flows").count();
    assert!(count >= 5, "{count} flows");
    iced_test::run(program, flows).unwrap_or_else(|error| panic!("{error}"));
}
