//! English.

use super::advice::{Advice, AdviceTexts};
use super::{CallTexts, FrameTexts, SignInTexts, StageTexts, StateTexts, Texts, VoiceTexts};
use desktop_core::DeviceProblem;

pub(super) const TEXTS: Texts = Texts {
    product: "12345 Hotline Agent",
    other_language: "中文",
    sign_in: SIGN_IN,
    frame: FRAME,
    state: STATE,
    call: CALL,
    stage: STAGE,
    voice: VOICE,
    advice: ADVICE,
};

const SIGN_IN: SignInTexts = SignInTexts {
    title: "Agent sign-in",
    server: "Server address",
    server_example: "host:port",
    number: "Staff number",
    password: "Password",
    submit: "Sign in",
    signing_in: "Signing in…",
    cancel: "Cancel",
    incomplete: "Enter the server address, your staff number and your password.",
    certificate_title: "Confirm the server's identity",
    certificate_what: "This computer connects to this server for the first time and cannot tell whether it is yours.",
    certificate_why: "Your password and your calls belong to your own server only, so no password is sent before you confirm.",
    certificate_next: "Compare the fingerprint below with the one your administrator gave you. Trust it only if every part is equal.",
    fingerprint: "Certificate fingerprint (SHA-256)",
    trust: "They are equal: trust and sign in",
};

const FRAME: FrameTexts = FrameTexts {
    desk: "Desk",
    my_state: "My state",
    dark: "Dark",
    light: "Light",
    dark_key: "Dark F10",
    light_key: "Light F10",
    sign_out: "Sign out",
    sign_out_question: "Sign out now?",
    sign_out_consequence: "You get no more calls and must sign in again to go on working.",
    cancel: "Cancel",
    dismiss: "Got it",
    connected: "Connected",
    connecting: "Reconnecting",
    round_trip: "Delay",
    loss: "Loss",
    loading: "Reading your desk…",
    reasons_title: "Why not ready?",
    reasons_hint: "Press a number, or Esc to cancel",
    reconnecting: |attempt, clock| format!("No connection to the server for {clock}; reconnecting, attempt {attempt}."),
    reconnecting_effect: "Call and sound go on. Until it is back you cannot answer, hang up or change your state.",
    engine_stopped: "The calling part of this program has stopped. Close and restart it; tell your administrator if it happens again.",
};

const STATE: StateTexts = StateTexts {
    ready: "Ready",
    offered: "Ringing",
    talking: "On a call",
    wrap_up: "Wrap-up",
    lost: "Cut off",
    not_ready: "Not ready",
    small_break: "Break",
    meal: "Meal",
    training: "Training",
    meeting: "Meeting",
    ticket_work: "Ticket work",
    no_answer: "No answer",
    locked: "Locked",
    system: "Not ready (system)",
    go_ready: "Go ready",
    go_not_ready: "Not ready",
};

const CALL: CallTexts = CallTexts {
    answer: "Answer",
    reject: "Reject",
    hang_up: "Hang up",
    none: "No call now",
    caller: "Caller",
    last_caller: "Last caller",
    withheld: "Withheld number",
    unregistered: "Not registered",
    address: "Address",
    no_address: "No address on file",
    queue: "Queue",
    waited: "Waited",
    empty: "When a call rings, the caller's name, number and address appear here.",
};

const STAGE: StageTexts = StageTexts {
    signed_in: "Signed in, not ready yet",
    signed_in_next: "Go ready when you are set; only then do calls come to you.",
    not_ready: "Not ready, no calls come",
    not_ready_next: "Go ready when you are back at your desk.",
    no_answer: "A call was not answered: you are not ready now",
    system: "The voice path broke: the system set you not ready",
    ready: "Waiting for a call",
    ready_next: "A call will ring here. Keep your headset on.",
    ringing: "Incoming call",
    ringing_next: "Press F2 to answer",
    ring_left: |seconds| format!("Goes to another agent in {seconds} s"),
    talking: "On a call",
    talking_next: "Press F4 to hang up when you are done",
    wrap_up: "Wrap-up",
    wrap_up_next: "Ends by itself; then the next call may come.",
    finish: "Finish",
    ended_by_caller: "The citizen hung up",
    ended_by_agent: "You hung up",
    ended_by_server: "The system ended the call",
    lost: "Your desk is cut off",
    lost_next: "Being restored; no calls come meanwhile.",
};

const VOICE: VoiceTexts = VoiceTexts {
    title: "Voice path",
    device: "Device",
    no_device: "No sound device",
    opening: "Opening",
    faulty: "Device fault",
    problem: |problem| match problem {
        DeviceProblem::Opening => "The sound device is being opened".to_owned(),
        DeviceProblem::Missing => "No sound device was found".to_owned(),
        DeviceProblem::NoFormat => "The device does not run at 48 kHz".to_owned(),
        DeviceProblem::Stopped => "The device has stopped".to_owned(),
        DeviceProblem::Hanging => "The sound system does not answer: restart the program".to_owned(),
        DeviceProblem::NotChosen => "No device was chosen".to_owned(),
        DeviceProblem::Failed(reason) => format!("The system says: {reason}"),
    },
    working: "Working",
    idle: "Idle",
    silent: "No sound arrives",
    microphone: "Microphone",
    speaker: "Earphone",
    headset: "Headset",
};

const ADVICE: AdviceTexts = AdviceTexts {
    offer_gone: Advice {
        what: "This call is gone",
        why: "The citizen hung up, the ringing timed out, or another agent took it.",
        next: "Wait for the next call.",
    },
    no_such_call: Advice {
        what: "There is no call to act on",
        why: "The call ended before your wish arrived.",
        next: "Go on from what the screen shows now.",
    },
    wrong_state: Advice {
        what: "Not possible in this state",
        why: "Your state had already changed when you acted.",
        next: "Look at your state at the top left and try again.",
    },
    no_media: Advice {
        what: "You cannot go ready yet",
        why: "There is no voice path between this computer and the server.",
        next: "Try again in a moment; if it stays so, check the network and call your administrator.",
    },
    reason_not_allowed: Advice { what: "This reason cannot be chosen", why: "Only the system may set it.", next: "Choose another reason." },
    reason_full: Advice {
        what: "Too many have this reason already",
        why: "Only so many agents may be away for it at once.",
        next: "Try again later, or choose another reason.",
    },
    locked: Advice { what: "The seat is locked", why: "Nothing can be done while it is locked.", next: "Enter your password first." },
    break_over: Advice {
        what: "You are away for too long",
        why: "The longest time for this reason is over.",
        next: "Go ready as soon as you can.",
    },
    break_begun: Advice {
        what: "The break you waited for has begun",
        why: "A place was free, so you were set not ready as you asked.",
        next: "Go ready when you are back.",
    },
    offer_missed: Advice {
        what: "You missed a call",
        why: "It rang unanswered, went to another agent, and you are not ready now.",
        next: "Go ready when you are back.",
    },
    caller_left: Advice {
        what: "The call was cancelled",
        why: "The citizen hung up before you answered.",
        next: "Nothing to do; wait for the next call.",
    },
    media_lost: Advice {
        what: "The voice path broke",
        why: "The server hears nothing from this computer; no calls come until it does.",
        next: "Check headset and network, then go ready again.",
    },
    wrong_credentials: Advice {
        what: "Sign-in failed",
        why: "Staff number or password is wrong.",
        next: "Type them again; ask your administrator if you forgot the password.",
    },
    too_many_attempts: Advice {
        what: "Sign-in is blocked for now",
        why: "There were too many failures in a row.",
        next: "Try again in some minutes, or ask your administrator.",
    },
    session_gone: Advice {
        what: "Please sign in again",
        why: "You were cut off for so long that the session ended.",
        next: "Enter your password to go on.",
    },
    not_now: Advice {
        what: "The server takes no sign-in now",
        why: "It is stopping, or all its agent places are taken.",
        next: "Try again later, or ask your administrator.",
    },
    unreachable: Advice {
        what: "The server cannot be reached",
        why: "Nobody answers at this address: it may be wrong, or the network is down.",
        next: "Check the server address and the cable, then try again.",
    },
    unknown_certificate: Advice {
        what: "The server's identity is not confirmed",
        why: "Its certificate is not trusted yet.",
        next: "Sign in again and compare the fingerprint with your administrator's.",
    },
    changed_certificate: Advice {
        what: "The server's identity changed; sign-in stopped",
        why: "Its certificate is not the one trusted before: somebody may pretend to be the server. No password was sent.",
        next: "Do not go on. Ask your administrator about the new fingerprint below.",
    },
    broken: Advice {
        what: "The connection broke during sign-in",
        why: "The network or the server went away.",
        next: "Sign in again; tell your administrator if it keeps happening.",
    },
    protocol: Advice {
        what: "The server's answer makes no sense",
        why: "This may be no hotline server, or the versions differ.",
        next: "Check the address, and ask your administrator about the versions.",
    },
    signed_out: Advice { what: "You are signed out", why: "No more calls come to you.", next: "Sign in to work again." },
    superseded: Advice {
        what: "You signed in elsewhere",
        why: "Your staff number was used on another computer, so this one was signed out.",
        next: "If that was not you, tell your administrator at once.",
    },
    lost: Advice {
        what: "You were signed out",
        why: "The connection to the server was gone for too long.",
        next: "Check the network and sign in again.",
    },
    server_stopping: Advice {
        what: "The server is stopping",
        why: "All agents were signed out.",
        next: "Sign in again later, or ask your administrator.",
    },
    no_device: Advice {
        what: "No sound device",
        why: "No headset was found: the citizen cannot hear you, nor you the citizen.",
        next: "Plug the headset in; it is found within seconds.",
    },
};
