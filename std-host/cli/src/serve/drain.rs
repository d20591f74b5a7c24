//! How the server goes away, as arguments.

use std::time::Duration;

use clap::Args;
use wirelet_host::Drain;
use wirelet_host::wirelet::CloseCode;

/// How the server goes away.
#[derive(Args, Debug)]
pub(super) struct DrainArgs {
    /// Seconds for which the server goes on to accept after the first signal, while /healthz of --metrics
    /// answers 503, so that a load balancer takes it out
    #[arg(long = "drain-delay", value_name = "SECONDS", default_value_t = 0)]
    delay: u64,
    /// Seconds over which the closes of all connections are spread then, so that clients do not all come
    /// back at the same moment
    #[arg(long = "drain-time", value_name = "SECONDS", default_value_t = 0)]
    time: u64,
    /// The code of these closes: 1001 (going away) or 1012 (service restart)
    #[arg(long = "drain-code", value_name = "CODE", default_value_t = u64::from(CloseCode::GOING_AWAY.get()),
          value_parser = parse_code)]
    code: u64,
}

impl From<&DrainArgs> for Drain {
    fn from(args: &DrainArgs) -> Self {
        let is_restart = args.code == u64::from(CloseCode::SERVICE_RESTART.get());
        Self {
            delay: Duration::from_secs(args.delay),
            time: Duration::from_secs(args.time),
            code: if is_restart { CloseCode::SERVICE_RESTART } else { CloseCode::GOING_AWAY },
        }
    }
}

/// A number, so that it is one in the settings file.
fn parse_code(code: &str) -> Result<u64, &'static str> {
    match code {
        "1001" => Ok(1001),
        "1012" => Ok(1012),
        _ => Err("the code is 1001 or 1012"),
    }
}
