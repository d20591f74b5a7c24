//! WebSocket echo and a status page on the ESP32-C3: Wi-Fi, tasks.
//!
//! What is served is in `embassy_app`.
#![no_std]
#![no_main]

use defmt::{info, unwrap, warn};
use embassy_app::{SOCKETS, Status, TASKS};
use embassy_executor::Spawner;
use embassy_net::{DhcpConfig, Runner, Stack, StackResources};
use embassy_time::Timer;
use esp_backtrace as _;
use esp_hal::clock::CpuClock;
use esp_hal::ram;
use esp_hal::rng::Rng;
use esp_hal::timer::timg::TimerGroup;
use esp_println as _;
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{
    AuthenticationMethodConfig, Config, ControllerConfig, Interface, WifiController, WifiError,
};
use static_cell::StaticCell;

const SSID: &str = env!("WIFI_SSID", "set WIFI_SSID to the name of the Wi-Fi network");
const PASSWORD: &str =
    env!("WIFI_PASSWORD", "set WIFI_PASSWORD to that of the Wi-Fi network; empty if it has none");

static STATUS: Status = Status::new();
static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();

esp_bootloader_esp_idf::esp_app_desc!();

#[esp_rtos::main]
async fn main(spawner: Spawner) {
    let p = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));

    // For the Wi-Fi driver alone. The first piece was the bootloader's.
    esp_alloc::heap_allocator!(#[ram(reclaimed)] size: 64 * 1024);
    esp_alloc::heap_allocator!(size: 36 * 1024);
    esp_rtos::start(TimerGroup::new(p.TIMG0).timer0, p.FROM_CPU_INTR0);

    let station = ControllerConfig::default().with_initial_config(unwrap!(station()));
    spawner.spawn(unwrap!(wifi(unwrap!(WifiController::new(p.WIFI, station)))));

    let config = embassy_net::Config::dhcpv4(DhcpConfig::default());
    let rng = Rng::new(); // a true one, since the radio is on
    let seed = u64::from(rng.random()) << 32 | u64::from(rng.random());
    let (stack, runner) = embassy_net::new(
        Interface::station(),
        config,
        RESOURCES.init_with(StackResources::new),
        seed,
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

/// Joins the network, and joins it again whenever it is lost.
#[embassy_executor::task]
async fn wifi(mut controller: WifiController<'static>) -> ! {
    loop {
        match controller.connect_async().await {
            Ok(access_point) => {
                info!("joined {}", access_point);
                match controller.wait_for_disconnect_async().await {
                    Ok(lost) => warn!("lost {}", lost),
                    Err(error) => warn!("lost: {}", error),
                }
            }
            Err(error) => warn!("cannot join {}: {}", SSID, error),
        }
        Timer::after_secs(RETRY_SECONDS).await;
    }
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Interface>) -> ! {
    runner.run().await
}

#[embassy_executor::task(pool_size = TASKS)]
async fn server(stack: Stack<'static>, slot: usize) -> ! {
    embassy_app::run(stack, &STATUS, |event| info!("slot {}: {}", slot, event)).await
}

/// What the environment of the build said.
fn station() -> Result<Config, WifiError> {
    let authentication = if PASSWORD.is_empty() {
        AuthenticationMethodConfig::Open
    } else {
        AuthenticationMethodConfig::Wpa2Personal(PASSWORD.try_into()?)
    };
    Ok(Config::Station(
        StationConfig::default().with_ssid(SSID.try_into()?).with_authentication(authentication),
    ))
}

const RETRY_SECONDS: u64 = 5;
