//! Our own line icons: one pen, 24 units, drawn in whatever colour the place needs.

use crate::theme::size;
use iced::Color;
use iced::widget::{Svg, svg};

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
    /// 消息
    Message,
    /// 督办
    Eye,
}

impl Icon {
    fn source(self) -> &'static [u8] {
        match self {
            Self::Headset => include_bytes!("../../../assets/icons/headset.svg"),
            Self::Moon => include_bytes!("../../../assets/icons/moon.svg"),
            Self::Sun => include_bytes!("../../../assets/icons/sun.svg"),
            Self::SignOut => include_bytes!("../../../assets/icons/sign_out.svg"),
            Self::Phone => include_bytes!("../../../assets/icons/phone.svg"),
            Self::Pencil => include_bytes!("../../../assets/icons/pencil.svg"),
            Self::Busy => include_bytes!("../../../assets/icons/busy.svg"),
            Self::Ready => include_bytes!("../../../assets/icons/ready.svg"),
            Self::Lost => include_bytes!("../../../assets/icons/lost.svg"),
            Self::Warning => include_bytes!("../../../assets/icons/warning.svg"),
            Self::Panel => include_bytes!("../../../assets/icons/panel.svg"),
            Self::Shield => include_bytes!("../../../assets/icons/shield.svg"),
            Self::People => include_bytes!("../../../assets/icons/people.svg"),
            Self::Message => include_bytes!("../../../assets/icons/message.svg"),
            Self::Eye => include_bytes!("../../../assets/icons/eye.svg"),
        }
    }
}

/// An icon as large as text needs it; the caller may make it larger.
pub(crate) fn icon<'a>(which: Icon, color: Color) -> Svg<'a> {
    let picture = svg(svg::Handle::from_memory(which.source()));
    picture.width(size::ICON).height(size::ICON).style(move |_, _| svg::Style { color: Some(color) })
}
