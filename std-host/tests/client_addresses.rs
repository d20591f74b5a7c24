//! A client whose server has several addresses, not all of which answer.
#![cfg(target_os = "linux")]

mod harness;

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use harness::opening::field;
use harness::peer::{Dead, accepting, closing, listening};
use wirelet_host::{Client, ClientError, ClientOptions, Scheme, Target};

/// A name with these addresses, of which the first has the port.
fn name_for(port: u16, addrs: &[&str]) -> (String, ClientOptions) {
    let resolve = vec![format!("many.example:{port}:{}", addrs.join(",")).parse().unwrap()];
    let options = ClientOptions { resolve, ..ClientOptions::default() };
    (format!("ws://many.example:{port}/"), options)
}

#[tokio::test]
async fn a_dead_first_address_costs_a_quarter_of_a_second_and_is_dropped() {
    let dead = Dead::at("127.0.0.2:0");
    let port = dead.addr().port();
    let (_, heads) = listening(&format!("127.0.0.3:{port}"), closing);
    let (url, options) = name_for(port, &["127.0.0.2", "127.0.0.3"]);
    let begin = Instant::now();
    let client = Client::connect_with(&url, &options).await.unwrap();
    let took = begin.elapsed();
    assert!((240..5000).contains(&took.as_millis()), "{took:?}");
    let authority = format!("many.example:{port}");
    assert_eq!(field(&heads.recv().unwrap(), "Host"), Some(&*authority));
    // Its system would try again after 1 s and 3 s.
    let n_late = tokio::task::spawn_blocking(|| dead.revive(Duration::from_secs(4))).await.unwrap();
    assert_eq!(n_late, 0);
    drop(client);
}

#[tokio::test]
async fn the_second_address_is_left_alone_when_the_first_answers() {
    let (addr, _heads) = accepting();
    let second = TcpListener::bind(("127.0.0.2", addr.port())).unwrap();
    let (url, options) = name_for(addr.port(), &["127.0.0.1", "127.0.0.2"]);
    Client::connect_with(&url, &options).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    second.set_nonblocking(true).unwrap();
    assert!(second.accept().is_err());
}

#[tokio::test]
async fn addresses_that_refuse_cost_no_time() {
    let (addr, heads) = accepting();
    let addrs: Vec<_> = (2..42).map(|i| format!("127.0.0.{i}")).collect();
    let mut addrs: Vec<_> = addrs.iter().map(String::as_str).collect();
    addrs.push("127.0.0.1");
    let (url, options) = name_for(addr.port(), &addrs);
    let begin = Instant::now();
    Client::connect_with(&url, &options).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed()); // 40 times 0.25 s
    heads.recv().unwrap();
}

#[tokio::test]
async fn the_error_names_each_address_and_what_it_did() {
    let dead = Dead::at("127.0.0.2:0");
    let port = dead.addr().port();
    let (url, options) = name_for(port, &["127.0.0.2", "[::1]", "127.0.0.4"]);
    let options = ClientOptions { handshake_time: Duration::from_millis(1500), ..options };
    let begin = Instant::now();
    let error = Client::connect_with(&url, &options).await.unwrap_err();
    let took = begin.elapsed();
    assert!((1400..8000).contains(&took.as_millis()), "{took:?}");
    let text = error.to_string();
    for part in [
        format!("127.0.0.2:{port}: no answer in time"),
        format!("[::1]:{port}: Connection refused"),
        format!("127.0.0.4:{port}: Connection refused"),
    ] {
        assert!(text.contains(&part), "{text}");
    }
    let is_late =
        |error| matches!(error, ClientError::Io(e) if e.kind() == std::io::ErrorKind::TimedOut);
    assert!(is_late(error));

    let (url, options) = name_for(port, &["[::1]", "127.0.0.4"]);
    let error = Client::connect_with(&url, &options).await.unwrap_err();
    let ClientError::Io(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn of_several_addresses_one_is_found_at_which_someone_listens() {
    let (addr, _heads) = accepting();
    let (url, options) = name_for(addr.port(), &["[::1]", "127.0.0.4", "127.0.0.1"]);
    let target = Target::parse(&url, &[Scheme::Ws]).unwrap();
    assert_eq!(target.find(&options).await.unwrap(), addr);
    // One alone is not tried.
    let (_, options) = name_for(addr.port(), &["127.0.0.4"]);
    let alone = SocketAddr::new("127.0.0.4".parse().unwrap(), addr.port());
    assert_eq!(target.find(&options).await.unwrap(), alone);
}
