//! Catches the panic of a run, with its words and its place, and without noise.
//!
//! The payload of a panic does not say where it came from; only the hook is told. So a hook
//! listens on the threads of runs, notes what it hears, and leaves all other threads to the hook
//! that was there before.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

/// Panics noted per run. Those of tasks whose panic the runtime catches count as well.
const NOTED_MAX: usize = 64;

#[derive(Debug)]
struct Heard {
    words: String,
    place: String,
}

thread_local! {
    /// The panics of the run on this thread; none if no run is being listened to.
    static HEARD: RefCell<Option<Vec<Heard>>> = const { RefCell::new(None) };
}

/// Puts the listening hook in front of the present one, once for the process.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !note(info) {
                before(info);
            }
        }));
    });
}

/// Whether somebody on this thread listens.
fn note(info: &PanicHookInfo<'_>) -> bool {
    let noted = HEARD.try_with(|heard| {
        let Ok(mut heard) = heard.try_borrow_mut() else { return false };
        let Some(heard) = heard.as_mut() else { return false };
        if heard.len() < NOTED_MAX {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            heard.push(Heard { words: words(info.payload()), place });
        }
        true
    });
    noted.unwrap_or(false)
}

/// What `run` returns, or one sentence on how it panicked.
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    HEARD.with(|heard| *heard.borrow_mut() = Some(Vec::new()));
    // Nothing that a broken run leaves behind is looked at again: its thread ends.
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    let heard = HEARD.with(RefCell::take).unwrap_or_default();
    result.map_err(|payload| {
        let words = words(payload.as_ref());
        // The last with these words: earlier panics may have been caught by the run itself.
        match heard.iter().rev().find(|heard| heard.words == words) {
            Some(Heard { place, .. }) => format!("panicked at {place}: {words}"),
            None => format!("panicked: {words}"),
        }
    })
}

fn words(payload: &(dyn Any + Send)) -> String {
    let words = payload.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| payload.downcast_ref::<&str>().copied());
    crate::report::text::one_line(words.unwrap_or("(a panic without words)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_is_told_with_its_words_and_its_place() {
        install();
        let told = caught(|| -> () { panic!("node {} is\ngone", 7) }).unwrap_err();
        assert!(told.starts_with("panicked at harness/src/sweep/panics.rs:"), "{told}");
        assert!(told.ends_with(": node 7 is gone"), "{told}");
    }

    #[test]
    fn panic_that_the_run_caught_itself_is_not_blamed() {
        install();
        let told = caught(|| {
            assert!(panic::catch_unwind(|| panic!("caught")).is_err());
            panic::resume_unwind(Box::new(7_u8));
        });
        let told = told.map(|(): ()| ()).unwrap_err();
        assert_eq!(told, "panicked: (a panic without words)");
    }

    #[test]
    fn run_that_does_not_panic_returns() {
        install();
        assert_eq!(caught(|| 3), Ok(3));
    }
}
