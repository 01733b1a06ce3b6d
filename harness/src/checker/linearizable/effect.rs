//! What a call does to the state, found out once and kept in numbers.
//!
//! A model is asked about the same calls in the same states again and again. Of two sorts of calls
//! all answers can be known from one: of those that overwrite ([`Model::overwrites`]), and of those
//! to which one state makes a difference ([`Model::regards`]). States have numbers; so a read is
//! possible if two numbers are equal.
//!
//! If all calls of a part are of these two sorts, a state that no call regards is as good as any
//! other such state: whatever follows is possible from both or from none, and leads to the same.
//! So all of them are one, and the calls that lead there are twins. That is what keeps writes that
//! crashed, and that nobody ever read, from being tried in every combination.

use super::model::Regard;
use super::parts::number;
use super::table::Interned;
use super::timeline::{NONE, Op};
use super::{Call, Model};

/// What a call does in a state of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Effect {
    /// The model must be asked.
    Ask,
    /// It leads to this state from all.
    To(u32),
    /// One state makes a difference.
    At {
        /// That state.
        state: u32,
        /// Where it leads from there; [`NONE`] if it is impossible there.
        then: u32,
        /// Whether it is possible in all other states, which it leaves as they are.
        elsewhere: bool,
    },
}

/// The answer cannot come true in the state that is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Impossible;

impl Effect {
    /// What a call does, by the model. States that are met get numbers.
    pub(super) fn of<M: Model>(
        model: &M,
        call: &Call<M::Input, M::Output>,
        overwrites: bool,
        states: &mut Interned<M::State>,
    ) -> Self {
        let (input, output) = (&call.input, call.output.as_ref());
        if overwrites {
            let after = model.step(states.get(0), input, output);
            return after.map_or(Self::Ask, |after| Self::To(states.number(after)));
        }
        let Some(Regard { state, elsewhere }) = model.regards(input, output) else {
            return Self::Ask;
        };
        let then = match model.step(&state, input, output) {
            Some(then) if then == state => None,
            Some(then) => Some(states.number(then)),
            None => Some(NONE),
        };
        let state = states.number(state);
        Self::At { state, then: then.unwrap_or(state), elsewhere }
    }

    /// Whether the answer is possible in a state; `None` if the model must be asked.
    #[inline]
    pub(super) fn allows(self, at: u32) -> Option<bool> {
        self.after(at).map(|after| after.is_ok())
    }

    /// The state that follows on a state; `None` if the model must be asked.
    #[inline]
    pub(super) fn after(self, at: u32) -> Option<Result<u32, Impossible>> {
        match self {
            Self::Ask => None,
            Self::To(to) => Some(Ok(to)),
            Self::At { state, then: NONE, .. } if at == state => Some(Err(Impossible)),
            Self::At { state, then, .. } if at == state => Some(Ok(then)),
            Self::At { elsewhere, .. } => Some(if elsewhere { Ok(at) } else { Err(Impossible) }),
        }
    }

    /// The state to which it leads from another one, if there is one.
    #[inline]
    pub(super) const fn leads_to(self) -> Option<u32> {
        match self {
            Self::To(to) => Some(to),
            Self::At { state, then, .. } if then != NONE && then != state => Some(then),
            Self::Ask | Self::At { .. } => None,
        }
    }

    /// Whether it leads there whenever it takes effect.
    pub(super) const fn is_certain(self) -> bool {
        !matches!(self, Self::At { elsewhere: true, .. }) && self.leads_to().is_some()
    }

    /// The only state in which it is possible, if there is only one.
    #[inline]
    pub(super) const fn needs(self) -> Option<u32> {
        match self {
            Self::At { state, then, elsewhere: false } if then != NONE => Some(state),
            Self::Ask | Self::To(_) | Self::At { .. } => None,
        }
    }
}

/// Makes one of all states that no call regards, of so many states. Whether all effects are known:
/// a call about which the model must be asked might regard them all.
pub(super) fn merge(states: usize, ops: &mut [Op]) -> bool {
    let mut regarded = vec![false; states];
    for op in ops.iter() {
        match op.effect {
            Effect::Ask => return false,
            Effect::At { state, .. } => regarded[state as usize] = true,
            Effect::To(_) => {}
        }
    }
    let Some(first) = regarded.iter().position(|regarded| !regarded) else { return true };
    for op in ops {
        match &mut op.effect {
            Effect::To(to) | Effect::At { then: to, .. }
                if *to != NONE && !regarded[*to as usize] =>
            {
                *to = number(first);
            }
            Effect::Ask | Effect::To(_) | Effect::At { .. } => {}
        }
    }
    true
}

/// The calls that lead to each state from another one.
#[derive(Clone, Debug, Default)]
pub(super) struct Leading {
    /// Where those begin that lead to each state, and where the last of them end.
    begin: Vec<u32>,
    /// Numbers of calls, in order for each state.
    calls: Vec<u32>,
}

impl Leading {
    /// Of calls whose effects are all known, and of so many states.
    pub(super) fn new(ops: &[Op], states: usize) -> Self {
        let leading = ops
            .iter()
            .zip(0..number(ops.len()))
            .filter_map(|(op, call)| Some((op.effect.leads_to()?, call)));
        let mut begin = vec![0; states + 1];
        leading.clone().for_each(|(state, _)| begin[state as usize] += 1);
        let mut end = 0;
        for begin in &mut begin {
            end += *begin;
            *begin = end;
        }
        let mut calls = vec![0; end as usize];
        for (state, call) in leading.rev() {
            let begin = &mut begin[state as usize];
            *begin -= 1;
            calls[*begin as usize] = call;
        }
        Self { begin, calls }
    }

    /// Those that lead to a state; `None` if nobody knows, since not all effects are known.
    pub(super) fn to(&self, state: u32) -> Option<&[u32]> {
        let [begin, end] = *self.begin.get(state as usize..)?.first_chunk()?;
        self.calls.get(begin as usize..end as usize)
    }

    /// Bytes on the heap.
    pub(super) const fn bytes(&self) -> usize {
        (self.begin.capacity() + self.calls.capacity()) * size_of::<u32>()
    }
}
