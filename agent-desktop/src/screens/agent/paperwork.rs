//! What the desk does about papers: the form of the call at the desk, the choosers, keys into the call, settings and the password.

use super::chooser::{Choice, Chooser, FIELD, Purpose, Role};
use super::summary::Form;
use super::{
    Action, CallView, Message, Page, Question, Scene, State, call_bar, calls_page, chooser, figures, functions, history, keypad, layers,
    mini, own, password, pop, present_call, settings,
};
use crate::keeping::Settings;
use crate::theme::space;
use crate::widget::scroll;
use desktop_core::{Saved, SoundSettings, View, Wish};
use iced::Element;
use iced::keyboard::{Key, key::Named};
use iced::widget::column;
use shared::model::{AgentState, CallFunction, CallPhase, InteractionId};
use shared::wire::{CallsPage, Question as Papers};

impl State {
    /// The form belongs to the call that is spoken with or written up; each call has its own, so none overwrites another.
    pub(super) fn observe_papers(&mut self, view: &View) {
        let desk = view.desk.as_ref();
        let call = desk.and_then(|desk| desk.call.as_ref()).filter(|call| call.phase == CallPhase::Talking && call.talk.guest_of.is_none());
        let wrap_up = desk.and_then(|desk| desk.wrap_up.as_ref());
        // A form that was opened before its draft is here would be written into and take the draft's place.
        let wanted = call.map(|call| call.interaction).or(wrap_up.map(|wrap_up| wrap_up.interaction)).filter(|_| view.drafts_known);
        if let Some(Saved::Summary { interaction }) = view.saved {
            for form in [&mut self.form, &mut self.later] {
                if form.as_ref().is_some_and(|form| form.interaction() == interaction && wanted != Some(interaction)) {
                    *form = None;
                }
            }
        }
        if self.form.as_ref().map(Form::interaction) != wanted {
            self.form = wanted.map(|interaction| self.form_for(view, interaction, call));
        }
        for form in [&mut self.form, &mut self.later].into_iter().flatten() {
            if let Some(draft) = view.drafts.get(&form.interaction()) {
                form.refresh(&draft.copy.summary);
            }
        }
        let belongs = |purpose: Purpose| match purpose {
            Purpose::Transfer | Purpose::Consult | Purpose::Invite => view.can_call_aside(),
            Purpose::Dial => view.can_dial() || view.asked,
            Purpose::Kind | Purpose::Disposition | Purpose::Unit | Purpose::Canned => self.form.is_some() || self.later.is_some(),
            Purpose::Device(_) => true,
        };
        if self.chooser.as_ref().is_some_and(|chooser| !belongs(chooser.purpose)) {
            self.chooser = None;
        }
        if view.saved == Some(Saved::Password) {
            self.new_password = password::Form::default();
        }
    }

    fn form_for(&self, view: &View, interaction: InteractionId, call: Option<&CallView>) -> Form {
        match (view.drafts.get(&interaction), call.or(self.last_call(interaction))) {
            (Some(draft), _) => Form::new(draft.copy.summary.clone()),
            (None, Some(call)) => Form::for_call(call),
            (None, None) => Form::new(shared::model::Summary::new(interaction)),
        }
    }

    /// The form in the middle of the desk now, if there is one.
    pub(super) fn form_here(&self, view: &View) -> Option<&Form> {
        let rings = view.desk.as_ref().is_some_and(|desk| desk.offer.is_some());
        if rings { None } else { self.form.as_ref().or(self.later.as_ref()) }
    }

    fn form_mut(&mut self) -> Option<&mut Form> {
        self.form.as_mut().or(self.later.as_mut())
    }

    pub(super) fn update_papers(&mut self, message: Message, scene: Scene<'_>, settings: &Settings) -> Action {
        match message {
            Message::Open(purpose) => return self.open(purpose, scene.view),
            Message::Confirm => return self.confirm(scene.view, settings),
            Message::Choosing(text) => {
                if let Some(chooser) = &mut self.chooser {
                    chooser.typed(text);
                    return Action::Scroll(chooser::LIST, 0.0);
                }
            }
            Message::Step(down) => {
                if let Some(chooser) = &mut self.chooser {
                    return Action::Scroll(chooser::LIST, chooser.step(down, scene));
                }
                if let Some(Question::History(sheet)) = &mut self.question {
                    return Action::Scroll(history::LIST, sheet.step(down, scene.view));
                }
                if self.is_in_calls() {
                    let last = self.listed_calls(scene.view).len().saturating_sub(1);
                    self.call_row = if down { (self.call_row + 1).min(last) } else { self.call_row.saturating_sub(1) };
                    return Action::Scroll(calls_page::LIST, self.call_row as f32 / last.max(1) as f32);
                }
            }
            Message::TakeChoice => {
                if let Some(choice) = self.chooser.as_ref().and_then(|chooser| chooser.taken(scene)) {
                    return self.take(choice, scene, settings);
                }
            }
            Message::Chosen(choice) => return self.take(choice, scene, settings),
            Message::OpenKeypad => self.question = Some(Question::Keypad),
            Message::PressKey(key) => return self.press_key(key, scene.view),
            Message::EditLine(line) => {
                if let Some(form) = self.form_mut() {
                    form.edit_line(line);
                    return written(form);
                }
            }
            Message::EditContent(action) => {
                if let Some(form) = self.form_mut()
                    && form.edit_content(action)
                {
                    return written(form);
                }
            }
            Message::Submit { dispatch } => return self.submit(dispatch, scene),
            Message::Finish => return self.finish(scene),
            Message::WriteUp(interaction) => self.write_up(scene.view, interaction),
            Message::PutAside => self.later = None,
            other => return self.update_settings(other, scene.view, settings),
        }
        Action::None
    }

    fn update_settings(&mut self, message: Message, view: &View, settings: &Settings) -> Action {
        let keep = |change: &dyn Fn(&mut Settings)| {
            let mut new = settings.clone();
            change(&mut new);
            Action::Keep(Box::new(new))
        };
        match message {
            Message::Scale(percent) => keep(&|new| new.scale_percent = Some(percent)),
            Message::LockAfter(minutes) => keep(&|new| new.lock_minutes = Some(minutes)),
            Message::RingInMain(in_main) => keep(&|new| new.ring_in_main = in_main),
            Message::Sound(sound) => keep(&|new| new.sound = sound.clone()),
            Message::SoundIsGood => {
                self.question = None;
                keep(&|new| new.sound_tested = true)
            }
            Message::AskPassword => {
                self.new_password = password::Form::default();
                self.question = Some(Question::Password);
                Action::Focus(password::OLD)
            }
            Message::NewPassword(field, text) => {
                self.new_password.typed(field, text);
                Action::None
            }
            Message::ChangePassword => self.new_password.wish().filter(|_| !view.asked).map_or(Action::None, Action::Wish),
            // Everything else has been acted upon before.
            _ => Action::None,
        }
    }

    fn confirm(&mut self, view: &View, settings: &Settings) -> Action {
        match &self.question {
            Some(Question::SoundTest) if view.headset_works() || view.speaks_by_phone() => {
                self.update_settings(Message::SoundIsGood, view, settings)
            }
            Some(Question::SignOut) => self.wish(Wish::SignOut),
            None if self.is_in_calls() => {
                match self.listed_calls(view).get(self.call_row).and_then(|call| calls_page::call_back(view, call)) {
                    Some(Message::Wish(wish)) => self.wish(wish),
                    Some(_) | None => Action::None,
                }
            }
            Some(Question::History(sheet)) if sheet.has_failed(view) => self.open_history(view),
            Some(Question::History(_)) => self.take_back(None, view),
            Some(Question::SoundTest | Question::Reasons | Question::Correction(_) | Question::Keypad | Question::Password) | None => {
                Action::None
            }
        }
    }

    /// Esc, or beside a sheet: whatever lies on top goes.
    pub(super) fn close(&mut self) -> Action {
        if self.chooser.take().is_some() {
            return Action::None;
        }
        let tested = matches!(self.question, Some(Question::SoundTest));
        if self.question.take().is_none() && !std::mem::take(&mut self.drawer) {
            self.later = None;
        }
        if tested { Action::Wish(Wish::TestSound(desktop_core::SoundTest::Off)) } else { Action::None }
    }

    /// 示闲; before the first one the sound is tried out.
    pub(super) fn go_ready(&mut self, view: &View, settings: &Settings) -> Action {
        let first = view.state() == Some(AgentState::NotReady(shared::model::NotReadyReason::SignedIn));
        if first && !settings.sound_tested && view.can_test_sound() && !view.speaks_by_phone() {
            self.question = Some(Question::SoundTest);
            return Action::Wish(Wish::Sound(settings.sound.clone()));
        }
        self.wish(Wish::GoReady)
    }

    fn open(&mut self, purpose: Purpose, view: &View) -> Action {
        self.chooser = Some(Chooser::new(purpose));
        let look = match purpose {
            Purpose::Dial => Some(Wish::Look(Papers::Calls { page: CallsPage::Mine })),
            Purpose::Transfer | Purpose::Consult | Purpose::Invite if view.agents.is_none() => Some(Wish::WatchAgents(true)),
            Purpose::Transfer | Purpose::Consult | Purpose::Invite => None,
            Purpose::Kind | Purpose::Disposition | Purpose::Unit | Purpose::Canned | Purpose::Device(_) => None,
        };
        Action::FocusAnd(FIELD, look)
    }

    fn take(&mut self, choice: Choice, scene: Scene<'_>, settings: &Settings) -> Action {
        self.chooser = None;
        match choice {
            Choice::Wish(wish) => self.wish(wish),
            Choice::Device(role, device) => {
                let mut sound: SoundSettings = settings.sound.clone();
                match role {
                    Role::Microphone => sound.microphone = device,
                    Role::Loudspeaker => sound.loudspeaker = device,
                    Role::Ringer => sound.ringer = device,
                }
                Action::Keep(Box::new(Settings { sound, sound_tested: false, ..settings.clone() }))
            }
            Choice::Kind(_) | Choice::Disposition(_) | Choice::Unit(_) | Choice::Canned(_) => {
                let call = present_call(scene.view).or(self.last_call.as_ref()).cloned();
                let Some(form) = self.form_mut() else { return Action::None };
                form.take(choice, scene, call.as_ref().filter(|call| call.interaction == form.interaction()));
                written(form)
            }
        }
    }

    fn press_key(&mut self, key: char, view: &View) -> Action {
        let function = CallFunction::PressKeys { keys: key.to_string() };
        if !keypad::is_key(key) || !view.can_do(&function) {
            return Action::None;
        }
        self.keys = keypad::pressed(&self.keys, key);
        Action::Wish(Wish::Call(function))
    }

    /// The keypad is open: digits are keys of it.
    pub(crate) fn takes_keys(&self) -> bool {
        matches!(self.question, Some(Question::Keypad))
    }

    /// A list is open: arrows step through it.
    pub(crate) fn chooses(&self) -> bool {
        self.chooser.is_some() || matches!(self.question, Some(Question::History(_))) || self.is_in_calls()
    }

    /// The lists of calls are shown, with nothing over them.
    fn is_in_calls(&self) -> bool {
        self.page == Page::Calls && !self.is_covered()
    }

    fn listed_calls<'a>(&self, view: &'a View) -> &'a [shared::model::CallEntry] {
        view.papers.calls.get(&self.calls.unwrap_or(CallsPage::Mine)).map(Vec::as_slice).unwrap_or_default()
    }

    /// There is something to write into.
    pub(crate) fn writes(&self, view: &View) -> bool {
        self.form_here(view).is_some()
    }

    /// What a key of the call bar means now; nothing where its button is dimmed.
    pub(crate) fn call_key(&self, scene: Scene<'_>, key: Key<&str>, shift: bool) -> Option<Message> {
        let view = scene.view;
        let wish = |possible: bool, wish: Wish| possible.then_some(Message::Wish(wish));
        match (key, shift) {
            (Key::Named(Named::F2), false) => wish(view.can_answer(), Wish::Answer),
            (Key::Named(Named::F2), true) => wish(view.can_answer(), Wish::Reject),
            (Key::Named(Named::F3), false) => call_bar::keypad(scene),
            (Key::Named(Named::F4), false) => wish(view.can_hang_up(), Wish::HangUp),
            (Key::Named(Named::F5), false) => call_bar::toggle_hold(scene),
            (Key::Named(Named::F6), false) => wish(view.can_mute(), Wish::Mute(!view.muted)),
            (Key::Named(Named::F6), true) => functions::toggle_recording(scene),
            (Key::Named(Named::F7), false) => call_bar::partner(scene, Purpose::Transfer),
            (Key::Named(Named::F8), false) => call_bar::partner(scene, Purpose::Consult),
            (Key::Named(Named::F8), true) => call_bar::partner(scene, Purpose::Invite),
            (Key::Named(Named::F12), true) => wish(view.can_extend_wrap_up(), Wish::ExtendWrapUp),
            (Key::Named(Named::F12), false) => Some(Message::Finish),
            _ => None,
        }
    }

    /// The window as a strip.
    pub(crate) fn strip<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        mini::view(self, scene)
    }

    /// The small window of a call that rings.
    pub(crate) fn pop<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        pop::view(self, scene)
    }

    /// Title and body of a notification of that call.
    pub(crate) fn tells(&self, scene: Scene<'_>, call: &CallView) -> (String, String) {
        pop::tells(self, scene, call)
    }

    /// What stands in the form at the desk.
    #[cfg(test)]
    pub(crate) fn written(&self) -> Option<shared::model::Summary> {
        self.form.as_ref().map(|form| form.summary().clone())
    }

    fn submit(&mut self, dispatch: bool, scene: Scene<'_>) -> Action {
        let Some(form) = self.form_mut() else { return Action::None };
        match form.submitted(dispatch, scene) {
            Some(summary) => Action::Wish(Wish::Submit { summary: Box::new(summary), end: true }),
            None => Action::None,
        }
    }

    fn finish(&mut self, scene: Scene<'_>) -> Action {
        match self.form_here(scene.view) {
            Some(form) if !form.is_blank() => {
                let dispatch = form.dispatches();
                self.submit(dispatch, scene)
            }
            Some(_) | None if scene.view.can_end_wrap_up() => self.wish(Wish::EndWrapUp),
            Some(_) | None => Action::None,
        }
    }

    fn write_up(&mut self, view: &View, interaction: InteractionId) {
        if !view.drafts_known {
            return;
        }
        self.later = Some(self.form_for(view, interaction, None));
        self.page = super::Page::Desk;
    }

    /// The right column: my day and who can help while I talk; my state and my voice otherwise.
    pub(super) fn right<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let figures = figures::own(scene);
        if self.form_here(scene.view).is_some() {
            return column![].push(figures).push(figures::colleagues(scene)).spacing(space::M).into();
        }
        scroll(scene.palette, column![].push(figures).push(own::view(scene)).spacing(space::M)).into()
    }

    pub(super) fn question_view<'a>(&'a self, scene: Scene<'a>, question: &'a Question, settings: &'a Settings) -> Element<'a, Message> {
        match question {
            Question::Reasons => layers::reasons(scene),
            Question::SignOut => layers::sign_out(scene),
            Question::Correction(form) => layers::question(scene, super::correction::view(form, scene)),
            Question::History(sheet) => layers::question_of(scene, history::view(sheet, self, scene), history::WIDTH),
            Question::Keypad => layers::question(scene, keypad::view(&self.keys, scene)),
            Question::Password => layers::question(scene, password::sheet(&self.new_password, scene)),
            Question::SoundTest => layers::question_of(scene, settings::before_ready(settings, scene), 520.0),
        }
    }
}

fn written(form: &Form) -> Action {
    Action::Wish(Wish::Write(Box::new(form.summary().clone())))
}
