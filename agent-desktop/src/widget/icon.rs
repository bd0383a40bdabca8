//! Our own line icons: one pen, 24 units, drawn in whatever colour the place needs.

mod outline;

use crate::theme::size;
use iced::widget::canvas::{Cache, Canvas, Geometry, LineCap, LineDash, LineJoin, Program, Stroke};
use iced::{Color, Rectangle, Renderer, Theme, mouse};
use std::cell::Cell;

/// Width and height of a drawing in its own units.
const UNITS: f32 = 24.0;

/// What an icon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    /// The agent's desk.
    Headset,
    /// The dark mode.
    Moon,
    /// The light mode.
    Sun,
    /// 签出
    SignOut,
    /// A call.
    Phone,
    /// 话后处理
    Pencil,
    /// 示忙
    Busy,
    /// 空闲
    Ready,
    /// 断线
    Lost,
    /// Something is wrong.
    Warning,
    /// The right column.
    Panel,
    /// Whom one trusts.
    Shield,
    /// All agents.
    People,
    /// Lists of calls.
    List,
    /// Settings.
    Gear,
    /// 消息
    Message,
    /// 督办
    Eye,
    /// A field that opens a list.
    Down,
    /// Something is switched off.
    Off,
}

impl Icon {
    fn source(self) -> &'static str {
        match self {
            Self::Headset => include_str!("../../../assets/icons/headset.svg"),
            Self::Moon => include_str!("../../../assets/icons/moon.svg"),
            Self::Sun => include_str!("../../../assets/icons/sun.svg"),
            Self::SignOut => include_str!("../../../assets/icons/sign_out.svg"),
            Self::Phone => include_str!("../../../assets/icons/phone.svg"),
            Self::Pencil => include_str!("../../../assets/icons/pencil.svg"),
            Self::Busy => include_str!("../../../assets/icons/busy.svg"),
            Self::Ready => include_str!("../../../assets/icons/ready.svg"),
            Self::Lost => include_str!("../../../assets/icons/lost.svg"),
            Self::Warning => include_str!("../../../assets/icons/warning.svg"),
            Self::Panel => include_str!("../../../assets/icons/panel.svg"),
            Self::Shield => include_str!("../../../assets/icons/shield.svg"),
            Self::People => include_str!("../../../assets/icons/people.svg"),
            Self::List => include_str!("../../../assets/icons/list.svg"),
            Self::Gear => include_str!("../../../assets/icons/gear.svg"),
            Self::Message => include_str!("../../../assets/icons/message.svg"),
            Self::Eye => include_str!("../../../assets/icons/eye.svg"),
            Self::Down => include_str!("../../../assets/icons/down.svg"),
            Self::Off => include_str!("../../../assets/icons/off.svg"),
        }
    }
}

/// One icon at its place.
pub(crate) struct Drawing {
    icon: Icon,
    color: Color,
}

/// What is drawn there, until icon or colour changes: a drawing that is made anew would be taken for a changed one.
#[derive(Default)]
pub(crate) struct Drawn {
    what: Cell<Option<(Icon, Color)>>,
    cache: Cache,
}

impl<M> Program<M> for Drawing {
    type State = Drawn;

    fn draw(&self, drawn: &Drawn, renderer: &Renderer, _: &Theme, bounds: Rectangle, _: mouse::Cursor) -> Vec<Geometry> {
        let what = Some((self.icon, self.color));
        if drawn.what.replace(what) != what {
            drawn.cache.clear();
        }
        let scale = bounds.width.min(bounds.height) / UNITS;
        let drawing = drawn.cache.draw(renderer, bounds.size(), |frame| {
            frame.scale(scale);
            for line in outline::lines(self.icon.source()).unwrap_or_default() {
                let dashes: Vec<f32> = line.dashes.iter().map(|dash| dash * scale).collect();
                let pen = Stroke {
                    line_cap: LineCap::Round,
                    line_join: LineJoin::Round,
                    line_dash: LineDash { segments: &dashes, offset: 0 },
                    ..Stroke::default().with_color(self.color).with_width(line.width * scale)
                };
                frame.stroke(&line.path, pen);
            }
        });
        vec![drawing]
    }
}

/// An icon as large as text needs it; the caller may make it larger.
pub(crate) fn icon<M>(which: Icon, color: Color) -> Canvas<Drawing, M> {
    Canvas::new(Drawing { icon: which, color }).width(size::ICON).height(size::ICON)
}

#[cfg(test)]
mod tests {
    use super::{Icon, icon, outline};
    use iced::advanced::renderer::{Headless, Style};
    use iced::{Color, Element, Font, Pixels, Size, Theme, mouse};
    use iced_test::futures::futures::executor::block_on;
    use iced_test::runtime::{UserInterface, user_interface::Cache};

    /// Side of the picture, in pixels.
    const SIDE: u16 = 40;

    fn seen(which: Icon, color: Color, cache: Cache, renderer: &mut iced::Renderer) -> (Vec<u8>, Cache) {
        let size = Size::new(f32::from(SIDE), f32::from(SIDE));
        let content: Element<'_, ()> = icon(which, color).width(size.width).height(size.height).into();
        let mut interface = UserInterface::build(content, size, cache, renderer);
        interface.draw(renderer, &Theme::Light, &Style::default(), mouse::Cursor::Unavailable);
        let cache = interface.into_cache();
        (renderer.screenshot(Size::new(SIDE.into(), SIDE.into()), 1.0, Color::WHITE), cache)
    }

    #[test]
    fn an_icon_at_the_same_place_is_drawn_anew_when_it_or_its_colour_changes() {
        let renderer = <iced::Renderer as Headless>::new(Font::DEFAULT, Pixels(14.0), Some("tiny-skia"));
        let mut renderer = block_on(renderer).expect("the software renderer");
        let (first, cache) = seen(Icon::Sun, Color::BLACK, Cache::default(), &mut renderer);
        let (again, cache) = seen(Icon::Sun, Color::BLACK, cache, &mut renderer);
        assert!(first == again && first.contains(&0), "something black");
        let (red, cache) = seen(Icon::Sun, Color::from_rgb(1.0, 0.0, 0.0), cache, &mut renderer);
        assert!(red != first, "the other colour");
        let (other, _) = seen(Icon::Moon, Color::from_rgb(1.0, 0.0, 0.0), cache, &mut renderer);
        assert!(other != red, "the other icon");
    }

    #[test]
    fn every_icon_is_understood() {
        let all = [
            Icon::Headset,
            Icon::Moon,
            Icon::Sun,
            Icon::SignOut,
            Icon::Phone,
            Icon::Pencil,
            Icon::Busy,
            Icon::Ready,
            Icon::Lost,
            Icon::Warning,
            Icon::Panel,
            Icon::Shield,
            Icon::People,
            Icon::List,
            Icon::Gear,
            Icon::Message,
            Icon::Eye,
            Icon::Down,
            Icon::Off,
        ];
        for icon in all {
            let lines = outline::lines(icon.source());
            assert!(lines.is_some_and(|lines| !lines.is_empty()), "{icon:?} is written in more of SVG than we read");
        }
    }
}
