//! WebSocket echo and a status page on the Nucleo-H743ZI: clocks, Ethernet, tasks.
//!
//! What is served is in `embassy_app`.
#![no_std]
#![no_main]

use defmt::{info, unwrap};
use defmt_rtt as _;
use embassy_app::{SOCKETS, Status, TASKS, mac_address};
use embassy_executor::Spawner;
use embassy_net::{Stack, StackResources};
use embassy_stm32::eth::{Ethernet, GenericPhy, PacketQueue, Sma};
use embassy_stm32::peripherals::{self, ETH, ETH_SMA};
use embassy_stm32::rng::Rng;
use embassy_stm32::{Config, bind_interrupts, eth, rng, uid};
use panic_probe as _;
use static_cell::StaticCell;

bind_interrupts!(struct Irqs {
    ETH => eth::InterruptHandler;
    RNG => rng::InterruptHandler<peripherals::RNG>;
});

type Nic = Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>;

static STATUS: Status = Status::new();
static PACKETS: StaticCell<PacketQueue<4, 4>> = StaticCell::new();
static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let p = embassy_stm32::init(clocks());

    let mut seed = [0; 8];
    unwrap!(Rng::new(p.RNG, Irqs).async_fill_bytes(&mut seed).await);

    // The LAN8742A of the board, by RMII: UM2407, table "Ethernet pins".
    let nic = Ethernet::new(
        PACKETS.init_with(PacketQueue::new),
        p.ETH,
        Irqs,
        p.PA1,  // reference clock
        p.PA7,  // carrier sense, data valid
        p.PC4,  // receive 0
        p.PC5,  // receive 1
        p.PG13, // transmit 0
        p.PB13, // transmit 1
        p.PG11, // transmit enable
        mac_address(&uid::uid()),
        p.ETH_SMA,
        p.PA2, // management data
        p.PC1, // management clock
    );

    let config = embassy_net::Config::dhcpv4(embassy_net::DhcpConfig::default());
    let (stack, runner) = embassy_net::new(
        nic,
        config,
        RESOURCES.init_with(StackResources::new),
        u64::from_le_bytes(seed),
    );
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
async fn network(mut runner: embassy_net::Runner<'static, Nic>) -> ! {
    runner.run().await
}

#[embassy_executor::task(pool_size = TASKS)]
async fn server(stack: Stack<'static>, slot: usize) -> ! {
    embassy_app::run(stack, &STATUS, |event| info!("slot {}: {}", slot, event)).await
}

/// 400 MHz from the internal oscillator, 200 MHz on the buses, and the 48 MHz of the RNG.
fn clocks() -> Config {
    use embassy_stm32::rcc::{
        AHBPrescaler, APBPrescaler, HSIPrescaler, Hsi48Config, Pll, PllDiv, PllMul, PllPreDiv,
        PllSource, Sysclk, VoltageScale,
    };

    let mut config = Config::default();
    config.rcc.hsi = Some(HSIPrescaler::DIV1);
    config.rcc.hsi48 = Some(Hsi48Config::default());
    config.rcc.pll1 = Some(Pll {
        source: PllSource::HSI, // 64 MHz
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL50,
        fracn: None,
        divp: Some(PllDiv::DIV2),
        divq: None,
        divr: None,
    });
    config.rcc.sys = Sysclk::PLL1_P;
    config.rcc.ahb_pre = AHBPrescaler::DIV2;
    config.rcc.apb1_pre = APBPrescaler::DIV2;
    config.rcc.apb2_pre = APBPrescaler::DIV2;
    config.rcc.apb3_pre = APBPrescaler::DIV2;
    config.rcc.apb4_pre = APBPrescaler::DIV2;
    config.rcc.voltage_scale = VoltageScale::Scale1;
    config
}
