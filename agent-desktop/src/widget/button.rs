//! The button of every screen: iced's own, which the keyboard reaches as well. Tab comes to it, Enter or Space presses it, and a ring
//! shows where one is. A button that is dimmed is passed over.

use super::keys::{Mark, is_press};
use crate::theme::radius;
use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::{Quad, Style};
use iced::advanced::widget::operation::Focusable;
use iced::advanced::widget::{Operation, Tree, tree};
use iced::advanced::{Clipboard, Renderer as _, Shell, Widget};
use iced::widget::button::{self, Status};
use iced::{Border, Color, Element, Event, Length, Padding, Rectangle, Renderer, Size, Theme, mouse, touch};

/// Width of the ring's line.
const RING: f32 = 2.0;
/// From this height on a button has room for it.
const ROOM: f32 = 26.0;

/// See the module's head.
pub(crate) struct Button<'a, M> {
    inner: button::Button<'a, M>,
    act: Option<M>,
    present: bool,
    first: bool,
}

/// A button around `content`, dimmed until it has an act.
pub(crate) fn button<'a, M: Clone + 'a>(content: impl Into<Element<'a, M>>) -> Button<'a, M> {
    Button { inner: button::Button::new(content), act: None, present: false, first: false }
}

impl<'a, M: Clone + 'a> Button<'a, M> {
    /// How wide it is.
    pub(crate) fn width(self, width: impl Into<Length>) -> Self {
        Self { inner: self.inner.width(width), ..self }
    }

    /// How high it is.
    pub(crate) fn height(self, height: impl Into<Length>) -> Self {
        Self { inner: self.inner.height(height), ..self }
    }

    /// Between its edge and what it says.
    pub(crate) fn padding(self, padding: impl Into<Padding>) -> Self {
        Self { inner: self.inner.padding(padding), ..self }
    }

    /// What it does.
    pub(crate) fn on_press(self, act: M) -> Self {
        self.on_press_maybe(Some(act))
    }

    /// What it does, if that is possible.
    pub(crate) fn on_press_maybe(self, act: Option<M>) -> Self {
        Self { inner: self.inner.on_press_maybe(act.clone()), act, ..self }
    }

    /// How it looks; what it does is said before.
    pub(crate) fn style(self, style: impl Fn(&Theme, Status) -> button::Style + 'a) -> Self {
        let can = self.act.is_some();
        // One that was made in the midst of a redraw, as a row of a list that is scrolled, does not know yet how it stands.
        let known = move |status| if can && status == Status::Disabled { Status::Active } else { status };
        Self { inner: self.inner.style(move |theme, status| style(theme, known(status))), ..self }
    }

    /// Tab comes to this one of its group first, because it is what is chosen now.
    pub(crate) fn present(self, present: bool) -> Self {
        Self { present, ..self }
    }

    /// The keyboard is at it as soon as it is there.
    pub(crate) fn first(self) -> Self {
        Self { first: true, ..self }
    }

    fn inner(&self) -> &dyn Widget<M, Theme, Renderer> {
        &self.inner
    }
}

/// Whether the keyboard is at it.
struct Reached(bool);

impl Focusable for Reached {
    fn is_focused(&self) -> bool {
        self.0
    }

    fn focus(&mut self) {
        self.0 = true;
    }

    fn unfocus(&mut self) {
        self.0 = false;
    }
}

/// Two lines, so that one of them is seen on any colour. Around a button that is no higher than its words they stand a little apart.
fn ring(renderer: &mut Renderer, theme: &Theme, bounds: Rectangle) {
    let palette = theme.palette();
    let apart = if bounds.height < ROOM { RING } else { 0.0 };
    let bounds = Rectangle { y: bounds.y - apart, height: bounds.height + 2.0 * apart, ..bounds };
    let mut line = |bounds: Rectangle, color: Color, radius: f32| {
        let border = Border { color, width: RING, radius: radius.into() };
        renderer.fill_quad(Quad { bounds, border, ..Quad::default() }, Color::TRANSPARENT);
    };
    line(bounds.shrink(RING), palette.background, radius::BUTTON - RING);
    line(bounds, palette.primary, radius::BUTTON);
}

impl<'a, M: Clone + 'a> Widget<M, Theme, Renderer> for Button<'a, M> {
    fn size(&self) -> Size<Length> {
        self.inner().size()
    }

    fn size_hint(&self) -> Size<Length> {
        self.inner().size_hint()
    }

    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<Reached>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(Reached(self.first))
    }

    fn children(&self) -> Vec<Tree> {
        vec![Tree::new(self.inner())]
    }

    fn diff(&self, tree: &mut Tree) {
        tree.diff_children(&[self.inner()]);
    }

    fn layout(&mut self, tree: &mut Tree, renderer: &Renderer, limits: &layout::Limits) -> layout::Node {
        self.inner.layout(&mut tree.children[0], renderer, limits)
    }

    fn operate(&mut self, tree: &mut Tree, layout: Layout<'_>, renderer: &Renderer, operation: &mut dyn Operation) {
        let reached = tree.state.downcast_mut::<Reached>();
        // A button that was just pressed may be dimmed until the server has answered; the keyboard stays with it.
        if self.act.is_some() || reached.0 {
            let mut mark = Mark::Button { can: self.act.is_some(), present: self.present };
            operation.custom(None, layout.bounds(), &mut mark);
            operation.focusable(None, layout.bounds(), reached);
        }
        self.inner.operate(&mut tree.children[0], layout, renderer, operation);
    }

    fn update(
        &mut self,
        tree: &mut Tree,
        event: &Event,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        renderer: &Renderer,
        clipboard: &mut dyn Clipboard,
        shell: &mut Shell<'_, M>,
        viewport: &Rectangle,
    ) {
        let reached = tree.state.downcast_mut::<Reached>();
        if reached.0 && !shell.is_event_captured() {
            if let Some(repeat) = is_press(event) {
                // Whoever holds the key has pressed once.
                self.act.iter().filter(|_| !repeat).for_each(|act| shell.publish(act.clone()));
                return shell.capture_event();
            }
            let elsewhere = [mouse::Button::Left, mouse::Button::Right].map(|button| Event::Mouse(mouse::Event::ButtonPressed(button)));
            if elsewhere.contains(event) || matches!(event, Event::Touch(touch::Event::FingerPressed { .. })) {
                reached.0 = false;
                shell.request_redraw();
            }
        }
        self.inner.update(&mut tree.children[0], event, layout, cursor, renderer, clipboard, shell, viewport);
    }

    fn mouse_interaction(
        &self,
        tree: &Tree,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
        renderer: &Renderer,
    ) -> mouse::Interaction {
        self.inner.mouse_interaction(&tree.children[0], layout, cursor, viewport, renderer)
    }

    fn draw(
        &self,
        tree: &Tree,
        renderer: &mut Renderer,
        theme: &Theme,
        style: &Style,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
    ) {
        self.inner.draw(&tree.children[0], renderer, theme, style, layout, cursor, viewport);
        if tree.state.downcast_ref::<Reached>().0 {
            ring(renderer, theme, layout.bounds());
        }
    }
}

impl<'a, M: Clone + 'a> From<Button<'a, M>> for Element<'a, M> {
    fn from(button: Button<'a, M>) -> Self {
        Element::new(button)
    }
}
