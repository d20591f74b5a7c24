//! Runs of `wirelet connect`, and the servers that they meet.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::{PROGRAM, accept};

pub(crate) fn url(addr: SocketAddr) -> String {
    format!("ws://{addr}/")
}

/// Accepts one connection, and serves it.
pub(crate) fn serve(work: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || work(accept(listener.accept().unwrap().0)));
    addr
}

/// Starts the program, with pipes for all that it reads and writes.
pub(crate) fn start(args: &[&str]) -> Child {
    Command::new(PROGRAM)
        .arg("connect")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs the program with an input; returns exit code, output and errors.
pub(crate) fn connect_bytes(args: &[&str], input: &[u8]) -> (Option<i32>, Vec<u8>, String) {
    let mut child = start(args);
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    // The output must be read meanwhile. Who has heard enough reads no more of the input.
    let writing = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writing.join().unwrap();
    (output.status.code(), output.stdout, String::from_utf8(output.stderr).unwrap())
}

/// The same, of output that is text.
pub(crate) fn connect(args: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let (code, out, err) = connect_bytes(args, input);
    (code, String::from_utf8(out).unwrap(), err)
}
