//! What is done with calls, in both languages: words of buttons, and a sentence for each thing that may come of it.

use super::advice::Advice;
use shared::model::{CallNews, DialResult};

/// Words and sentences about calls.
#[derive(Debug)]
pub(crate) struct FunctionTexts {
    pub(crate) holding: &'static str,
    pub(crate) consulting: &'static str,
    pub(crate) outbound: &'static str,
    pub(crate) hold: &'static str,
    pub(crate) retrieve: &'static str,
    pub(crate) dial: &'static str,
    pub(crate) consult: &'static str,
    pub(crate) transfer: &'static str,
    pub(crate) swap: &'static str,
    pub(crate) merge: &'static str,
    pub(crate) complete: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) leave: &'static str,
    pub(crate) not_available: Advice,
    pub(crate) may_not_dial: Advice,
    pub(crate) too_many_transfers: Advice,
    pub(crate) too_many_parties: Advice,
    pub(crate) no_capacity: Advice,
    pub(crate) no_such_target: Advice,
    pub(crate) not_allowed: Advice,
    busy: Advice,
    no_answer: Advice,
    rejected: Advice,
    invalid: Advice,
    no_line: Advice,
    cancelled: Advice,
    aside_left: Advice,
    party_left: Advice,
    left_on_hold: Advice,
    held_long: Advice,
    pub(crate) forced: Advice,
    taken: Advice,
    team_held_long: Advice,
    held_too_long: Advice,
    team_residual: Advice,
    team_emergency: Advice,
    pub(crate) emergency: &'static str,
}

impl FunctionTexts {
    /// Something of a call that the agent has to know.
    pub(super) fn news(&self, news: CallNews) -> Advice {
        match news {
            CallNews::DialFailed(result) | CallNews::AsideFailed(result) => self.result(result),
            CallNews::AsideLeft => self.aside_left,
            CallNews::PartyLeft => self.party_left,
            CallNews::LeftOnHold => self.left_on_hold,
            CallNews::HeldLong => self.held_long,
            CallNews::HeldTooLong => self.held_too_long,
            CallNews::TeamResidual(_) => self.team_residual,
            CallNews::TeamHeldLong(_) => self.team_held_long,
            CallNews::TeamEmergency(_) => self.team_emergency,
            CallNews::Forced => self.forced,
            CallNews::Taken => self.taken,
        }
    }

    fn result(&self, result: DialResult) -> Advice {
        match result {
            DialResult::Busy => self.busy,
            DialResult::NoAnswer => self.no_answer,
            DialResult::Rejected => self.rejected,
            DialResult::Invalid => self.invalid,
            DialResult::NoLine => self.no_line,
            DialResult::Cancelled | DialResult::Answered => self.cancelled,
        }
    }
}

pub(super) const CHINESE: FunctionTexts = FunctionTexts {
    holding: "保持",
    consulting: "咨询",
    outbound: "外拨",
    hold: "保持",
    retrieve: "取回",
    dial: "外拨",
    consult: "咨询",
    transfer: "转接",
    swap: "切换",
    merge: "会议",
    complete: "转接",
    cancel: "取消",
    leave: "退出",
    not_available: Advice {
        what: "对方现在不能接听", why: "该座席或该队列没有空闲的人。", next: "请稍后再试，或选择其他人。"
    },
    may_not_dial: Advice {
        what: "不能拨打这个号码", why: "号码不正确，或超出您的外拨权限。", next: "请核对号码；需要权限请联系管理员。"
    },
    too_many_transfers: Advice {
        what: "不能再转接", why: "这个通话的转接次数已到上限。", next: "请继续为市民服务，或请对方回拨。"
    },
    too_many_parties: Advice { what: "参加的人已满", why: "三方通话的人数有上限。", next: "请先请一位退出。" },
    no_capacity: Advice {
        what: "线路已满，暂不能再加人",
        why: "服务器的语音线路已到上限，再加一路会影响正在进行的通话。",
        next: "当前通话不受影响，请稍后再试；110、119、120 随时可以呼叫。",
    },
    no_such_target: Advice { what: "找不到对方", why: "没有这个座席、队列或参加人。", next: "请核对后再试。" },
    not_allowed: Advice { what: "没有权限", why: "该操作需要对该班组的督办权限。", next: "请联系班长。" },
    busy: Advice { what: "对方忙", why: "对方正在通话。", next: "请稍后再拨。" },
    no_answer: Advice { what: "无人接听", why: "对方在规定时间内没有接听。", next: "请稍后再拨，或换一位。" },
    rejected: Advice { what: "对方拒接", why: "对方或其线路拒绝了来电。", next: "请换一种方式联系。" },
    invalid: Advice { what: "空号", why: "号码不存在或不完整。", next: "请核对号码。" },
    no_line: Advice {
        what: "没有可用线路", why: "没有中继能接通这个号码，或线路已满。", next: "请稍后再试；仍不行请联系管理员。"
    },
    cancelled: Advice { what: "呼叫已取消", why: "呼叫在接通前已结束。", next: "需要时请重新拨打。" },
    aside_left: Advice { what: "被咨询方已挂断", why: "对方结束了咨询。", next: "市民已接回，请继续通话。" },
    party_left: Advice { what: "有一方已退出", why: "三方通话中有人挂断。", next: "请继续通话。" },
    left_on_hold: Advice { what: "市民在保持中挂断", why: "市民没有等到拾回。", next: "必要时请回拨。" },
    held_long: Advice { what: "保持时间过长", why: "市民已听音乐很久。", next: "请尽快拾回。" },
    forced: Advice {
        what: "督办已更改您的状态", why: "班长或督办进行了强制操作。", next: "如有疑问请联系班长。"
    },
    taken: Advice {
        what: "督办已接管或拆除通话", why: "班长或督办进行了强制操作。", next: "请完成话后处理。"
    },
    team_held_long: Advice {
        what: "有座席保持过久", why: "班组内有市民已被保持很久。", next: "请查看全部座席。"
    },
    held_too_long: Advice {
        what: "保持超时，已自动拾回", why: "保持时间到了上限。", next: "市民已接回，请继续通话。"
    },
    team_residual: Advice {
        what: "有无座席通话持续过久",
        why: "座席退出后，市民与第三方仍在通话。",
        next: "已向通话双方播放提示；到上限后将自动结束。",
    },
    team_emergency: Advice {
        what: "有座席呼叫紧急号码", why: "班组内正在联系 110、119 或 120。", next: "请查看全部座席并关注该通话。"
    },
    emergency: "紧急",
};

pub(super) const ENGLISH: FunctionTexts = FunctionTexts {
    holding: "On hold",
    consulting: "Consulting",
    outbound: "Outbound",
    hold: "Hold",
    retrieve: "Retrieve",
    dial: "Dial",
    consult: "Consult",
    transfer: "Transfer",
    swap: "Swap",
    merge: "Merge",
    complete: "Hand over",
    cancel: "Cancel",
    leave: "Leave",
    not_available: Advice {
        what: "Nobody can take it now",
        why: "That colleague, or everybody of that queue, is busy.",
        next: "Try again later or choose somebody else.",
    },
    may_not_dial: Advice {
        what: "This number cannot be dialled",
        why: "It is no number, or beyond what you may dial.",
        next: "Check it; ask your administrator for the right.",
    },
    too_many_transfers: Advice {
        what: "No further hand-over",
        why: "This call was handed over as often as may be.",
        next: "Go on with the citizen.",
    },
    too_many_parties: Advice { what: "No room", why: "As many take part as may.", next: "Ask somebody to leave first." },
    no_capacity: Advice {
        what: "All lines are busy",
        why: "One voice more would spoil the calls that run.",
        next: "Your call goes on as it is. Try again later; 110, 119 and 120 can be called at any time.",
    },
    no_such_target: Advice { what: "Not found", why: "There is no such colleague, queue or party.", next: "Check it and try again." },
    not_allowed: Advice { what: "Not allowed", why: "This needs a supervisor's rights over that team.", next: "Ask your supervisor." },
    busy: Advice { what: "Busy", why: "The other side is talking.", next: "Try again later." },
    no_answer: Advice { what: "No answer", why: "Nobody answered in time.", next: "Try again later or call somebody else." },
    rejected: Advice { what: "Rejected", why: "The other side refused the call.", next: "Find another way." },
    invalid: Advice { what: "No such number", why: "It does not exist or is incomplete.", next: "Check the number." },
    no_line: Advice {
        what: "No line",
        why: "No trunk could place the call, or all channels are in use.",
        next: "Try again; if it stays so tell your administrator.",
    },
    cancelled: Advice { what: "Call cancelled", why: "It ended before anybody answered.", next: "Dial again if needed." },
    aside_left: Advice { what: "The other side hung up", why: "The consultation is over.", next: "The citizen is back: go on." },
    party_left: Advice { what: "Somebody left", why: "One party hung up.", next: "Go on with the others." },
    left_on_hold: Advice { what: "The citizen hung up on hold", why: "Nobody came back in time.", next: "Call back if needed." },
    held_long: Advice { what: "Held for very long", why: "The citizen still hears music.", next: "Retrieve the call." },
    forced: Advice { what: "A supervisor changed your state", why: "It was set by force.", next: "Ask your supervisor if in doubt." },
    taken: Advice { what: "A supervisor took or ended the call", why: "It was done by force.", next: "Finish the wrap-up." },
    team_held_long: Advice { what: "A citizen of the team is held for long", why: "Somebody hears music.", next: "Look at all agents." },
    held_too_long: Advice {
        what: "Retrieved: held for too long",
        why: "The longest hold that is allowed is over.",
        next: "The citizen is with you again.",
    },
    team_residual: Advice {
        what: "A talk without an agent goes on for long",
        why: "An agent has left, and the citizen and somebody outside still talk.",
        next: "Both were told; it ends by itself at its limit.",
    },
    team_emergency: Advice {
        what: "Somebody of the team calls for help",
        why: "110, 119 or 120 is being called.",
        next: "Look at all agents and at that call.",
    },
    emergency: "Emergency",
};
