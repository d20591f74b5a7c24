//! `wirelet bench`, run as a user runs it.

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use harness::certificates::Issued;
use harness::{PROGRAM, Running, front, proxy};
use serde_json::Value;
use wirelet::Message;
use wirelet_host::{Context, Handler, Server};

#[test]
fn the_figures_of_an_echo_fit_together() {
    let server = Running::serve(&[]);
    let figures = bench(&ws(&server), &["-c", "4", "-s", "100", "--depth", "3", "--check"]).json();
    let number = |name: &str| figures[name].as_f64().unwrap();
    for (name, value) in [("connections", 4), ("size", 100), ("depth", 3)] {
        assert_eq!(figures[name], value, "{name}");
    }
    for name in ["failed_connections", "missing_messages", "unclean_closes"] {
        assert_eq!(figures[name], 0, "{name}");
    }
    assert!(number("messages") > 100.0, "{figures}");
    assert_near(number("messages_per_second"), number("messages") / number("seconds"));
    assert_near(number("megabytes_per_second"), number("messages_per_second") / 1e4);
    assert!((0.0..1.1).contains(&number("load_cpu_share")), "{figures}");
    let latency = |name: &str| figures["latency_us"][name].as_f64().unwrap();
    let quantiles = ["min", "p50", "p90", "p99", "p99_9", "max"].map(latency);
    assert!(quantiles.is_sorted() && quantiles[0] > 1.0 && quantiles[5] < 1e7, "{figures}");
    assert!((latency("min")..=latency("max")).contains(&latency("mean")), "{figures}");
}

#[test]
fn every_size_and_kind_comes_back_whole() {
    let server = Running::serve(&[]);
    for size in ["0", "125", "126", "65535", "70000"] {
        for kind in ["--binary", "--text", "--text=mixed", "--text=chinese"] {
            let args = ["-c", "2", "-s", size, kind, "--check", "-d", "0.2", "--warmup", "0"];
            let outcome = bench(&ws(&server), &args);
            assert_eq!(outcome.code, Some(0), "{size} {kind}: {}", outcome.out);
        }
    }
}

#[test]
fn what_the_user_says_is_sent_as_the_kind_that_it_is() {
    let server = Running::serve(&[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let of = |args: &[&str]| {
        let figures = bench(&ws(&server), &[&["-c", "2", "--check"][..], args].concat()).json();
        assert_eq!(figures["failed_connections"], 0, "{figures}");
        (figures["kind"].as_str().unwrap().to_owned(), figures["size"].as_u64().unwrap())
    };
    assert_eq!(of(&["--message", "{\"ask\": \"é\"}"]), ("text".into(), 13));
    assert_eq!(of(&["--message", "", "--depth", "4"]), ("text".into(), 0));
    assert_eq!(of(&["--message", "é", "--binary"]), ("binary".into(), 2));
    std::fs::write(path, "é".repeat(40_000)).unwrap();
    assert_eq!(of(&["--message-file", path]), ("text".into(), 80_000));
    std::fs::write(path, b"\xff\0").unwrap();
    assert_eq!(of(&["--message-file", path]), ("binary".into(), 2));
}

#[test]
fn an_application_may_answer_what_it_likes() {
    let server = Running::serve(&["--mode", "exec", "--", "sed", "-u", "s/.*/answer to &/"]);
    let message = ["-c", "2", "--message", "ping"];
    let figures = bench(&ws(&server), &[&message[..], &["--expect", "any"]].concat()).json();
    for name in ["failed_connections", "missing_messages", "unasked_messages", "unclean_closes"] {
        assert_eq!(figures[name], 0, "{name}: {figures}");
    }
    let number = |name: &str| figures[name].as_f64().unwrap();
    assert!(number("messages") > 5.0, "{figures}");
    let received = 14.0; // bytes of "answer to ping"
    assert_near(number("megabytes_per_second"), number("messages_per_second") * received / 1e6);
    assert_eq!(bench(&ws(&server), &message).code, Some(1));

    // One that greets, and says more than it is asked for.
    let twice = "echo welcome; exec sed -u 's/.*/&\\n&/'";
    let server = Running::serve(&["--mode", "exec", "--", "sh", "-c", twice]);
    let figures = bench(&ws(&server), &[&message[..], &["--expect", "any"]].concat()).json();
    assert!(figures["unasked_messages"].as_u64().unwrap() > 2, "{figures}");
    assert_eq!(figures["failed_connections"], 0);
}

#[test]
fn the_load_goes_through_proxies() {
    let (server, issued) = (Running::serve(&[]), Issued::new());
    let tls = front::tls(&issued, server.addr);
    let ca = issued.ca();
    let ca = ["--ca", ca.to_str().unwrap()];
    for (url, behind, more) in
        [(ws(&server), server.addr, &[][..]), (format!("wss://{tls}/"), tls, &ca)]
    {
        let (http, _asked) = proxy::http("HTTP/1.1 200 OK\r\n\r\n", behind);
        let (socks5, _asked) = proxy::socks5(None, 0, behind);
        for proxy in [format!("http://{http}"), format!("socks5://{socks5}")] {
            let args = ["-c", "3", "--check", "--messages-per-connection", "20", "--proxy", &proxy];
            let figures = bench(&url, &[&args[..], more].concat()).json();
            for name in ["failed_connections", "missing_messages", "unclean_closes"] {
                assert_eq!(figures[name], 0, "{url} by {proxy}: {name}");
            }
            assert!(figures["closed_connections"].as_u64().unwrap() > 3, "{figures}");
        }
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = format!("http://user:secret@{nobody}");
    let outcome = bench(&ws(&server), &["--proxy", &proxy]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.err.contains("the proxy http://") && outcome.err.contains("refused"),
        "{}",
        outcome.err
    );
    assert!(!outcome.err.contains("secret"), "{}", outcome.err);
    // To those that it is not for, it is not asked for.
    bench(&ws(&server), &["-c", "1", "--proxy", &proxy, "--no-proxy", "127.0.0.0/8"]).json();
}

#[test]
fn a_stall_at_the_end_is_told_by_what_was_under_way() {
    let mut n = 0;
    let addr = serve_bytes(move |_, _| {
        n += 1;
        if n == 3 {
            thread::sleep(Duration::from_millis(1500));
        }
    });
    let args = ["-c", "1", "-d", "0.5", "--warmup", "0"];
    let figures = bench(&format!("tcp://{addr}"), &args).json();
    // In its percentiles there are two messages, none of which has waited.
    assert_eq!(
        (&figures["under_way_at_end"], &figures["missing_messages"]),
        (&1.into(), &0.into())
    );
    let oldest = figures["oldest_under_way_us"].as_f64().unwrap();
    assert!(oldest > 200_000.0, "{figures}");
    assert_eq!(figures["latency_is_corrected"], false);
}

#[test]
fn a_rate_is_kept_and_shared_among_threads() {
    let server = Running::serve(&[]);
    let args = ["-c", "6", "--rate", "1000", "--threads", "2", "-d", "3"];
    let figures = bench(&ws(&server), &args).json();
    assert_eq!(figures["latency_since"], "due");
    // 3,000 are due; those at the end may come back after it, more of them where there is other work.
    let messages = figures["messages"].as_u64().unwrap();
    assert!((1_700..=3_020).contains(&messages), "{figures}");
}

#[test]
fn a_stall_counts_for_every_message_that_was_due_in_it() {
    let stall = Duration::from_millis(300);
    let mut stalled = false;
    let addr = serve_bytes(move |_, since| {
        if !stalled && since > Duration::from_millis(200) {
            stalled = true;
            thread::sleep(stall);
        }
    });
    let args = ["-c", "1", "--depth", "16", "--rate", "1000", "-d", "0.6", "--warmup", "0"];
    let figures = bench(&format!("tcp://{addr}"), &args).json();
    let latency = |name: &str| figures["latency_us"][name].as_f64().unwrap();
    // About half were due while the server slept. Of those sent at their turn there were 16 at most.
    assert!(latency("max") > 250_000.0, "{figures}");
    assert!(latency("p90") > 150_000.0, "{figures}");
}

#[test]
fn a_broadcast_counts_each_message_at_each_receiver() {
    let server = Running::serve(&["--mode", "chat"]);
    let figures = bench(&ws(&server), &["-c", "5", "--broadcast", "--check"]).json();
    assert!(figures["messages"].as_u64().unwrap() > 100, "{figures}");
    assert_eq!(figures["missing_messages"], 0);
    // What the last receives counts among the others.
    let time = |of: &str, which: &str| figures[of][which].as_f64().unwrap();
    assert!(time("to_all_us", "min") * 1.01 >= time("latency_us", "min"), "{figures}");
    assert!(time("to_all_us", "max") <= time("latency_us", "max") * 1.01, "{figures}");
    let figures =
        bench(&ws(&server), &["-c", "5", "--broadcast", "--rate", "200", "-d", "3"]).json();
    assert_eq!(figures["to_all_us"], Value::Null, "several are under way at a time");
    // 600, to 5 each.
    assert!((1_700..=3_020).contains(&figures["messages"].as_u64().unwrap()), "{figures}");
}

#[test]
fn each_room_has_a_sender_and_its_connections_receive() {
    let server = rooms();
    let url = format!("ws://{server}/{{room}}");
    let figures = bench(&url, &["-c", "6", "--broadcast", "--rooms", "2", "--check"]).json();
    for name in ["failed_connections", "missing_messages", "unclean_closes"] {
        assert_eq!(figures[name], 0, "{name}");
    }
    assert_eq!((&figures["rooms"], &figures["threads"]), (&2.into(), &2.into()));
    assert!(figures["messages"].as_u64().unwrap() > 100, "{figures}");
    // Who hears another room as well has not asked for it.
    let outcome =
        bench(&format!("ws://{server}/?{{room}}"), &["-c", "6", "--broadcast", "--rooms", "2"]);
    assert_eq!(outcome.code, Some(1));
    let figures: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(figures["first_failure"], "a message came that had not been sent");
}

#[test]
fn connections_make_way_for_others_after_so_many_messages() {
    let server = Running::serve(&[]);
    let args =
        ["-c", "4", "--messages-per-connection", "10", "--depth", "3", "--threads", "2", "--check"];
    let figures = bench(&ws(&server), &args).json();
    for name in ["failed_connections", "missing_messages", "unclean_closes"] {
        assert_eq!(figures[name], 0, "{name}");
    }
    let number = |name: &str| figures[name].as_f64().unwrap();
    let (closed, messages) = (number("closed_connections"), number("messages"));
    assert!(closed > 4.0, "{figures}");
    // Those at either end of the measurement have some of their messages in it.
    assert!((messages - closed * 10.0).abs() <= 8.0 * 10.0, "{figures}");
    assert_near(number("connections_per_second"), closed / number("seconds"));
}

#[test]
fn idle_connections_stay_open_and_cost_the_server_what_is_measured() {
    let server = Running::serve(&["--ping-interval", "1", "--ping-timeout", "10"]);
    let pid = server.pid().to_string();
    // Longer than the server's patience with a client that did not answer its pings would be.
    let args = ["-c", "20", "--idle", "-d", "13", "--server-pid", &pid];
    let figures = bench(&ws(&server), &args).json();
    assert_eq!((&figures["idle"], &figures["messages"]), (&true.into(), &0.into()));
    for name in ["failed_connections", "missing_messages", "unclean_closes"] {
        assert_eq!(figures[name], 0, "{name}");
    }
    if cfg!(target_os = "linux") {
        let number = |name: &str| figures[name].as_f64().unwrap();
        // It has sent pings.
        assert!((1e-6..0.5).contains(&number("server_cpu_share")), "{figures}");
        assert_near(number("server_cpu_share"), number("server_cpu_seconds") / 13.0);
    }
    let output = Command::new(PROGRAM)
        .args(["bench", &ws(&server), "--idle", "-d", "0.2", "--server-pid", &pid])
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("50 connections, idle for 0.2 s\n\nserver, CPU"), "{table}");
}

#[test]
fn a_connection_that_makes_way_has_sent_all_of_its_messages() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (count, counts) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, count) = (stream.unwrap(), count.clone());
            thread::spawn(move || {
                let (mut buffer, mut len) = ([0; 4096], 0);
                while let Ok(n @ 1..) = stream.read(&mut buffer) {
                    stream.write_all(&buffer[..n]).unwrap();
                    len += n;
                }
                // Before the end of the stream, which lets the next one begin.
                count.send(len).unwrap();
            });
        }
    });
    let args = ["-c", "2", "-s", "100", "--reconnect-after", "7", "--depth", "4"];
    let figures = bench(&format!("tcp://{addr}"), &args).json();
    assert_eq!(
        (&figures["failed_connections"], &figures["missing_messages"]),
        (&0.into(), &0.into())
    );
    let lens: Vec<usize> = counts.try_iter().collect();
    // The last of each were cut short by the end of the load, at what was under way.
    let n_short = lens.iter().filter(|len| **len != 700).count();
    assert!(n_short <= 2 && lens.len() > 4, "{lens:?}");
    assert!(lens.iter().all(|len| matches!(len, 0 | 400 | 700)), "{lens:?}");
    assert!(figures["closed_connections"].as_u64().unwrap() <= lens.len() as u64, "{figures}");
}

#[test]
fn plain_bytes_are_measured_and_compared() {
    let addr = serve_bytes(|_, _| {});
    let url = format!("tcp://{addr}");
    let pid = std::process::id().to_string();
    let args = ["-c", "3", "-s", "1000", "--depth", "4", "--check"];
    let figures = bench(&url, &args).json();
    assert_eq!(figures["failed_connections"], 0);
    if cfg!(target_os = "linux") {
        let figures = bench(&url, &["--server-pid", &pid]).json();
        assert!(figures["server_cpu_us_per_message"].as_f64().unwrap() > 0.1, "{figures}");
    }

    let addr = serve_bytes(|bytes, _| bytes[0] ^= 1);
    let outcome = bench(&format!("tcp://{addr}"), &["-c", "3", "--check"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.out.contains("came back with other content"), "{}", outcome.out);
}

#[test]
fn what_comes_back_otherwise_fails_the_connection() {
    let server = Running::serve(&["--mode", "chat"]);
    // Each connection gets what all send, and has asked for its own alone.
    let outcome = bench(&ws(&server), &["-c", "3"]);
    assert_eq!(outcome.code, Some(1));
    let figures: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(figures["first_failure"], "a message came that had not been sent");
}

#[test]
fn a_refused_connection_is_counted_and_the_others_go_on() {
    let server = Running::serve(&["--max-connections", "2"]);
    let outcome = bench(&ws(&server), &["-c", "5"]);
    assert_eq!(outcome.code, Some(1));
    let figures: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(figures["failed_connections"], 3);
    assert!(figures["first_failure"].as_str().unwrap().contains("503"), "{figures}");
    assert!(figures["messages"].as_u64().unwrap() > 0, "{figures}");

    // The turns of those that failed pass: 40 % of the rate are left, and nothing is missing.
    let outcome = bench(&ws(&server), &["-c", "5", "--rate", "1000", "-d", "3"]);
    assert_eq!(outcome.code, Some(1));
    let figures: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(figures["missing_messages"], 0);
    assert!((700..=1_220).contains(&figures["messages"].as_u64().unwrap()), "{figures}");
}

#[test]
fn a_close_of_the_server_tells_its_code() {
    let server = Running::serve(&["--max-message", "1000"]);
    let outcome = bench(&ws(&server), &["-c", "2", "-s", "1001"]);
    assert_eq!(outcome.code, Some(1));
    let figures: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(figures["failed_connections"], 2);
    assert!(figures["first_failure"].as_str().unwrap().contains("1009"), "{figures}");
}

#[test]
fn messages_that_do_not_come_back_are_missing() {
    let server = Running::serve(&["--mode", "sink"]);
    let outcome = bench(&ws(&server), &["-c", "2", "--depth", "3"]);
    assert_eq!(outcome.code, Some(1));
    let figures: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!((&figures["messages"], &figures["missing_messages"]), (&0.into(), &6.into()));
}

#[test]
fn what_cannot_be_done_is_explained() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, args, part) in [
        (format!("ws://{nobody}"), &[][..], "refused"),
        ("http://a".into(), &[], "ws://"),
        ("wss://a".into(), &[], "wss://"),
        (format!("tcp://{nobody}"), &["-s", "0"], "--size"),
        (format!("ws://{nobody}/"), &["--broadcast", "--rooms", "2"], "{room}"),
        (format!("ws://{nobody}/"), &["--broadcast", "--rooms", "60"], "--connections"),
        (format!("ws://{nobody}"), &["-s", "1000000", "--depth", "2000"], "1 GiB"),
    ] {
        let outcome = bench(&url, args);
        assert_eq!((outcome.code, &*outcome.out), (Some(1), ""), "{url}");
        assert!(outcome.err.contains(part), "{url}: {}", outcome.err);
    }
    for args in [["--duration", "0"], ["--rate", "0"], ["-c", "0"], ["--warmup", "-1"]] {
        assert_eq!(bench("ws://a", &args).code, Some(2), "{args:?}");
    }
}

#[test]
fn people_get_a_table_and_a_page() {
    let server = Running::serve(&[]);
    let page = std::env::temp_dir().join(format!("wirelet-bench-{}.html", std::process::id()));
    let output = Command::new(PROGRAM)
        .args(["bench", &ws(&server), "-d", "0.3", "--text", "--depth", "2", "--html"])
        .arg(&page)
        .output()
        .unwrap();
    assert!(output.status.success());
    // No progress where there is no terminal.
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("50 connections, text messages of 125 bytes, depth 2"), "{table}");
    let version = concat!("wirelet ", env!("CARGO_PKG_VERSION"));
    let command = format!("wirelet bench {} -d 0.3 --text --depth 2 --html", ws(&server));
    let origin = [version, std::env::consts::ARCH, &command, "coordinated omission"];
    for row in ["messages / s", "latency p50", "p99.9", "max", "under way"].iter().chain(&origin) {
        assert!(table.contains(row), "{table}");
    }
    let html = std::fs::read_to_string(&page).unwrap();
    std::fs::remove_file(&page).unwrap();
    for part in origin {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(html.matches("<svg").count(), 3);
    // The three slices of 100 ms are the points of a line.
    assert!(html.matches("class=\"line0\" points=").count() == 3, "{html}");
    assert!(html.contains("prefers-color-scheme: dark"));
    for foreign in ["http:", "https:", "src=", "<script", "@import", "url("] {
        assert!(!html.contains(foreign), "{foreign}");
    }
}

#[test]
fn a_server_is_loaded_over_tls_and_over_a_unix_socket() {
    let (server, issued) = (Running::serve(&[]), Issued::new());
    let tls = front::tls(&issued, server.addr);
    let (ca, path) = (issued.ca(), issued.path("socket"));
    front::unix(&path, server.addr);
    let (ca, path) = (ca.to_str().unwrap(), path.to_str().unwrap());
    for (url, options) in [
        (format!("wss://{tls}/"), ["--ca", ca]),
        ("ws://localhost/".into(), ["--unix-socket", path]),
    ] {
        for size in ["0", "125", "200000"] {
            let args = ["-c", "3", "--depth", "2", "--check", "-s", size];
            let figures = bench(&url, &[&args[..], &options].concat()).json();
            for name in ["failed_connections", "missing_messages", "unclean_closes"] {
                assert_eq!(figures[name], 0, "{url} {size} {name}");
            }
            assert!(figures["messages"].as_f64().unwrap() > 5.0, "{figures}");
            let suite = figures["cipher_suite"].as_str();
            assert_eq!(
                suite,
                url.starts_with("wss").then_some("TLS13_AES_256_GCM_SHA384"),
                "{url}"
            );
        }
    }
}

#[test]
fn a_certificate_that_is_not_trusted_ends_the_load_before_it_begins() {
    let (server, issued) = (Running::serve(&[]), Issued::new());
    let url = format!("wss://{}/", front::tls(&issued, server.addr));
    let outcome = bench(&url, &["-c", "2"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.err.contains("certificate is not trusted"), "{}", outcome.err);
    let outcome = bench(&url, &["-c", "2", "--ca", "no-such.pem"]);
    assert!(outcome.err.contains("cannot read no-such.pem"), "{}", outcome.err);
}

/// What a run of `wirelet bench --json` has left.
struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Outcome {
    /// The figures, if all went well.
    fn json(self) -> Value {
        assert_eq!((self.code, &*self.err), (Some(0), ""), "{}", self.out);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Loads a server for 0.3 s, unless `args` say otherwise.
fn bench(url: &str, args: &[&str]) -> Outcome {
    let mut command = Command::new(PROGRAM);
    command.args(["bench", url, "--json"]).args(args);
    for (option, default) in [("-d", "0.3"), ("--warmup", "0.1")] {
        if !args.contains(&option) && !args.contains(&"--duration") {
            command.args([option, default]);
        }
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn ws(server: &Running) -> String {
    format!("ws://{}/", server.addr)
}

/// Serves rooms, told apart by their paths.
fn rooms() -> SocketAddr {
    struct Rooms;
    impl Handler for Rooms {
        fn opened(&self, context: &mut Context<'_>) {
            let peer = context.peer();
            context.subscribe(peer.path());
        }

        fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
            context.hub().publish(context.peer().path(), message);
        }
    }
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::bind("127.0.0.1:0", Rooms).await.unwrap();
            tell.send(server.addresses()[0].tcp().unwrap()).unwrap();
            server.run().await
        })
    });
    told.recv().unwrap()
}

/// Echoes plain bytes on every connection, after `change` has seen them and the time since the first.
fn serve_bytes(change: impl FnMut(&mut [u8], Duration) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut change) = (stream.unwrap(), change.clone());
            thread::spawn(move || {
                let (mut buffer, begin) = ([0; 4096], Instant::now());
                // The client may end as it likes.
                while let Ok(n @ 1..) = stream.read(&mut buffer) {
                    change(&mut buffer[..n], begin.elapsed());
                    if stream.write_all(&buffer[..n]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    addr
}

#[track_caller]
fn assert_near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-6 * a.abs().max(b.abs()), "{a} is not {b}");
}
