//! What systemd is told of the server, if it asks for that by `NOTIFY_SOCKET`: `sd_notify(3)`, `sd_watchdog_enabled(3)`.

#[cfg(target_os = "linux")]
pub(super) use linux::{keep, reloading, stopping};
#[cfg(not(target_os = "linux"))]
pub(super) use nobody::{keep, reloading, stopping};

#[cfg(target_os = "linux")]
mod linux {
    use std::env;
    use std::ffi::OsStr;
    use std::io;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};
    use tokio::time::MissedTickBehavior;
    use wirelet_host::Liveness;

    /// Tells that the server is ready, once its threads run; then tells the watchdog that they go on, if there is
    /// one.
    pub(in crate::serve) async fn keep(liveness: Liveness) {
        liveness.check().await;
        send("READY=1");
        let Some(limit) = watchdog() else { return };
        // `sd_watchdog_enabled(3)`: "every half of the time returned here".
        let mut ticks = tokio::time::interval(limit / 2);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            liveness.check().await;
            send("WATCHDOG=1");
        }
    }

    /// Tells that files are read again, around what does that.
    pub(in crate::serve) fn reloading(reload: impl FnOnce()) {
        let now = clock_gettime(ClockId::Monotonic);
        let us = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        send(&format!("RELOADING=1\nMONOTONIC_USEC={us}"));
        reload();
        send("READY=1");
    }

    /// Tells that the server goes away.
    pub(in crate::serve) fn stopping() {
        send("STOPPING=1");
    }

    /// How long the watchdog waits for a sign of life, if it is this process that it looks after.
    fn watchdog() -> Option<Duration> {
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        let us = number("WATCHDOG_USEC").filter(|us| *us > 0)?;
        let is_other =
            number("WATCHDOG_PID").is_some_and(|pid| pid != u64::from(std::process::id()));
        (!is_other).then(|| Duration::from_micros(us))
    }

    fn send(state: &str) {
        let Some(place) = env::var_os("NOTIFY_SOCKET") else { return };
        if let Err(error) = try_send(&place, state) {
            let place = place.display();
            tracing::warn!("systemd cannot be told {state:?} at {place} (NOTIFY_SOCKET): {error}");
        }
    }

    fn try_send(place: &OsStr, state: &str) -> io::Result<()> {
        let address = match place.as_bytes() {
            // A name that is in no file system begins with a zero byte, which no variable can have.
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(place)?,
        };
        let socket = UnixDatagram::unbound()?;
        // A service manager that does not read keeps no worker waiting.
        socket.set_nonblocking(true)?;
        socket.send_to_addr(state.as_bytes(), &address)?;
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod nobody {
    use wirelet_host::Liveness;

    pub(in crate::serve) async fn keep(_liveness: Liveness) {}

    pub(in crate::serve) fn reloading(reload: impl FnOnce()) {
        reload();
    }

    pub(in crate::serve) const fn stopping() {}
}
