//! `wirelet connect`.

use std::io::{self, IsTerminal as _, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use wirelet::handshake::HandshakeError;
use wirelet_host::{ClientError, ClientOptions, ProxyError, Scheme, Target};

use super::deflate::DeflateArgs;
use super::units::{Size, Time, parse_positive_wait, parse_size};
use super::way::{Frames, Proxies, Trust, Way};
use super::{fail_with, start_log};

mod blocks;
mod console;
mod editor;
mod history;
mod input;
mod json;
mod peer;
mod print;
mod progress;
mod reader;
mod recording;
mod replay;
mod round_trip;
mod script;
mod stop;
mod talk;

use blocks::Blocks;
use console::Console;
use input::Input;
use peer::Peer;
use print::{Form, Style};
use reader::Reader;
use recording::Recording;
use replay::Replay;
use script::ScriptArgs;
use stop::Stop;
use talk::{End, Talk};

/// Connect to a WebSocket server: lines of the standard input become messages, messages are
/// printed, and behind the end of the input the connection is closed with 1000
///
/// In a terminal, lines are edited and kept in a history, but those that begin with a space; Ctrl-D and
/// Ctrl-C end the input. SIGHUP, SIGINT and SIGTERM close with 1001.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Connect {
    /// Where to connect to, such as `ws://127.0.0.1:8567/` or `wss://example.org/path?query`
    url: String,
    #[command(flatten)]
    way: Way,
    #[command(flatten)]
    proxies: Proxies,
    /// Follow redirects, at most 5, never from `wss://` to `ws://`; another origin is not told Authorization,
    /// Cookie or the user in the URL
    #[arg(short = 'L', long)]
    location: bool,
    /// The value of the header field Origin
    #[arg(long)]
    origin: Option<String>,
    /// Offer a subprotocol; may be repeated, the best first
    #[arg(long)]
    subprotocol: Vec<String>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    frames: Frames,
    #[command(flatten)]
    deflate: DeflateArgs,
    /// Connect to this Unix socket, not to the host of the URL
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", conflicts_with = "proxy")]
    unix_socket: Option<PathBuf>,
    /// Within which TCP, TLS and the opening handshake must be done
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_positive_wait)]
    timeout: Time,
    /// The longest message to be received
    #[arg(long, value_name = "SIZE", default_value_t = Size(16 << 20), value_parser = parse_size)]
    max_message: Size,
    /// Connect again when the connection breaks, after growing random waits of up to 30 s
    #[arg(long, conflicts_with_all = ["send_file", "text_file"])]
    reconnect: bool,
    /// Send binary messages, and print the bytes of those that come. But in a terminal, the bytes of the input are
    /// sent as they come, and those of messages printed as they are, without line ends; see --lines
    #[arg(long)]
    binary: bool,
    #[command(flatten)]
    script: ScriptArgs,
    /// Print JSON indented, in a terminal also coloured; what is no JSON is printed as it is
    #[arg(long, conflicts_with = "binary")]
    json: bool,
    /// Ping the server so often, and print how long each answer takes
    #[arg(long, value_name = "TIME", value_parser = parse_positive_wait)]
    ping: Option<Time>,
    /// Close with 1000 after so many messages have been received; the end of an input that is no terminal
    /// does not close then
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    exit_after: Option<u64>,
    /// Send this file as one binary message, before the standard input; `-` is the standard input itself
    #[arg(long, value_name = "FILE", conflicts_with = "text_file")]
    send_file: Option<PathBuf>,
    /// Send this file as one text message, before the standard input; `-` is the standard input itself
    #[arg(long, value_name = "FILE")]
    text_file: Option<PathBuf>,
    /// Log each frame header to the standard error; lines are not edited then
    #[arg(long)]
    debug: bool,
}

impl Connect {
    pub(crate) async fn run(self) -> ExitCode {
        start_log(self.debug);
        let target = match Target::parse(&self.url, &[Scheme::Ws, Scheme::Wss]) {
            Ok(target) => target,
            Err(why) => return fail_with(USAGE, &why),
        };
        let url = target.to_string(); // without a password
        match self.talk(url.clone(), target.scheme == Scheme::Wss).await {
            Ok(code) => code,
            Err(End::Signal(number)) => stop::exit_code(number).into(),
            Err(End::Input(why)) => fail_with(USAGE, &why),
            Err(End::Unreachable(error)) => {
                let is_late = error.kind() == io::ErrorKind::TimedOut;
                let code = if is_late { TIMED_OUT } else { UNREACHABLE };
                fail_with(code, &format!("cannot connect to {url}: {error}"))
            }
            Err(End::Client(error)) => {
                let hint = match &error {
                    ClientError::Tls(wirelet_host::rustls::Error::InvalidCertificate(_)) => {
                        "; --ca names a file with what to trust, --pin its key"
                    }
                    ClientError::Refused { location: Some(_), .. } => "; --location follows it",
                    _ => "",
                };
                fail_with(exit_code(&error), &format!("{url}: {error}{hint}"))
            }
        }
    }

    /// Connects and talks until both ends have closed; the exit code tells if that was clean.
    async fn talk(self, url: String, is_tls: bool) -> Result<ExitCode, End> {
        let (input, style) = (self.input().await?, self.style());
        let file = match (&self.send_file, &self.text_file) {
            (Some(path), _) => Some(Blocks::binary(path).await),
            (_, Some(path)) => Some(Blocks::text(path).await),
            (None, None) => None,
        };
        let file = file.transpose().map_err(End::Input)?;
        let mut options = ClientOptions {
            origin: self.origin,
            subprotocols: self.subprotocol,
            handshake_time: self.timeout.0,
            message_bytes: self.max_message.0,
            keepalive: self.script.keepalive.map(|time| time.0),
            #[cfg(unix)]
            unix_socket: self.unix_socket,
            proxy: self.proxies.into_proxy().map_err(End::Input)?,
            redirects: if self.location { REDIRECTS } else { 0 },
            compression: self.deflate.compression(),
            ..self.trust.add(self.frames.add(self.way.into_options().map_err(End::Input)?))
        };
        if is_tls || !options.ca_files.is_empty() {
            options.prepare_tls().map_err(|error| End::Input(error.to_string()))?;
        }
        // Last, as it empties what was there.
        let recording = self.script.record.as_deref().map(Recording::create);
        let recording = recording.transpose().map_err(End::Input)?;
        let mut stop = Stop::listen();
        let peer = tokio::select! {
            peer = Peer::connect(&self.url, options, self.reconnect) => peer?,
            number = stop.asked() => return Err(End::Signal(number)),
        };
        let talk = Talk {
            peer,
            url,
            console: Console::new(input),
            reader: Reader::of_stdout(),
            style,
            ping: self.ping.map(|time| time.0),
            exit_after: self.exit_after,
            linger: self.script.linger.0,
            recording,
            stop,
        };
        talk.run(file).await
    }

    /// Returns where messages come from.
    async fn input(&self) -> Result<Input, End> {
        if let Some(path) = &self.script.replay {
            return Ok(Input::Replay(Replay::read(path).await.map_err(End::Input)?));
        }
        let files = [&self.send_file, &self.text_file];
        if files.into_iter().flatten().any(|path| path.as_os_str() == "-") {
            return Ok(Input::Nothing);
        }
        let is_binary = self.binary;
        let is_terminal = stdin().is_terminal();
        let is_raw = self.script.raw || (is_binary && !self.script.lines && !is_terminal);
        Ok(if is_raw {
            Input::raw(is_binary)
        } else if is_terminal && stdout().is_terminal() && !self.debug {
            Input::Terminal { is_binary }
        } else {
            Input::lines(is_binary)
        })
    }

    /// Returns how messages are printed.
    fn style(&self) -> Style {
        let form = match (self.binary || self.script.raw, self.json) {
            (true, _) => Form::Bytes,
            (_, true) => Form::Json,
            _ => Form::Text,
        };
        let in_lines = self.script.lines || stdout().is_terminal();
        Style::new(form, !self.script.raw && (!self.binary || in_lines))
    }
}

const fn exit_code(error: &ClientError) -> u8 {
    match error {
        ClientError::Url(_)
        | ClientError::Authorities(_)
        | ClientError::Handshake(HandshakeError::Build(_)) => USAGE,
        ClientError::Tls(_) | ClientError::Proxy { error: ProxyError::Tls(_), .. } => TLS,
        ClientError::Refused { .. }
        | ClientError::Redirect { .. }
        | ClientError::Handshake(_)
        | ClientError::SpeaksTls => REFUSED,
        ClientError::TimedOut | ClientError::Proxy { error: ProxyError::TimedOut, .. } => TIMED_OUT,
        ClientError::Proxy { .. } => UNREACHABLE,
        _ => 1,
    }
}

const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;
const TLS: u8 = 4;
const REFUSED: u8 = 5;
const TIMED_OUT: u8 = 6;

const EXIT_CODES: &str = "\
Exit codes:
  0  closed cleanly: with 1000, 1001 or no code; or nobody reads the output any more
  1  closed with another code, or the connection broke
  2  a wrong command line, URL, file or input, or the output cannot be written
  3  the server, or the proxy, cannot be reached, or the proxy refused
  4  TLS failed, such as by a certificate that is not trusted
  5  the server refused the opening handshake, or answered it wrongly
  6  the server did not answer in time
  129, 130, 143  ended by SIGHUP, SIGINT or SIGTERM";

/// How many redirects are followed.
const REDIRECTS: usize = 5;
