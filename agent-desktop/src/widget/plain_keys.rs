//! A field that takes plain keys: the input method stays away from it.
//!
//! The window system ignores iced's "password" purpose on X11 and Windows, so an input method would show a password in clear in
//! its candidate panel and write hanzi into it. This wrapper forwards everything and takes the field's request for an input
//! method back. For passwords, numbers and addresses.

use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::Style;
use iced::advanced::widget::{Operation, Tree, tree};
use iced::advanced::{Clipboard, Shell, Widget};
use iced::{Element, Event, Length, Rectangle, Renderer, Size, Theme, mouse};

struct PlainKeys<'a, M> {
    inner: Element<'a, M>,
}

/// Keeps the input method away from `inner`.
pub(crate) fn plain_keys<'a, M: 'a>(inner: impl Into<Element<'a, M>>) -> Element<'a, M> {
    Element::new(PlainKeys { inner: inner.into() })
}

impl<M> Widget<M, Theme, Renderer> for PlainKeys<'_, M> {
    fn size(&self) -> Size<Length> {
        self.inner.as_widget().size()
    }

    fn layout(&mut self, tree: &mut Tree, renderer: &Renderer, limits: &layout::Limits) -> layout::Node {
        self.inner.as_widget_mut().layout(tree, renderer, limits)
    }

    fn tag(&self) -> tree::Tag {
        self.inner.as_widget().tag()
    }

    fn state(&self) -> tree::State {
        self.inner.as_widget().state()
    }

    fn children(&self) -> Vec<Tree> {
        self.inner.as_widget().children()
    }

    fn diff(&self, tree: &mut Tree) {
        self.inner.as_widget().diff(tree);
    }

    fn operate(&mut self, tree: &mut Tree, layout: Layout<'_>, renderer: &Renderer, operation: &mut dyn Operation) {
        self.inner.as_widget_mut().operate(tree, layout, renderer, operation);
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
        self.inner.as_widget().draw(tree, renderer, theme, style, layout, cursor, viewport);
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
        let before = shell.input_method().clone();
        self.inner.as_widget_mut().update(tree, event, layout, cursor, renderer, clipboard, shell, viewport);
        *shell.input_method_mut() = before;
    }

    fn mouse_interaction(
        &self,
        tree: &Tree,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
        renderer: &Renderer,
    ) -> mouse::Interaction {
        self.inner.as_widget().mouse_interaction(tree, layout, cursor, viewport, renderer)
    }
}

#[cfg(test)]
mod tests {
    use super::plain_keys;
    use iced::advanced::{InputMethod, Shell, clipboard, layout, renderer::Headless, widget::Tree};
    use iced::widget::text_input;
    use iced::{Element, Event, Font, Pixels, Point, Rectangle, Renderer, Size, mouse, window};

    /// Clicks into a field, lets it redraw, and returns what it asks of the input method.
    fn asked_by(mut field: Element<'_, ()>) -> bool {
        let future = <Renderer as Headless>::new(Font::DEFAULT, Pixels(14.0), Some("tiny-skia"));
        let renderer = iced::futures::executor::block_on(future).expect("the software renderer is compiled in");
        let mut tree = Tree::new(&field);
        let limits = layout::Limits::new(Size::ZERO, Size::new(200.0, 40.0));
        let node = field.as_widget_mut().layout(&mut tree, &renderer, &limits);
        let viewport = Rectangle::with_size(Size::new(200.0, 40.0));
        let cursor = mouse::Cursor::Available(Point::new(20.0, 10.0));
        let mut messages = Vec::new();
        let mut shell = Shell::new(&mut messages);
        let press = Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left));
        let redraw = Event::Window(window::Event::RedrawRequested(std::time::Instant::now()));
        for event in [press, redraw] {
            let layout = layout::Layout::new(&node);
            field.as_widget_mut().update(&mut tree, &event, layout, cursor, &renderer, &mut clipboard::Null, &mut shell, &viewport);
        }
        matches!(shell.input_method(), InputMethod::Enabled { .. })
    }

    fn field<'a>() -> Element<'a, ()> {
        text_input("", "1001").on_input(|_| ()).into()
    }

    #[test]
    fn a_wrapped_field_never_asks_for_an_input_method_and_a_bare_one_does() {
        assert!(asked_by(field()));
        assert!(!asked_by(plain_keys(field())));
    }
}
