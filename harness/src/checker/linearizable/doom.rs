//! A call that no order explains, found without a search.
//!
//! A call that is possible in one state only ([`Effect::needs`](super::effect::Effect::needs)) comes after one that leads there,
//! a *source*, or finds the state that was there before all. Take any call that leaves one known
//! state for certain and that returned before ours was made: from then on the old state is gone,
//! and a source must take effect after it, or be it. So a source must be called before ours returns, and must
//! return after the latest such call was made. If there is none, no order has our call, and
//! whatever the search does before, it will not pass that return; there it can stop at once.
//!
//! This is necessary, not sufficient. But it is what a read of something that was never written
//! looks like, or of something overwritten long ago, and of these a search would only be sure when
//! it had tried everything that came before. (Gibbons and Korach 1997 decide registers of unique
//! values by such conditions alone.)

use super::timeline::{NONE, Timeline};

/// The first event that no order can pass, being the return of such a call; [`NONE`] if there is
/// none to be seen. All effects must be known, and there are so many states.
pub(super) fn find(timeline: &Timeline, states: usize) -> u32 {
    // Times are numbers of events plus one, so that nothing is before the first.
    let mut latest_source = vec![0; states];
    let mut latest_certain = 0;
    let mut open = vec![(0, 0); timeline.slots as usize];
    for (event, at) in timeline.events.iter().zip(0_u32..) {
        let op = &timeline.ops[event.op() as usize];
        if !event.returns() {
            if let Some(to) = op.effect.leads_to() {
                let latest: &mut u32 = &mut latest_source[to as usize];
                *latest = (*latest).max(op.returned.saturating_add(1));
            }
            if op.slot != NONE {
                open[op.slot as usize] = (at + 1, latest_certain);
            }
            continue;
        }
        let (called, certain) = open[op.slot as usize];
        if let Some(state) = op.effect.needs() {
            let is_first = state == 0 && certain == 0;
            if !is_first && latest_source[state as usize] <= certain {
                return at;
            }
        }
        if op.effect.is_certain() {
            latest_certain = latest_certain.max(called);
        }
    }
    NONE
}
