//! Rows of one height of which only those in sight exist, so that a list of hundreds costs no more than what is seen of it.
//!
//! It stands in a scrollable, alone or below other things, and follows what that shows.

use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::Style;
use iced::advanced::widget::{Operation, Tree, tree};
use iced::advanced::{Clipboard, Shell, Widget};
use iced::{Element, Event, Length, Point, Rectangle, Renderer, Size, Theme, mouse};
use std::ops::Range;

/// Rows that are made before it is known which are in sight: more than the highest window shows of our lowest rows.
const FIRST_ROWS: usize = 50;

struct LongList<'a, M> {
    count: usize,
    row_height: f32,
    make: Box<dyn Fn(usize) -> Element<'a, M> + 'a>,
    /// Those in sight, since the last layout.
    made: Vec<Element<'a, M>>,
}

/// Which rows were in sight last, with one more at either end for the keyboard to come to, and which one the first child belongs to.
struct Sight(Range<usize>, usize);

/// A list of `count` rows; `make` makes the one at a place, which is `row_height` high.
pub(crate) fn long_list<'a, M: 'a>(count: usize, row_height: f32, make: impl Fn(usize) -> Element<'a, M> + 'a) -> Element<'a, M> {
    Element::new(LongList { count, row_height, make: Box::new(make), made: Vec::new() })
}

/// The places between the upper and the lower edge of what is shown of a list that begins at `top`.
fn in_sight(top: f32, row_height: f32, viewport: &Rectangle) -> Range<usize> {
    let place = |edge: f32, whole: fn(f32) -> f32| whole((edge - top) / row_height).max(0.0) as usize;
    place(viewport.y, f32::floor)..place(viewport.y + viewport.height, f32::ceil)
}

/// These, and one more at either end.
fn with_next(seen: Range<usize>) -> Range<usize> {
    if seen.is_empty() { seen } else { seen.start.saturating_sub(1)..seen.end + 1 }
}

/// What a row knows of itself, or a new one begins with.
fn of_row<M>(known: Option<Tree>, row: &Element<'_, M>) -> Tree {
    match known {
        Some(mut tree) => {
            tree.diff(row);
            tree
        }
        None => Tree::new(row),
    }
}

impl<M> Widget<M, Theme, Renderer> for LongList<'_, M> {
    fn size(&self) -> Size<Length> {
        Size::new(Length::Fill, Length::Shrink)
    }

    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<Sight>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(Sight(0..FIRST_ROWS, 0))
    }

    /// The rows are made at the layout, which knows which ones.
    fn diff(&self, _: &mut Tree) {}

    fn layout(&mut self, tree: &mut Tree, renderer: &Renderer, limits: &layout::Limits) -> layout::Node {
        let Sight(seen, first) = tree.state.downcast_mut::<Sight>();
        let seen = seen.start.min(self.count)..seen.end.min(self.count);
        self.made = seen.clone().map(&self.make).collect();
        // What a row knows of itself goes with it when the list is scrolled.
        let before = std::mem::replace(first, seen.start);
        let mut known: Vec<_> = std::mem::take(&mut tree.children).into_iter().map(Some).collect();
        let mut known = |place: usize| known.get_mut(place.checked_sub(before)?)?.take();
        tree.children = seen.clone().zip(&self.made).map(|(place, row)| of_row(known(place), row)).collect();
        let size = Size::new(limits.max().width, self.row_height);
        let rows = self.made.iter_mut().zip(&mut tree.children).zip(seen).map(|((row, tree), place)| {
            let node = row.as_widget_mut().layout(tree, renderer, &layout::Limits::new(Size::ZERO, size));
            node.move_to(Point::new(0.0, place as f32 * self.row_height))
        });
        layout::Node::with_children(Size::new(size.width, self.count as f32 * self.row_height), rows.collect())
    }

    fn operate(&mut self, tree: &mut Tree, layout: Layout<'_>, renderer: &Renderer, operation: &mut dyn Operation) {
        operation.container(None, layout.bounds());
        operation.traverse(&mut |operation| {
            for ((row, tree), layout) in self.made.iter_mut().zip(&mut tree.children).zip(layout.children()) {
                row.as_widget_mut().operate(tree, layout, renderer, operation);
            }
        });
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
        let seen = with_next(in_sight(layout.bounds().y, self.row_height, viewport));
        let Sight(known, _) = tree.state.downcast_mut::<Sight>();
        if *known != seen {
            *known = seen;
            shell.invalidate_layout();
        }
        for ((row, tree), layout) in self.made.iter_mut().zip(&mut tree.children).zip(layout.children()) {
            row.as_widget_mut().update(tree, event, layout, cursor, renderer, clipboard, shell, viewport);
        }
    }

    fn mouse_interaction(
        &self,
        tree: &Tree,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
        renderer: &Renderer,
    ) -> mouse::Interaction {
        let rows = self.made.iter().zip(&tree.children).zip(layout.children());
        let each = rows.map(|((row, tree), layout)| row.as_widget().mouse_interaction(tree, layout, cursor, viewport, renderer));
        each.max().unwrap_or_default()
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
        for ((row, tree), layout) in self.made.iter().zip(&tree.children).zip(layout.children()) {
            if layout.bounds().intersects(viewport) {
                row.as_widget().draw(tree, renderer, theme, style, layout, cursor, viewport);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{in_sight, long_list};
    use crate::widget::body;
    use iced::widget::{button, column, scrollable, space};
    use iced::{Element, Fill, Point, Rectangle, Settings, Size, mouse};
    use iced_test::Simulator;
    use std::cell::RefCell;

    #[test]
    fn a_row_is_in_sight_as_long_as_a_line_of_it_is() {
        let shown = |y: f32| Rectangle::new(Point::new(0.0, y), Size::new(100.0, 95.0));
        assert_eq!(in_sight(0.0, 10.0, &shown(0.0)), 0..10);
        assert_eq!(in_sight(0.0, 10.0, &shown(9.0)), 0..11);
        assert_eq!(in_sight(0.0, 10.0, &shown(10.0)), 1..11);
        assert_eq!(in_sight(50.0, 10.0, &shown(0.0)), 0..5, "below something else");
        assert_eq!(in_sight(200.0, 10.0, &shown(0.0)), 0..0, "far below");
    }

    /// Counts from 0 to 999 in rows of 20, under a heading of 60; which rows were made is noted.
    fn numbers(made: &RefCell<Vec<usize>>) -> Element<'_, ()> {
        let row = |place: usize| {
            made.borrow_mut().push(place);
            body(format!("row {place}")).height(20.0).into()
        };
        scrollable(column![space().height(60.0), long_list(1_000, 20.0, row)]).width(Fill).height(Fill).into()
    }

    #[test]
    fn only_rows_in_sight_are_made_and_those_that_are_scrolled_to() {
        let made = RefCell::new(Vec::new());
        let mut list = Simulator::with_size(Settings::default(), Size::new(300.0, 200.0), numbers(&made));
        assert!(made.borrow().len() < 200, "{} rows were made", made.borrow().len());
        assert!(list.find("row 3").is_ok());
        assert!(list.find("row 500").is_err());
        list.point_at(Point::new(100.0, 100.0));
        made.borrow_mut().clear();
        let wheel = mouse::Event::WheelScrolled { delta: mouse::ScrollDelta::Pixels { x: 0.0, y: -10_060.0 } };
        let _ = list.simulate([iced::Event::Mouse(wheel), redraw()]);
        assert!(list.find("row 503").is_ok());
        assert!(list.find("row 3").is_err());
        assert!(made.borrow().iter().all(|place| (499..=511).contains(place) || *place < 50), "{:?}", made.borrow());
    }

    #[test]
    fn a_row_stands_at_its_place_and_is_pointed_at_and_clicked_there() {
        let row = |place: usize| button(body(format!("row {place}"))).height(20.0).padding(0.0).on_press(place).into();
        let content = scrollable(column![space().height(60.0), long_list(1_000, 20.0, row)]).width(Fill).height(Fill);
        let mut list = Simulator::with_size(Settings::default(), Size::new(300.0, 200.0), content);
        list.point_at(Point::new(5.0, 100.0));
        let wheel = mouse::Event::WheelScrolled { delta: mouse::ScrollDelta::Pixels { x: 0.0, y: -10_060.0 } };
        let _ = list.simulate([iced::Event::Mouse(wheel), redraw()]);
        // 10,060 are scrolled past, of which 60 are the heading: row 500 is the first.
        for (y, place) in [(3.0, 500), (197.0, 509)] {
            list.point_at(Point::new(5.0, y));
            let _ = list.simulate([iced::Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left))]);
            let _ = list.simulate([iced::Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left))]);
            assert!(list.find(format!("row {place}")).is_ok());
        }
        assert_eq!(list.into_messages().collect::<Vec<_>>(), [500, 509]);
    }

    fn redraw() -> iced::Event {
        iced::Event::Window(iced::window::Event::RedrawRequested(std::time::Instant::now()))
    }
}
