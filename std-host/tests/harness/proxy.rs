//! Proxies made by hand: they pass all on to one server, and hand out what they were asked for.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use super::read_head;

/// An HTTP proxy, which gives this answer to each request and, if it is of 2xx, passes on. The heads of the
/// requests can be received.
pub(crate) fn http(
    answer: &'static str,
    behind: SocketAddr,
) -> (SocketAddr, mpsc::Receiver<String>) {
    serve(move |mut client, asked| {
        let head = read_head(&mut client);
        let _ = asked.send(head);
        client.write_all(answer.as_bytes())?;
        let is_status = |line: &str| line.starts_with("HTTP/1.") && line.contains(" 2");
        if answer.lines().any(is_status) {
            pass_on(&client, behind)?;
        }
        Ok(())
    })
}

/// A SOCKS 5 proxy, which wants this user and password if any, and gives this answer to each request. What it
/// was asked for can be received, as `name:port`, and how it was told who asks. 203.0.113.0/24 is out of its reach.
pub(crate) fn socks5(
    credentials: Option<(&'static str, &'static str)>,
    reply: u8,
    behind: SocketAddr,
) -> (SocketAddr, mpsc::Receiver<String>) {
    serve(move |mut client, asked| {
        let [version, n] = read(&mut client)?;
        assert_eq!(version, 5);
        let mut methods = vec![0; n.into()];
        client.read_exact(&mut methods)?;
        match credentials {
            None => client.write_all(&[5, 0])?,
            Some(_) if !methods.contains(&2) => return client.write_all(&[5, 0xff]),
            Some((user, password)) => {
                client.write_all(&[5, 2])?;
                let [1] = read(&mut client)? else { panic!() };
                let is_right = read_text(&mut client)? == user;
                let is_right = read_text(&mut client)? == password && is_right;
                client.write_all(&[1, u8::from(!is_right)])?;
                if !is_right {
                    return Ok(());
                }
            }
        }
        let [5, 1, 0, kind] = read(&mut client)? else { panic!() };
        let host = match kind {
            1 => std::net::Ipv4Addr::from(read::<4>(&mut client)?).to_string(),
            3 => read_text(&mut client)?,
            4 => format!("[{}]", std::net::Ipv6Addr::from(read::<16>(&mut client)?)),
            kind => panic!("{kind}"),
        };
        let port = u16::from_be_bytes(read(&mut client)?);
        let reply = if host.starts_with("203.0.113.") { 4 } else { reply };
        let _ = asked.send(format!("{kind} {host}:{port}"));
        client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0])?;
        if reply == 0 { pass_on(&client, behind) } else { Ok(()) }
    })
}

fn serve(
    one: impl Fn(TcpStream, &mpsc::Sender<String>) -> io::Result<()> + Clone + Send + 'static,
) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (asked, received) = mpsc::channel();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (one, asked) = (one.clone(), asked.clone());
            thread::spawn(move || {
                let socket = socket.unwrap();
                let kept = socket.try_clone().unwrap();
                // A client that does not like what it hears leaves.
                let _ = one(socket, &asked);
                let _ = kept.shutdown(Shutdown::Write);
                let _ = io::copy(&mut &kept, &mut io::sink());
            });
        }
    });
    (addr, received)
}

fn pass_on(client: &TcpStream, behind: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(behind)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    io::copy(&mut &server, &mut { client }).map(drop)
}

fn read<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_text(client: &mut TcpStream) -> io::Result<String> {
    let [len] = read(client)?;
    let mut text = vec![0; len.into()];
    client.read_exact(&mut text)?;
    Ok(String::from_utf8(text).unwrap())
}
