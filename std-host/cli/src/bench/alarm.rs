//! Waiting to the microsecond, which a poll does not: it counts in milliseconds.

pub(super) use imp::Alarm;

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::os::fd::{AsRawFd as _, OwnedFd};
    use std::time::{Duration, Instant};

    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    /// Ends a poll at a given moment.
    #[derive(Debug)]
    pub(in super::super) struct Alarm(OwnedFd);

    impl Alarm {
        pub(in super::super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
            let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
            Ok(Self(timer))
        }

        /// Replaces the moment that was set before; returns when a poll must end by itself, if it must.
        pub(in super::super) fn set(
            &self,
            at: Instant,
            now: Instant,
        ) -> io::Result<Option<Instant>> {
            // 0 would mean never.
            let wait = at.saturating_duration_since(now).max(Duration::from_nanos(1));
            let value = Itimerspec {
                it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: wait.try_into().map_err(io::Error::other)?,
            };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &value)?;
            Ok(None)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;
    use std::time::Instant;

    use mio::{Registry, Token};

    /// Ends a poll at about a given moment.
    #[derive(Debug)]
    pub(in super::super) struct Alarm;

    impl Alarm {
        pub(in super::super) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
            Ok(Self)
        }

        /// Replaces the moment that was set before; returns when a poll must end by itself, if it must.
        #[expect(clippy::unused_self, reason = "Linux has something to set")]
        pub(in super::super) fn set(
            &self,
            at: Instant,
            _now: Instant,
        ) -> io::Result<Option<Instant>> {
            Ok(Some(at))
        }
    }
}
