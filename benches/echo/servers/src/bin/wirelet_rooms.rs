//! wirelet, with two threads that publish at once: what comes in room 0 or 1, which the path names, a thread of
//! its own publishes to all who are there.

use std::io;
use std::num::NonZero;
use std::sync::mpsc::{self, Sender};
use std::thread;

use wirelet_host::wirelet::Message;
use wirelet_host::{Builder, Context, Handler};

const ROOMS: [&str; 2] = ["/0", "/1"];

struct Rooms {
    /// What each thread is to publish.
    publishers: [Sender<Vec<u8>>; 2],
}

impl Handler for Rooms {
    fn opened(&self, context: &mut Context<'_>) {
        context.subscribe(context.peer().path());
    }

    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        let path = context.peer().path();
        if let Some(room) = ROOMS.iter().position(|room| *room == path) {
            // The thread ends with the program.
            let _ = self.publishers[room].send(message.as_bytes().to_vec());
        }
    }
}

fn main() -> io::Result<()> {
    let (publishers, inboxes): (Vec<_>, Vec<_>) = ROOMS.iter().map(|_| mpsc::channel()).unzip();
    let publishers = publishers.try_into().expect("there are as many as rooms");
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let builder = Builder::new().threads(NonZero::new(2).expect("2 is not 0"));
        let server = builder.listen("127.0.0.1:0").bind(Rooms { publishers }).await?;
        for (room, inbox) in ROOMS.into_iter().zip(inboxes) {
            let hub = server.hub();
            thread::spawn(move || {
                for message in inbox {
                    hub.publish(room, Message::Binary(&message));
                }
            });
        }
        println!("listening on {}", server.url());
        server.run().await
    })
}
