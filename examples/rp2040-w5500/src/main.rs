//! WebSocket echo and a status page on the W5500-EVB-Pico: SPI, Ethernet, tasks.
//!
//! What is served is in `embassy_app`.
#![no_std]
#![no_main]

use defmt::{info, unwrap};
use defmt_rtt as _;
use embassy_app::{SOCKETS, Status, TASKS, mac_address};
use embassy_executor::Spawner;
use embassy_net::{Stack, StackResources};
use embassy_net_wiznet::chip::W5500;
use embassy_net_wiznet::{Device, Runner, State};
use embassy_rp::clocks::RoscRng;
use embassy_rp::flash::{Blocking, Flash};
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{DMA_CH0, DMA_CH1, FLASH, SPI0};
use embassy_rp::spi::{Async, Config, Spi};
use embassy_rp::{Peri, bind_interrupts, dma};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use panic_probe as _;
use static_cell::StaticCell;

bind_interrupts!(struct Irqs {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>;
});

type Bus = ExclusiveDevice<Spi<'static, SPI0, Async>, Output<'static>, Delay>;

static STATUS: Status = Status::new();
static STATE: StaticCell<State<8, 8>> = StaticCell::new();
static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let p = embassy_rp::init(embassy_rp::config::Config::default());

    // The W5500 of the board, by SPI.
    let mut config = Config::default();
    config.frequency = SPI_HZ;
    let (clock, to_chip, from_chip) = (p.PIN_18, p.PIN_19, p.PIN_16);
    let spi = Spi::new(p.SPI0, clock, to_chip, from_chip, p.DMA_CH0, p.DMA_CH1, Irqs, config);
    let select = Output::new(p.PIN_17, Level::High);
    let interrupt = Input::new(p.PIN_21, Pull::Up);
    let reset = Output::new(p.PIN_20, Level::High);

    let (device, runner) = unwrap!(
        embassy_net_wiznet::new(
            mac_address(&flash_id(p.FLASH)),
            STATE.init_with(State::new),
            unwrap!(ExclusiveDevice::new(spi, select, Delay)),
            interrupt,
            reset,
        )
        .await
    );
    spawner.spawn(unwrap!(ethernet(runner)));

    let config = embassy_net::Config::dhcpv4(embassy_net::DhcpConfig::default());
    let seed = RoscRng.next_u64();
    let (stack, runner) =
        embassy_net::new(device, config, RESOURCES.init_with(StackResources::new), seed);
    spawner.spawn(unwrap!(network(runner)));

    stack.wait_config_up().await;
    if let Some(config) = stack.config_v4() {
        info!("http://{}/", config.address.address());
    }
    for slot in 0..TASKS {
        spawner.spawn(unwrap!(server(stack, slot)));
    }
}

#[embassy_executor::task]
async fn ethernet(runner: Runner<'static, W5500, Bus, Input<'static>, Output<'static>>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn network(mut runner: embassy_net::Runner<'static, Device<'static>>) -> ! {
    runner.run().await
}

#[embassy_executor::task(pool_size = TASKS)]
async fn server(stack: Stack<'static>, slot: usize) -> ! {
    embassy_app::run(stack, &STATUS, |event| info!("slot {}: {}", slot, event)).await
}

/// Returns the unique number of the flash chip; the RP2040 has none.
fn flash_id(flash: Peri<'static, FLASH>) -> [u8; 8] {
    let mut id = [0; 8];
    unwrap!(Flash::<_, Blocking, FLASH_LEN>::new_blocking(flash).blocking_unique_id(&mut id));
    id
}

/// Bytes of flash on the board.
const FLASH_LEN: usize = 2 << 20;

/// The W5500 can do 80 MHz; beyond half of the RP2040's 125 MHz its SPI cannot.
const SPI_HZ: u32 = 50_000_000;
