//! 简体中文。

use super::advice::{Advice, AdviceTexts};
use super::{CallTexts, FrameTexts, HealthTexts, HouseTexts, SignInTexts, StageTexts, StateTexts, Texts, VoiceTexts};
use desktop_core::DeviceProblem;

pub(super) const TEXTS: Texts = Texts {
    product: "12345 热线座席",
    other_language: "English",
    sign_in: SIGN_IN,
    frame: FRAME,
    state: STATE,
    call: CALL,
    stage: STAGE,
    voice: VOICE,
    health: HEALTH,
    house: HOUSE,
    calls: super::calls::CHINESE,
    papers: super::papers::CHINESE,
    floor: super::floor::CHINESE,
    outside: super::outside::CHINESE,
    advice: ADVICE,
};

const SIGN_IN: SignInTexts = SignInTexts {
    title: "座席登录",
    server: "服务器地址",
    server_example: "主机名:端口",
    number: "工号",
    password: "密码",
    submit: "登录",
    signing_in: "正在登录…",
    cancel: "取消",
    incomplete: "请填写服务器地址、工号和密码。",
    certificate_title: "确认服务器身份",
    certificate_what: "这台电脑第一次连接该服务器，还不能确认它就是本单位的服务器。",
    certificate_why: "您的密码和通话只应交给本单位的服务器，因此在确认之前不会发送密码。",
    certificate_next: "请将下面的指纹与管理员提供的指纹逐段核对，完全一致才可信任。",
    fingerprint: "证书指纹（SHA-256）",
    trust: "指纹一致，信任并登录",
};

const FRAME: FrameTexts = FrameTexts {
    desk: "工作台",
    my_state: "我的状态",
    dark: "深色",
    light: "浅色",
    dark_key: "深色 F10",
    light_key: "浅色 F10",
    sign_out: "签出",
    sign_out_question: "现在签出？",
    sign_out_consequence: "签出后不再分配来电，再次工作需要重新登录。",
    cancel: "取消",
    dismiss: "知道了",
    connected: "已连接",
    connecting: "正在重连",
    round_trip: "延迟",
    loss: "丢包",
    loading: "正在读取座席状态…",
    reasons_title: "选择示忙原因",
    reasons_hint: "按数字键选择，Esc 取消",
    reconnecting: |attempt, clock| format!("与服务器的连接已断开 {clock}，正在第 {attempt} 次重连。"),
    reconnecting_effect: "通话和声音继续；恢复之前不能接听、挂断或切换状态。",
    engine_stopped: "程序的通话部分已停止。请关闭并重新启动程序；如再次出现，请联系管理员。",
};

const STATE: StateTexts = StateTexts {
    ready: "空闲",
    offered: "振铃",
    talking: "通话中",
    wrap_up: "话后处理",
    lost: "断线",
    not_ready: "示忙",
    small_break: "小休",
    meal: "用餐",
    training: "培训",
    meeting: "会议",
    ticket_work: "工单处理",
    no_answer: "未应答",
    locked: "锁定",
    system: "系统示忙",
    go_ready: "示闲",
    go_not_ready: "示忙",
};

const CALL: CallTexts = CallTexts {
    answer: "接听",
    reject: "拒接",
    hang_up: "挂断",
    none: "当前没有来电",
    caller: "来电人",
    last_caller: "刚才来电",
    withheld: "匿名来电",
    unregistered: "未登记的来电人",
    address: "地址",
    no_address: "没有登记地址",
    queue: "队列",
    waited: "等待",
    empty: "来电振铃时，这里显示来电人的姓名、号码和地址。",
};

const STAGE: StageTexts = StageTexts {
    signed_in: "已签入，尚未示闲",
    signed_in_next: "准备好后示闲，来电才会分配给您。",
    not_ready: "示忙中，不分配来电",
    not_ready_next: "回到座位后示闲，继续接听来电。",
    no_answer: "来电未应答，已转为示忙",
    system: "语音通路中断，系统已示忙",
    ready: "等待来电",
    ready_next: "来电会在这里振铃，请保持耳机佩戴。",
    ringing: "来电振铃",
    ringing_next: "按 F2 接听",
    ring_left: |seconds| format!("{seconds} 秒后转给其他座席"),
    talking: "正在通话",
    talking_next: "通话结束后按 F4 挂断",
    wrap_up: "话后处理",
    wrap_up_next: "到时自动结束，并可分配下一个来电。",
    finish: "完成",
    ended_by_caller: "市民已挂断",
    ended_by_agent: "您已挂断",
    ended_by_server: "系统已结束通话",
    lost: "座席连接中断",
    lost_next: "正在恢复，期间不分配来电。",
};

const HEALTH: HealthTexts = HealthTexts {
    quality: "语音质量",
    good: "良好",
    fair: "一般",
    poor: "差",
    your_side: "本机侧",
    citizen_side: "来电侧",
    loss: |side, permille| format!("{side}丢包 {}.{}%", permille / 10, permille % 10),
    delay: |side, ms| format!("{side}往返 {ms} ms"),
    jitter: |side, ms| format!("{side}抖动 {ms} ms"),
    over_tunnel: "语音改走服务器连接",
    over_tunnel_why: "网络不通 UDP，语音经服务器连接传送；UDP 恢复后自动切回。",
    citizen_unheard: Advice {
        what: "听不到来电人",
        why: "对方能听到您，但收不到对方的声音。",
        next: "请对方大声说话或换一部电话；仍听不到时，挂断后回拨。",
    },
    agent_unheard: Advice {
        what: "对方听不到您", why: "您能听到对方，但您的声音没有送达。", next: "检查麦克风是否静音、耳机是否插好。"
    },
    microphone_dead: Advice {
        what: "麦克风没有声音", why: "麦克风只送出完全的静音。", next: "检查耳机上的静音开关，或重新插拔耳机。"
    },
    citizen_clips: Advice {
        what: "来电声音过大失真", why: "来电一侧的音量超出线路上限。", next: "请对方离话筒远一些。"
    },
    agent_clips: Advice {
        what: "您的声音过大失真", why: "麦克风音量超出上限。", next: "调低麦克风音量，或把话筒移远一些。"
    },
    long_silence: Advice {
        what: "双方长时间无声", why: "一段时间内没有任何一方说话。", next: "问一声对方是否还在；没有回应可以挂断。"
    },
    echo_from_citizen: Advice {
        what: "来电侧有回声", why: "您的声音从对方一侧传了回来。", next: "请对方关闭免提或调低音量。"
    },
    echo_from_agent: Advice {
        what: "本机有回声", why: "扬声器的声音进入了麦克风。", next: "改用耳机，或调低扬声器音量。"
    },
    unknown: Advice {
        what: "语音有异常", why: "服务器报告了本程序不认识的问题。", next: "更新座席程序后可看到详情。"
    },
};

const VOICE: VoiceTexts = VoiceTexts {
    title: "语音通路",
    device: "设备",
    no_device: "无声音设备",
    opening: "正在打开",
    faulty: "设备异常",
    replaced: "备用设备",
    problem: |problem| match problem {
        DeviceProblem::Opening => "正在打开声音设备".to_owned(),
        DeviceProblem::Replaced => "所选设备不可用，暂用系统默认设备".to_owned(),
        DeviceProblem::Missing => "未找到声音设备".to_owned(),
        DeviceProblem::NoFormat => "设备不支持 48 kHz".to_owned(),
        DeviceProblem::Stopped => "设备已停止工作".to_owned(),
        DeviceProblem::Hanging => "声音系统无响应，请重新启动程序".to_owned(),
        DeviceProblem::NotChosen => "未选择设备".to_owned(),
        DeviceProblem::Failed(reason) => format!("系统报告：{reason}"),
    },
    working: "正常",
    idle: "待机",
    silent: "收不到声音",
    microphone: "麦克风",
    speaker: "听筒",
    headset: "耳机",
};

const HOUSE: HouseTexts = HouseTexts {
    unlock: "解锁",
    agents: "全部座席",
    agents_loading: "正在读取座席列表…",
    agents_none: "没有符合条件的座席",
    filter: "按工号或姓名查找",
    all: "全部",
    number: "工号",
    name: "姓名",
    state: "状态",
    since: "时长",
    queue: "队列",
    partner: "通话对方",
    calls_today: "今日接听",
    cut: "连接中断",
    count: |shown, all| format!("{shown} / {all} 人"),
    next: |word| format!("通话后：{word}"),
    awaits: |word, ahead| if ahead == 0 { format!("等候{word}：下一位") } else { format!("等候{word}：前面 {ahead} 人") },
    take_back: "取消",
    limit: |minutes, agents| match (minutes, agents) {
        (0, agents) => format!("最多 {agents} 人"),
        (minutes, 0) => format!("最长 {minutes} 分"),
        (minutes, agents) => format!("最长 {minutes} 分 · 最多 {agents} 人"),
    },
    limit_left: |clock| format!("还可 {clock}"),
    limit_over: |clock| format!("已超时 {clock}"),
    await_place: "排队等候",
    extend: |left| format!("延长（余 {left} 次）"),
    persons: |count| format!("同号 {count} 人"),
    contacts: "最近来电",
    no_contacts: "没有以前的来电",
    contact: |agent, talk| format!("{agent} · 通话 {talk}"),
    not_answered: "未接通",
    repeat_day: |count| format!("24 小时内第 {} 次", count + 1),
    repeat_week: |count| format!("7 天内第 {} 次", count + 1),
    served_by_you: "上次由您接听",
    correct: "更正资料",
    correct_title: "更正来电人资料",
    register: "登记为另一人",
    tags: "标签",
    tags_hint: "用逗号分开，例如：方言，独居",
    save: "保存",
    history: "修改记录",
    history_title: "资料修改记录",
    history_none: "这张资料没有修改过",
    history_failed: "没有读到修改记录",
    history_again: "再试一次",
    history_more: "更早的修改没有列出",
    history_hint: "↑ ↓ 选择，Enter 改回（先填入更正表，保存后生效），Esc 关闭",
    history_close: "Esc 关闭",
    registered: "登记",
    console: "管理员",
    take_back_value: "改回",
    take_over: "在这里继续",
    care: ["贵宾", "老年人", "听障", "方言", "残障", "代表委员", "媒体", "应急联动"],
};

const ADVICE: AdviceTexts = AdviceTexts {
    offer_gone: Advice {
        what: "这个来电已经不在了", why: "市民已挂断、振铃已超时，或已由其他座席接听。", next: "请等待下一个来电。"
    },
    no_such_call: Advice {
        what: "没有可操作的通话", why: "通话在您操作之前已经结束。", next: "请按当前画面继续工作。"
    },
    wrong_state: Advice {
        what: "当前状态不能这样操作", why: "您操作时状态已经改变。", next: "请查看左上角的状态后再试。"
    },
    no_media: Advice {
        what: "还不能示闲",
        why: "本机与服务器之间的语音通路尚未接通。",
        next: "请稍候再试；仍不行请检查网络并联系管理员。",
    },
    lift_receiver: Advice {
        what: "请在座席电话上接听", why: "您使用座席电话，来电由话机接听。", next: "请摘机接听，其他操作仍在这里。"
    },
    no_phone: Advice {
        what: "没有可用的座席电话", why: "您的工号没有登记座席电话。", next: "请联系管理员登记，或继续使用耳机。"
    },
    reason_not_allowed: Advice {
        what: "不能使用这个示忙原因", why: "该原因只能由系统设置。", next: "请选择其他示忙原因。"
    },
    reason_full: Advice {
        what: "这个示忙原因的人数已满", why: "同时使用该原因的座席已达上限。", next: "请稍后再试，或选择其他原因。"
    },
    locked: Advice { what: "座席已锁定", why: "锁定期间不能操作。", next: "请先输入密码解锁。" },
    break_over: Advice { what: "示忙已超时", why: "已超过该原因允许的最长时间。", next: "请尽快示闲。" },
    break_begun: Advice {
        what: "排队的示忙已生效", why: "有了空位，系统已按您的申请置忙。", next: "结束后请示闲。"
    },
    not_saved: Advice {
        what: "资料没有保存",
        why: "内容不完整，或服务器暂时不能写入。",
        next: "请核对姓名等内容后再试；仍不行请联系管理员。",
    },
    elsewhere: Advice {
        what: "您已在另一台电脑上登录",
        why: "同一工号同时只能在一处工作。在这里继续，另一处会自动签出。",
        next: "如那不是您本人，请立即联系管理员。",
    },
    offer_missed: Advice {
        what: "有一个来电未应答",
        why: "振铃到时无人接听，来电已转给其他座席，您已转为示忙。",
        next: "回到座位后请示闲。",
    },
    caller_left: Advice {
        what: "来电已取消", why: "市民在您接听之前挂断了。", next: "无需处理，请等待下一个来电。"
    },
    media_lost: Advice {
        what: "语音通路中断",
        why: "服务器收不到本机的声音，恢复之前不分配来电。",
        next: "请检查耳机和网络，恢复后重新示闲。",
    },
    phone_failed: Advice {
        what: "座席电话没有接通",
        why: "话机占线、无人接听、未注册或线路不通。",
        next: "请检查话机，恢复后重新示闲；也可以改用耳机。",
    },
    wrong_credentials: Advice {
        what: "登录失败", why: "工号或密码不正确。", next: "请重新输入；忘记密码请联系管理员。"
    },
    too_many_attempts: Advice {
        what: "暂时不能登录", why: "连续失败次数过多，为安全起见已暂停。", next: "请几分钟后再试，或联系管理员。"
    },
    session_gone: Advice {
        what: "需要重新登录", why: "断线时间过长，原来的登录已经失效。", next: "请输入密码重新登录。"
    },
    not_now: Advice {
        what: "服务器暂时不能接受登录", why: "服务器正在停止，或座席名额已满。", next: "请稍后再试，或联系管理员。"
    },
    unreachable: Advice {
        what: "连不上服务器",
        why: "该地址没有应答，可能是地址有误或网络不通。",
        next: "请核对服务器地址，检查网线后再试。",
    },
    unknown_certificate: Advice {
        what: "尚未确认服务器身份",
        why: "服务器的证书还没有得到信任。",
        next: "请重新登录，并与管理员核对证书指纹。",
    },
    changed_certificate: Advice {
        what: "服务器的身份变了，已停止登录",
        why: "它出示的证书与上次信任的不同，可能有人冒充服务器。密码没有发送。",
        next: "请不要继续，先联系管理员核对下面的新指纹。",
    },
    broken: Advice {
        what: "连接中断，登录没有完成", why: "网络或服务器在登录途中断开。", next: "请再次登录；反复出现请联系管理员。"
    },
    protocol: Advice {
        what: "服务器的应答无法理解",
        why: "地址可能不是热线服务器，或两边版本不一致。",
        next: "请核对服务器地址，并联系管理员核对版本。",
    },
    signed_out: Advice { what: "您已签出", why: "来电不再分配给您。", next: "再次工作请重新登录。" },
    superseded: Advice {
        what: "您已在别处登录",
        why: "同一工号在另一台电脑上登录，这里已自动签出。",
        next: "如非本人操作，请立即联系管理员。",
    },
    lost: Advice { what: "已自动签出", why: "与服务器断线时间过长。", next: "请检查网络后重新登录。" },
    server_stopping: Advice {
        what: "服务器正在停止", why: "所有座席已签出。", next: "请稍后重新登录，或联系管理员。"
    },
    no_device: Advice {
        what: "没有可用的声音设备",
        why: "找不到耳机，市民听不到您，您也听不到市民。",
        next: "请插好耳机，几秒后自动恢复。",
    },
};
