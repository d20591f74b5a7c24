//! From the first connection to the last.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use wirelet_host::{Certificates, Drain, Server};

use super::access_log::AccessLog;
#[cfg(unix)]
use super::exec::Exec;
use super::front::Front;
use super::metrics::Metrics;
use super::notify;
use super::signals::{Asked, Signals};
use crate::fail;

/// All that listens.
pub(super) struct Running {
    pub(super) server: Server<Front>,
    pub(super) metrics: Option<Server<Metrics>>,
    pub(super) certificates: Option<Certificates>,
    pub(super) access_log: Option<Arc<AccessLog>>,
    pub(super) signals: io::Result<Signals>,
    pub(super) drain: Drain,
    #[cfg(unix)]
    pub(super) exec: Option<Exec>,
}

impl Running {
    /// Serves until a signal asks to end and all has ended, or until another asks to end at once.
    pub(super) async fn until_asked(self) -> ExitCode {
        let shutdown = self.server.shutdown();
        let notifying = tokio::spawn(notify::keep(self.server.liveness()));
        // To the end of the program, so that it can tell of the shutdown.
        let metrics = self.metrics.map(|metrics| {
            tokio::spawn(async {
                if let Err(error) = metrics.run().await {
                    tracing::error!("the metrics are not served: {error}");
                }
            })
        });
        let asked = async {
            let mut signals = match self.signals {
                Ok(signals) => signals,
                Err(error) => {
                    tracing::error!("signals are not handled: {error}");
                    std::future::pending().await
                }
            };
            let mut is_ending = false;
            loop {
                match signals.next().await {
                    Asked::Reload => {
                        notify::reloading(|| {
                            reload(self.certificates.as_ref(), self.access_log.as_deref());
                        });
                    }
                    Asked::End(code) if is_ending => return code,
                    Asked::End(_) => {
                        is_ending = true;
                        // Its threads end one by one.
                        notifying.abort();
                        notify::stopping();
                        let shutdown = shutdown.clone();
                        tokio::spawn(async move { shutdown.drain(self.drain).await });
                    }
                }
            }
        };
        let serving = async {
            let served = self.server.run().await;
            #[cfg(unix)]
            if let Some(exec) = &self.exec {
                exec.ended().await;
            }
            served
        };
        let code = tokio::select! {
            served = serving => match served {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&format!("cannot serve: {error}")),
            },
            code = asked => {
                #[cfg(unix)]
                if let Some(exec) = &self.exec {
                    exec.kill().await;
                }
                code.into()
            }
        };
        if let Some(metrics) = metrics {
            metrics.abort();
            let _ = metrics.await; // so that its Unix socket is gone
        }
        code
    }
}

fn reload(certificates: Option<&Certificates>, access_log: Option<&AccessLog>) {
    match certificates.map(Certificates::reload) {
        Some(Err(error)) => tracing::error!("the old certificate goes on: {error}"),
        Some(Ok(())) => tracing::info!("the certificate was read again"),
        None => {}
    }
    match access_log.map(AccessLog::reopen) {
        Some(Err(why)) => tracing::error!("the old access log goes on: {why}"),
        Some(Ok(())) => tracing::info!("the access log was opened again"),
        None => {}
    }
}
