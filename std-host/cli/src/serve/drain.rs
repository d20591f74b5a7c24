//! How the server goes away, as arguments.

use clap::Args;
use wirelet_host::Drain;
use wirelet_host::wirelet::CloseCode;

use crate::units::{Time, parse_time};

/// How the server goes away.
#[derive(Args, Debug)]
pub(super) struct DrainArgs {
    /// Time for which the server goes on to accept after the first signal, while /healthz of --metrics
    /// answers 503, so that a load balancer takes it out
    #[arg(long = "drain-delay", value_name = "TIME", default_value = "0", value_parser = parse_time)]
    delay: Time,
    /// Time over which the closes of all connections are spread then, so that clients do not all come
    /// back at the same moment; 0: all at once
    #[arg(long = "drain-time", value_name = "TIME", default_value = "0", value_parser = parse_time)]
    time: Time,
    /// The code of these closes: 1001 (going away) or 1012 (service restart)
    #[arg(long = "drain-code", value_name = "CODE", default_value_t = u64::from(CloseCode::GOING_AWAY.get()),
          value_parser = parse_code)]
    code: u64,
}

impl From<&DrainArgs> for Drain {
    fn from(args: &DrainArgs) -> Self {
        let is_restart = args.code == u64::from(CloseCode::SERVICE_RESTART.get());
        Self {
            delay: args.delay.0,
            time: args.time.0,
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
