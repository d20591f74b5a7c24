//! What the server does with messages.

use clap::ValueEnum;
use wirelet::Message;
use wirelet_host::{Chat, Context, Echo, Handler, Sink};

/// What to do with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Send every message back to where it came from
    Echo,
    /// Send every message to every connection
    Chat,
    /// Take every message and send none
    Sink,
}

impl Mode {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Chat => "chat",
            Self::Sink => "sink",
        }
    }
}

/// A mode, ready to be called.
pub(super) enum Work {
    Echo(Echo),
    Chat(Chat),
    Sink(Sink),
}

impl Handler for Work {
    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        match self {
            Self::Echo(echo) => echo.message(message, context),
            Self::Chat(chat) => chat.message(message, context),
            Self::Sink(sink) => sink.message(message, context),
        }
    }
}
