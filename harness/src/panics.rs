//! Panics inside a simulation, noticed and remembered.
//!
//! A panic in a task on a simulated host would be swallowed by tokio, and the run would pass. So a
//! hook writes down every panic on a thread that runs a simulation, and the cluster looks after
//! each step. The hook is installed once per process and does nothing on other threads but call
//! its predecessor.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;
use std::thread;

/// A panic, as its message, place and stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// What it said and where.
    pub message: String,
    /// The stack, if `RUST_BACKTRACE` asks for it.
    pub backtrace: Option<String>,
}

#[derive(Default)]
struct Watch {
    watching: bool,
    quiet: bool,
    seen: Vec<Panicked>,
}

thread_local! {
    static WATCH: RefCell<Watch> = RefCell::default();
}

static HOOK: Once = Once::new();

/// Panics are rare, but a loop of them must not fill the memory.
const SEEN_MAX: usize = 16;

/// Notices panics on this thread from now on.
pub(crate) fn watch() {
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !notice(info) {
                previous(info);
            }
        }));
    });
    WATCH.with(|watch| watch.borrow_mut().watching = true);
}

/// How many panics this thread has seen.
pub fn seen() -> usize {
    WATCH.with(|watch| watch.borrow().seen.len())
}

/// The panic of this number.
pub fn nth(number: usize) -> Option<Panicked> {
    WATCH.with(|watch| watch.borrow().seen.get(number).cloned())
}

/// Writes the panic down; whether that is all that should happen.
fn notice(info: &PanicHookInfo<'_>) -> bool {
    let quiet = WATCH.try_with(|watch| {
        let Ok(mut watch) = watch.try_borrow_mut() else { return false };
        if watch.watching && watch.seen.len() < SEEN_MAX {
            watch.seen.push(describe(info));
        }
        watch.quiet
    });
    quiet.unwrap_or(false)
}

fn describe(info: &PanicHookInfo<'_>) -> Panicked {
    let text = info.payload_as_str().unwrap_or("a panic without words");
    let place = info.location().map(|at| format!(", at {at}")).unwrap_or_default();
    let backtrace = Backtrace::capture();
    let captured = backtrace.status() == BacktraceStatus::Captured;
    Panicked {
        message: format!("{text}{place}"),
        backtrace: captured.then(|| backtrace.to_string()),
    }
}

/// Runs something on a thread of its own, and returns its panic instead of passing it on.
///
/// Each simulation deserves a fresh thread: what the standard library keys by thread, such as the
/// seeds of its hash maps, is then the same for the first run as for the thousandth. The thread
/// has the name of this one, which in a test is the test's.
///
/// # Errors
/// The first panic, which is the cause of any that followed.
pub fn run_isolated<T: Send>(run: impl FnOnce() -> T + Send) -> Result<T, Panicked> {
    let name = thread::current().name().unwrap_or("simulation").to_owned();
    let body = || {
        watch();
        WATCH.with(|watch| watch.borrow_mut().quiet = true);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        outcome.map_err(|_| {
            nth(0).unwrap_or_else(|| Panicked {
                message: "a panic that no hook saw".to_owned(),
                backtrace: None,
            })
        })
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(name).stack_size(STACK);
        let running = thread.spawn_scoped(scope, body).expect("the machine has room for a thread");
        running.join().expect("panics were caught inside")
    })
}

/// Futures of a whole program, polled from one root in a debug build, are deep.
const STACK: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isolated_panic_comes_back_as_a_value() {
        let panicked = run_isolated(|| panic!("number {}", 7)).map(|()| 0).unwrap_err();
        assert!(panicked.message.starts_with("number 7, at "), "{}", panicked.message);
        assert_eq!(run_isolated(|| 7), Ok(7));
        assert_eq!(seen(), 0, "this thread saw nothing");
    }

    #[test]
    fn isolated_thread_has_the_name_of_the_test() {
        let name = run_isolated(|| thread::current().name().map(str::to_owned)).unwrap();
        assert_eq!(name.as_deref(), thread::current().name());
    }
}
