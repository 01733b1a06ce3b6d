//! Long commands: how many cores they may use, how long they take, and how they end before their
//! time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How many runs at a time.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The time of the machine, which only budgets and the length of a command are measured in.
#[expect(
    clippy::disallowed_methods,
    reason = "a command is outside of the simulations that it runs, and tells how long it took"
)]
pub(crate) fn wall_clock() -> Instant {
    Instant::now()
}

/// The first Ctrl-C or SIGTERM sets the flag that is returned, so that the runs under way can end; a
/// second one kills the process as usual.
pub(crate) fn end_cleanly() -> Result<&'static AtomicBool, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot listen for Ctrl-C: {error}"))?;
    #[expect(clippy::disallowed_methods, reason = "waits for Ctrl-C beside the simulations")]
    thread::spawn(move || {
        runtime.block_on(async {
            while asked_to_end().await.is_ok() {
                if INTERRUPTED.swap(true, Ordering::SeqCst) {
                    std::process::exit(130);
                }
            }
        });
    });
    Ok(&INTERRUPTED)
}

/// Waits for the next Ctrl-C, or the next SIGTERM where there is one: schedulers send it.
#[cfg(unix)]
async fn asked_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        biased;
        pressed = tokio::signal::ctrl_c() => pressed,
        received = terminate.recv() => received.ok_or_else(|| std::io::ErrorKind::Other.into()),
    }
}

#[cfg(not(unix))]
async fn asked_to_end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
