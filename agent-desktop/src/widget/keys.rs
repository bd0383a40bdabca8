//! Everything by keyboard, in one way for all screens. Tab and Shift+Tab go from place to place, where a group is one place; arrows go on
//! within a group; Enter or Space presses a [`Button`](super::Button); page keys turn what scrolls. What is come to scrolls into sight.
//!
//! A screen is made of layers. Keys are for the one on top alone; the ones below keep where the keyboard was, and so it is there again when
//! a sheet closes.

use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::Style;
use iced::advanced::widget::operation::scrollable::AbsoluteOffset;
use iced::advanced::widget::operation::{Focusable, Scrollable};
use iced::advanced::widget::{Id, Operation, Tree, tree};
use iced::advanced::{Clipboard, Shell, Widget, input_method};
use iced::keyboard::{self, Key, Modifiers, key::Named};
use iced::{Element, Event, Length, Rectangle, Renderer, Size, Theme, Vector, mouse};
use std::any::Any;

/// Between what is come to and the edge of what scrolls.
const MARGIN: f32 = 6.0;
/// How much of a page a page key turns.
const PAGE: f32 = 0.9;

/// What a widget tells of itself to whoever looks where the keyboard can go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    /// What follows inside is one place, that comes before those of a higher order.
    Group(i8),
    /// What can be focused next is a button.
    Button {
        /// It is not dimmed.
        can: bool,
        /// It is what is chosen now.
        present: bool,
    },
}

/// Whether a key presses a button; `Some(true)` if it is only held.
pub(crate) fn is_press(event: &Event) -> Option<bool> {
    match event {
        Event::Keyboard(keyboard::Event::KeyPressed { key: Key::Named(Named::Enter | Named::Space), modifiers, repeat, .. }) => {
            modifiers.is_empty().then_some(*repeat)
        }
        _ => None,
    }
}

/// A key by its name, with what is held beside it.
fn named(event: &Event) -> Option<(Named, Modifiers)> {
    match event {
        Event::Keyboard(keyboard::Event::KeyPressed { key: Key::Named(key), modifiers, .. }) => Some((*key, *modifiers)),
        _ => None,
    }
}

/// Something that the keyboard can be at.
#[derive(Debug, Clone, Copy)]
struct Stop {
    order: i8,
    group: Option<usize>,
    scroll: Option<usize>,
    bounds: Rectangle,
    focused: bool,
    button: bool,
    can: bool,
    present: bool,
}

/// Something that scrolls.
#[derive(Debug, Clone, Copy)]
struct Scroll {
    bounds: Rectangle,
    content: Rectangle,
    down: f32,
}

/// Where in the tree of widgets a [`Survey`] is.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    order: i8,
    group: Option<usize>,
    scroll: Option<usize>,
}

/// Looks where the keyboard can go.
#[derive(Default)]
struct Survey {
    stops: Vec<Stop>,
    scrolls: Vec<Scroll>,
    groups: usize,
    place: Place,
    /// What the next traversal leads into.
    inside: Option<Place>,
    button: Option<(bool, bool)>,
}

impl Operation for Survey {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation)) {
        let place = self.place;
        self.place = self.inside.take().unwrap_or(place);
        operate(self);
        self.place = place;
    }

    fn scrollable(&mut self, _: Option<&Id>, bounds: Rectangle, content: Rectangle, translation: Vector, _: &mut dyn Scrollable) {
        self.inside = Some(Place { scroll: Some(self.scrolls.len()), ..self.place });
        self.scrolls.push(Scroll { bounds, content, down: translation.y });
    }

    fn focusable(&mut self, _: Option<&Id>, bounds: Rectangle, state: &mut dyn Focusable) {
        let Place { order, group, scroll } = self.place;
        let button = self.button.take();
        let (can, present) = button.unwrap_or((true, false));
        self.stops.push(Stop { order, group, scroll, bounds, focused: state.is_focused(), button: button.is_some(), can, present });
    }

    fn custom(&mut self, _: Option<&Id>, _: Rectangle, state: &mut dyn Any) {
        match state.downcast_ref::<Mark>() {
            Some(Mark::Group(order)) => {
                self.inside = Some(Place { order: *order, group: Some(self.groups), ..self.place });
                self.groups += 1;
            }
            Some(Mark::Button { can, present }) => self.button = Some((*can, *present)),
            None => {}
        }
    }
}

/// Brings the keyboard to the stop with this number.
struct Go {
    to: usize,
    seen: usize,
}

impl Operation for Go {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation)) {
        operate(self);
    }

    fn focusable(&mut self, _: Option<&Id>, _: Rectangle, state: &mut dyn Focusable) {
        if self.seen == self.to {
            state.focus();
        } else {
            state.unfocus();
        }
        self.seen += 1;
    }
}

/// Scrolls what has this number.
struct Turn {
    which: usize,
    by: f32,
    seen: usize,
}

impl Operation for Turn {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation)) {
        operate(self);
    }

    fn scrollable(&mut self, _: Option<&Id>, bounds: Rectangle, content: Rectangle, _: Vector, state: &mut dyn Scrollable) {
        if self.seen == self.which {
            state.scroll_by(AbsoluteOffset { x: 0.0, y: self.by }, bounds, content);
        }
        self.seen += 1;
    }
}

/// Hands nothing on of what could take the keyboard.
struct Below<'a>(&'a mut dyn Operation);

impl Operation for Below<'_> {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation)) {
        self.0.traverse(&mut |operation| operate(&mut Below(operation)));
    }

    fn container(&mut self, id: Option<&Id>, bounds: Rectangle) {
        self.0.container(id, bounds);
    }

    fn scrollable(&mut self, id: Option<&Id>, bounds: Rectangle, content: Rectangle, moved: Vector, state: &mut dyn Scrollable) {
        self.0.scrollable(id, bounds, content, moved, state);
    }

    fn text(&mut self, id: Option<&Id>, bounds: Rectangle, text: &str) {
        self.0.text(id, bounds, text);
    }
}

/// The tree of widgets below one of ours, and how it lies.
struct Ground<'a, 'b, M> {
    inner: &'a mut Element<'b, M>,
    tree: &'a mut Tree,
    layout: Layout<'a>,
    renderer: &'a Renderer,
}

impl<M> Ground<'_, '_, M> {
    fn operate(&mut self, operation: &mut dyn Operation) {
        self.inner.as_widget_mut().operate(self.tree, self.layout, self.renderer, operation);
    }

    fn survey(&mut self) -> Survey {
        let mut survey = Survey::default();
        self.operate(&mut survey);
        survey
    }

    fn go(&mut self, to: usize) {
        self.operate(&mut Go { to, seen: 0 });
        let survey = self.survey();
        let Some(stop) = survey.stops.get(to) else { return };
        let Some((which, scroll)) = stop.scroll.and_then(|which| Some((which, survey.scrolls.get(which)?))) else { return };
        let above = stop.bounds.y - scroll.bounds.y - MARGIN;
        let below = stop.bounds.y + stop.bounds.height - scroll.bounds.y - scroll.bounds.height + MARGIN;
        // What is higher than its place is shown from its top.
        self.scroll(which, scroll.down.max(below).min(above));
    }

    /// Scrolls so far down; what is anchored at its bottom counts the other way round and does not say so.
    fn scroll(&mut self, which: usize, down: f32) {
        for way in [1.0, -1.0] {
            let Some(scroll) = self.survey().scrolls.get(which).copied() else { return };
            let by = down.min(scroll.content.height - scroll.bounds.height).max(0.0) - scroll.down;
            if by.abs() >= 1.0 {
                self.operate(&mut Turn { which, by: way * by, seen: 0 });
            }
        }
    }

    /// The next place, or the one before; whether there is one.
    fn tab(&mut self, back: bool) -> bool {
        let target = next(&self.survey().stops, back);
        target.into_iter().for_each(|to| self.go(to));
        target.is_some()
    }

    /// The next button of a group, or the one before; whether one of its buttons has the keyboard.
    fn arrow(&mut self, back: bool) -> bool {
        let stops = self.survey().stops;
        let Some(at) = stops.iter().position(|stop| stop.focused && stop.button) else { return false };
        let can = |place: &usize| stops[*place].button && stops[*place].can;
        let target = if back { (0..at).rev().find(can) } else { (at + 1..stops.len()).find(can) };
        target.into_iter().for_each(|to| self.go(to));
        true
    }

    /// A page of what scrolls around the keyboard, or else of the largest thing that scrolls.
    fn page(&mut self, up: bool) -> bool {
        let Survey { stops, scrolls, .. } = self.survey();
        let moves = |which: &usize| scrolls.get(*which).is_some_and(|scroll| scroll.content.height > scroll.bounds.height);
        let around = stops.iter().find(|stop| stop.focused).and_then(|stop| stop.scroll).filter(moves);
        let area = |which: &usize| scrolls[*which].bounds.area();
        let largest = (0..scrolls.len()).filter(moves).max_by(|one, other| area(one).total_cmp(&area(other)));
        let Some(which) = around.or(largest) else { return false };
        let page = scrolls[which].bounds.height * PAGE;
        self.scroll(which, scrolls[which].down + if up { -page } else { page });
        true
    }
}

/// Which stop Tab comes to, of all in the order of the tree: places by their order, and of a group what is chosen or else its first.
fn next(stops: &[Stop], back: bool) -> Option<usize> {
    let mut order: Vec<usize> = (0..stops.len()).filter(|place| stops[*place].can || stops[*place].focused).collect();
    order.sort_by_key(|place| stops[*place].order);
    let mut places: Vec<Vec<usize>> = Vec::new();
    for stop in order {
        match places.last_mut() {
            Some(place) if stops[stop].group.is_some() && stops[place[0]].group == stops[stop].group => place.push(stop),
            Some(_) | None => places.push(vec![stop]),
        }
    }
    let at = places.iter().position(|place| place.iter().any(|stop| stops[*stop].focused));
    let count = places.len();
    let enter = |place: &Vec<usize>| {
        let can = || place.iter().copied().filter(|stop| stops[*stop].can);
        can().find(|stop| stops[*stop].present).or(can().next())
    };
    (1..=count).find_map(|steps| {
        let place = match (at, back) {
            (None, false) => steps - 1,
            (None, true) => count - steps,
            (Some(at), false) => (at + steps) % count,
            (Some(at), true) => (at + count - steps) % count,
        };
        enter(&places[place])
    })
}

/// A layer of a screen; keys are for it if it is `top`.
struct Layer<'a, M> {
    inner: Element<'a, M>,
    top: bool,
}

/// A screen, a sheet over it, or a sheet over that.
pub(crate) fn layer<'a, M: 'a>(inner: impl Into<Element<'a, M>>, top: bool) -> Element<'a, M> {
    Element::new(Layer { inner: inner.into(), top })
}

/// Of what is typed, what a covered layer does not hear.
fn is_typed(event: &Event) -> bool {
    let composed = matches!(event, Event::InputMethod(input_method::Event::Preedit(..) | input_method::Event::Commit(_)));
    composed || matches!(event, Event::Keyboard(keyboard::Event::KeyPressed { .. }))
}

/// A group, or something that is another thing under another name.
struct Group<'a, M> {
    inner: Element<'a, M>,
    order: Option<i8>,
    name: u64,
}

/// The name of what a [`Group`] showed last.
struct Name(u64);

/// Buttons that are one place for Tab, and among which arrows go on.
pub(crate) fn group<'a, M: 'a>(inner: impl Into<Element<'a, M>>) -> Element<'a, M> {
    ranked(0, inner)
}

/// The same, come to after everything of a lower rank; what is no group has rank 0.
pub(crate) fn ranked<'a, M: 'a>(rank: i8, inner: impl Into<Element<'a, M>>) -> Element<'a, M> {
    Element::new(Group { inner: inner.into(), order: Some(rank), name: 0 })
}

/// What is another thing as soon as it has another name: the keyboard does not stay with what has only taken its place.
pub(crate) fn known_as<'a, M: 'a>(name: u64, inner: impl Into<Element<'a, M>>) -> Element<'a, M> {
    Element::new(Group { inner: inner.into(), order: None, name })
}

/// What both of our widgets leave to the one inside.
macro_rules! as_inside {
    () => {
        fn size(&self) -> Size<Length> {
            self.inner.as_widget().size()
        }

        fn size_hint(&self) -> Size<Length> {
            self.inner.as_widget().size_hint()
        }

        fn children(&self) -> Vec<Tree> {
            vec![Tree::new(&self.inner)]
        }

        fn layout(&mut self, tree: &mut Tree, renderer: &Renderer, limits: &layout::Limits) -> layout::Node {
            self.inner.as_widget_mut().layout(&mut tree.children[0], renderer, limits)
        }

        fn mouse_interaction(
            &self,
            tree: &Tree,
            layout: Layout<'_>,
            cursor: mouse::Cursor,
            viewport: &Rectangle,
            renderer: &Renderer,
        ) -> mouse::Interaction {
            self.inner.as_widget().mouse_interaction(&tree.children[0], layout, cursor, viewport, renderer)
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
            self.inner.as_widget().draw(&tree.children[0], renderer, theme, style, layout, cursor, viewport);
        }
    };
}

impl<M> Widget<M, Theme, Renderer> for Layer<'_, M> {
    as_inside!();

    fn diff(&self, tree: &mut Tree) {
        tree.diff_children(std::slice::from_ref(&self.inner));
    }

    fn operate(&mut self, tree: &mut Tree, layout: Layout<'_>, renderer: &Renderer, operation: &mut dyn Operation) {
        let (inner, tree) = (self.inner.as_widget_mut(), &mut tree.children[0]);
        if self.top {
            inner.operate(tree, layout, renderer, operation);
        } else {
            inner.operate(tree, layout, renderer, &mut Below(operation));
        }
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
        let tree = &mut tree.children[0];
        if !self.top && is_typed(event) {
            return;
        }
        let composing = shell.input_method().clone();
        self.inner.as_widget_mut().update(tree, event, layout, cursor, renderer, clipboard, shell, viewport);
        if !self.top {
            // A field below waits with its caret, and does not ask for the candidates of an input method.
            *shell.input_method_mut() = composing;
            return;
        }
        let Some((key, modifiers)) = named(event).filter(|_| !shell.is_event_captured()) else { return };
        let mut ground = Ground { inner: &mut self.inner, tree, layout, renderer };
        let moved = match (key, modifiers) {
            (Named::Tab, Modifiers::SHIFT) => ground.tab(true),
            (Named::Tab, modifiers) if modifiers.is_empty() => ground.tab(false),
            (Named::PageUp, modifiers) if modifiers.is_empty() => ground.page(true),
            (Named::PageDown, modifiers) if modifiers.is_empty() => ground.page(false),
            _ => false,
        };
        if moved {
            shell.capture_event();
            shell.request_redraw();
        }
    }
}

impl<M> Widget<M, Theme, Renderer> for Group<'_, M> {
    as_inside!();

    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<Name>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(Name(self.name))
    }

    fn diff(&self, tree: &mut Tree) {
        let Name(name) = tree.state.downcast_mut();
        if std::mem::replace(name, self.name) == self.name {
            tree.diff_children(std::slice::from_ref(&self.inner));
        } else {
            tree.children = self.children();
        }
    }

    fn operate(&mut self, tree: &mut Tree, layout: Layout<'_>, renderer: &Renderer, operation: &mut dyn Operation) {
        let (inner, tree) = (self.inner.as_widget_mut(), &mut tree.children[0]);
        if let Some(order) = self.order {
            operation.custom(None, layout.bounds(), &mut Mark::Group(order));
            operation.traverse(&mut |operation| inner.operate(tree, layout, renderer, operation));
        } else {
            inner.operate(tree, layout, renderer, operation);
        }
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
        let tree = &mut tree.children[0];
        self.inner.as_widget_mut().update(tree, event, layout, cursor, renderer, clipboard, shell, viewport);
        let arrow = named(event).filter(|(_, modifiers)| self.order.is_some() && modifiers.is_empty() && !shell.is_event_captured());
        let mut ground = Ground { inner: &mut self.inner, tree, layout, renderer };
        let moved = match arrow {
            Some((Named::ArrowUp | Named::ArrowLeft, _)) => ground.arrow(true),
            Some((Named::ArrowDown | Named::ArrowRight, _)) => ground.arrow(false),
            Some(_) | None => false,
        };
        if moved {
            shell.capture_event();
            shell.request_redraw();
        }
    }
}
