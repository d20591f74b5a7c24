//! How much memory a connection takes, apart from the caller's buffers.

use core::mem::size_of;

use wirelet::{Client, Connection, Header, Incoming, Keepalive, Outgoing, Server};

const LIMIT: usize = if cfg!(target_pointer_width = "32") { 192 } else { 208 };

#[test]
fn a_connection_takes_no_more_than_its_share_of_memory() {
    println!("Connection<Server>    {:4} bytes, limit {LIMIT}", size_of::<Connection<Server>>());
    println!("Connection<Client<()>>{:4} bytes", size_of::<Connection<Client<()>>>());
    println!("Incoming<Server>      {:4} bytes", size_of::<Incoming<Server>>());
    println!("Outgoing<Server>      {:4} bytes", size_of::<Outgoing<Server>>());
    println!("Header                {:4} bytes", size_of::<Header>());
    println!("Keepalive             {:4} bytes", size_of::<Keepalive>());
    assert!(size_of::<Connection<Server>>() <= LIMIT);
}

#[test]
fn a_codec_takes_no_more_than_its_documentation_says() {
    use wirelet::deflate::{Deflater, Inflate, Inflater};

    println!("Inflater              {:4} bytes", size_of::<Inflater>());
    println!("Inflate               {:4} bytes", size_of::<Inflate>());
    assert!(size_of::<Inflate>() <= 1638);
    assert!(size_of::<Deflater<'_>>() <= 40);
}
