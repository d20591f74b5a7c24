//! Both drivers as both roles, over a pipe that reads and writes short and fails where the fuzzer
//! wants it: what the peer sent is received once and in order, and what leaves are whole frames,
//! those that the calls said are queued, once and in order.
//!
//! The plan is run by the blocking driver, by the async driver that is told of each failure, and
//! by the async driver whose futures are dropped instead. The first two do the same; of the third
//! nobody knows whether what was sent is queued, so that a frame may be there or not.

#![no_main]

#[path = "../../tests/suites/common/mod.rs"]
mod common;
#[path = "../../tests/suites/drive/mod.rs"]
mod drive;
#[path = "support/drivers/heard.rs"]
mod heard;
#[path = "../../tests/suites/pipe/mod.rs"]
mod pipe;
#[path = "support/place.rs"]
mod place;
#[path = "support/drivers/plan.rs"]
mod plan;
#[path = "support/drivers/sent.rs"]
mod sent;
#[path = "support/drivers/session.rs"]
mod session;

use common::TestClient;
use drive::{Blocking, Dropped, Ready};
use libfuzzer_sys::fuzz_target;
use plan::Plan;
use session::{Opens, run};
use wirelet::Server;

fuzz_target!(|plan: Plan| {
    if plan.as_client {
        with_each_driver::<TestClient>(&plan);
    } else {
        with_each_driver::<Server>(&plan);
    }
});

fn with_each_driver<Ro: Opens>(plan: &Plan) {
    let blocking = run::<Blocking, Ro>(plan, true);
    let ready = run::<Ready, Ro>(plan, true);
    assert_eq!(blocking, ready, "the drivers differ");
    run::<Dropped, Ro>(plan, false);
}
