//! WebSocket echo and a status page with embassy, on the LM3S6965 evaluation board of QEMU.
//!
//! What is served is in `embassy_app`, and is the same on real boards. Here is what their hardware
//! crates bring along:
//!
//! ```text
//! embassy_app ── embassy-net ── ethernet ─┬─ emulated_nic
//!      └──────── embassy-time ─ time ─────┤
//!                    executor ── WFI ─────┴─ interrupts
//! ```
#![no_std]
#![no_main]

mod ethernet;
mod executor;
mod interrupts;
mod time;

use cortex_m_rt::entry;
use embassy_app::{SOCKETS, Status, TASKS};
use embassy_executor::Spawner;
use embassy_net::{Config, DhcpConfig, Runner, Stack, StackResources};
use semihosting::experimental::random;
use semihosting::println;
use static_cell::StaticCell;

use crate::ethernet::Ethernet;

static STATUS: Status = Status::new();
static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();

#[entry]
fn main() -> ! {
    let p = cortex_m::Peripherals::take().expect("nobody has taken them before");
    time::start(p.SYST);
    let nic = Ethernet::new();
    executor::run(|spawner| {
        spawner.spawn(start(spawner, nic).expect("its task is free"));
    })
}

#[embassy_executor::task]
async fn start(spawner: Spawner, nic: Ethernet) {
    let resources = RESOURCES.init_with(StackResources::new);
    let config = Config::dhcpv4(DhcpConfig::default());
    let (stack, runner) = embassy_net::new(nic, config, resources, seed());
    spawner.spawn(network(runner).expect("its task is free"));

    stack.wait_config_up().await;
    if let Some(config) = stack.config_v4() {
        println!("the board is {}", config.address.address());
    }
    for slot in 0..TASKS {
        spawner.spawn(server(stack, slot).expect("there is a task for each slot"));
    }
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Ethernet>) -> ! {
    runner.run().await
}

#[embassy_executor::task(pool_size = TASKS)]
async fn server(stack: Stack<'static>, slot: usize) -> ! {
    embassy_app::run(stack, &STATUS, |event| println!("slot {slot}: {event:?}")).await
}

/// The emulated board has no source of entropy, so it is asked from the host through semihosting.
/// On silicon this would be the chip's generator.
fn seed() -> u64 {
    let mut seed = [0; 8];
    random::fill_bytes(&mut seed).expect("the host has random numbers");
    u64::from_le_bytes(seed)
}
