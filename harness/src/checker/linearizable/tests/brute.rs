//! All permutations, and whether an order is one: too plain to be wrong.

use super::super::{Call, Model};

/// Whether any order explains the answers; for a handful of calls of one part.
pub(super) fn is_linearizable<M: Model>(model: &M, calls: &[Call<M::Input, M::Output>]) -> bool {
    let mut taken = vec![false; calls.len()];
    any_order(model, calls, &model.initial(), &mut taken, &|call| call.output.is_some())
}

/// Whether any order explains all that was answered before a time; what was open then may have
/// taken effect, as it did in the end.
pub(super) fn is_linearizable_before<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    time: u64,
) -> bool
where
    M::Input: Clone,
    M::Output: Clone,
{
    let calls: Vec<_> = calls.iter().filter(|call| call.called < time).cloned().collect();
    let must = |call: &Call<M::Input, M::Output>| {
        call.output.is_some() && call.returned.is_some_and(|returned| returned < time)
    };
    any_order(model, &calls, &model.initial(), &mut vec![false; calls.len()], &must)
}

fn any_order<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    state: &M::State,
    taken: &mut [bool],
    must: &impl Fn(&Call<M::Input, M::Output>) -> bool,
) -> bool {
    let left = |taken: &[bool], call: usize| !taken[call] && must(&calls[call]);
    if !(0..calls.len()).any(|call| left(taken, call)) {
        return true;
    }
    for call in 0..calls.len() {
        let early = |other: usize| left(taken, other) && comes_before(&calls[other], &calls[call]);
        if taken[call] || (0..calls.len()).any(early) {
            continue;
        }
        let Call { input, output, .. } = &calls[call];
        if let Some(state) = model.step(state, input, output.as_ref()) {
            taken[call] = true;
            if any_order(model, calls, &state, taken, must) {
                return true;
            }
            taken[call] = false;
        }
    }
    false
}

fn comes_before<I, O>(one: &Call<I, O>, other: &Call<I, O>) -> bool {
    one.output.is_some() && one.returned.is_some_and(|returned| returned < other.called)
}

/// Insists that an order keeps to time and explains all answers in it, and that it holds every
/// answered call that `must` says it must.
pub(super) fn must_explain<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    order: &[u32],
    must: impl Fn(usize) -> bool,
) {
    let mut state = model.initial();
    let mut places = vec![usize::MAX; calls.len()];
    for (at, place) in order.iter().enumerate() {
        let call = &calls[*place as usize];
        assert_eq!(places[*place as usize], usize::MAX, "{place} is twice in {order:?}");
        places[*place as usize] = at;
        let next = model.step(&state, &call.input, call.output.as_ref());
        state = next.unwrap_or_else(|| panic!("{call:?} is impossible in {state:?}: {order:?}"));
    }
    for (place, call) in calls.iter().enumerate() {
        if call.output.is_some() && must(place) {
            assert_ne!(places[place], usize::MAX, "{call:?} is not in {order:?}");
        }
        for (earlier, before) in calls.iter().enumerate() {
            if comes_before(before, call) && places[place] != usize::MAX {
                assert!(places[earlier] < places[place], "{before:?}, {call:?}: {order:?}");
            }
        }
    }
}
