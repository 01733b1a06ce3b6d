//! What an object promises, as a function.

use std::fmt::{self, Debug};
use std::hash::Hash;

/// An object as one client alone would see it: a state, and what each call does to it.
///
/// # The one thing to write
///
/// [`step`](Self::step) is asked about a call that takes effect in a known state: given what was
/// asked and what was answered, which state follows, or is the answer impossible? A model is
/// *sequential*: it knows no clocks, no concurrency and no faults. All of that is the search's
/// affair, which asks `step` about one order of the calls after another. So a model of a register
/// is three lines long, and that of a queue is five.
///
/// # Unknown answers
///
/// A client that timed out does not know whether its call took effect. The search tries both. If
/// it lets the call take effect, `step` gets `None` for the answer and must say what the call does
/// to the state, whatever it would have been answered. That is always `Some` state for an object
/// that can answer any call in any state; a compare-and-set that does not match leaves the state
/// as it is. Given state and input, the following state must be one: a model has no dice.
///
/// # What makes it fast
///
/// The other methods are optional and change no verdict, only the time that it takes. Each states
/// the law under which that is true; a model that breaks the law gets wrong verdicts.
///
/// - [`part`](Self::part): calls of different parts do not affect each other. Nothing else helps
///   as much: the search is exponential in the worst case, and a part is small.
/// - [`only_observes`](Self::only_observes): such a call never has to be tried twice in one state.
/// - [`overwrites`](Self::overwrites): other open calls may hide behind such a call.
/// - [`is_blind`](Self::is_blind): which ones may.
/// - [`regards`](Self::regards): what such a call does is known for all states from two of them, and
///   states that no call regards are as good as one.
/// - [`viable`](Self::viable): states from which an answer that is still to come cannot come true.
/// - [`viable_after`](Self::viable_after): the same after one call more, without making the state.
/// - [`allows`](Self::allows): as `step`, where only legality counts.
///
/// States are compared, hashed and kept, many of them. Equal states must be interchangeable; the
/// smaller they are, the better.
pub trait Model {
    /// What the object remembers.
    type State: Clone + Eq + Hash + Debug;
    /// What is asked.
    type Input: Eq + Hash + Debug;
    /// What is answered.
    type Output: Eq + Hash + Debug;

    /// The state, of each part, before anything happened.
    fn initial(&self) -> Self::State;

    /// The state after `input` was answered with `output` in `state`, or `None` if that answer is
    /// impossible there. `output` is `None` if nobody knows the answer: any may have been given.
    ///
    /// Only ever asked about inputs of one and the same part.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Option<Self::State>;

    /// Which independent part of the object the call is about, for example a key.
    ///
    /// The law: what a call is answered, and what it does, depends on calls of its part only.
    fn part<'i>(&self, input: &'i Self::Input) -> Part<'i> {
        let _ = input;
        Part::Whole
    }

    /// Whether a call with this answer leaves every state in which it is possible as it is: a
    /// read, or a compare-and-set that failed. Not a write that happens to write what is there.
    ///
    /// The law: `step(s, input, output)` is `None` or `Some(s)`, for every `s`.
    fn only_observes(&self, input: &Self::Input, output: Option<&Self::Output>) -> bool {
        let _ = (input, output);
        false
    }

    /// Whether a call with this answer is possible in every state, and leads to one and the same
    /// state from all of them: a write, but not a compare-and-set.
    ///
    /// The law: there is a state `t` such that `step(s, input, output)` is `Some(t)`, for every `s`.
    fn overwrites(&self, input: &Self::Input, output: Option<&Self::Output>) -> bool {
        let _ = (input, output);
        false
    }

    /// Whether a call with this answer is possible in every state: a write, or an append that was
    /// answered with no more than that it is done. Such a call does not look at the state, even if
    /// what it leaves depends on it. By default, only calls that overwrite are known to be blind.
    ///
    /// The law: `step(s, input, output)` is `Some`, for every `s`.
    fn is_blind(&self, input: &Self::Input, output: Option<&Self::Output>) -> bool {
        self.overwrites(input, output)
    }

    /// The one state that makes a difference to a call with this answer, if there is only one: that
    /// which a read told, or a compare-and-set expected.
    ///
    /// The law: for every state `s` but that one, `step(s, input, output)` is `Some(s)` if the
    /// regard's `elsewhere` is true, and `None` if it is not. Not asked about calls that overwrite.
    fn regards(
        &self,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Option<Regard<Self::State>> {
        let _ = (input, output);
        None
    }

    /// Whether `input` may be answered with `output` after some calls from `state` on, or none, of
    /// which none overwrites. A log that only grows must be a prefix of what will be read of it.
    ///
    /// Asked about calls that only observe. The law: it must be `Never` only if no calls lead there
    /// but such that overwrite (of those, the search takes care). Which of the two others it is
    /// changes nothing but the order in which possibilities are tried. By default, it is likely to
    /// be best if the answer fits at once.
    fn viable(&self, state: &Self::State, input: &Self::Input, output: &Self::Output) -> Viable {
        if self.allows(state, input, Some(output)) { Viable::Likely } else { Viable::Perhaps }
    }

    /// Whether `input` may be answered with `output` after a call that is blind and does not
    /// overwrite: as [`viable`](Self::viable) of the state after it. Override it if that can be
    /// told without making the state.
    fn viable_after(
        &self,
        state: &Self::State,
        (blind, answer): (&Self::Input, Option<&Self::Output>),
        input: &Self::Input,
        output: &Self::Output,
    ) -> Viable {
        let after = self.step(state, blind, answer);
        after.map_or(Viable::Never, |after| self.viable(&after, input, output))
    }

    /// Whether `step` has an answer: override it if that is cheaper than making a state.
    fn allows(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> bool {
        self.step(state, input, output).is_some()
    }

    /// The bytes that a state takes, roughly, those on the heap included: for the budget.
    fn bytes(&self, state: &Self::State) -> usize {
        size_of_val(state)
    }

    /// The call in words, for reports.
    fn describe(&self, input: &Self::Input, output: Option<&Self::Output>) -> String {
        match output {
            Some(output) => format!("{input:?} -> {output:?}"),
            None => format!("{input:?} -> unknown"),
        }
    }
}

impl<M: Model> Model for &M {
    type State = M::State;
    type Input = M::Input;
    type Output = M::Output;

    fn initial(&self) -> M::State {
        (**self).initial()
    }

    fn step(
        &self,
        state: &M::State,
        input: &M::Input,
        output: Option<&M::Output>,
    ) -> Option<M::State> {
        (**self).step(state, input, output)
    }

    fn part<'i>(&self, input: &'i M::Input) -> Part<'i> {
        (**self).part(input)
    }

    fn only_observes(&self, input: &M::Input, output: Option<&M::Output>) -> bool {
        (**self).only_observes(input, output)
    }

    fn overwrites(&self, input: &M::Input, output: Option<&M::Output>) -> bool {
        (**self).overwrites(input, output)
    }

    fn is_blind(&self, input: &M::Input, output: Option<&M::Output>) -> bool {
        (**self).is_blind(input, output)
    }

    fn regards(&self, input: &M::Input, output: Option<&M::Output>) -> Option<Regard<M::State>> {
        (**self).regards(input, output)
    }

    fn viable(&self, state: &M::State, input: &M::Input, output: &M::Output) -> Viable {
        (**self).viable(state, input, output)
    }

    fn viable_after(
        &self,
        state: &M::State,
        blind: (&M::Input, Option<&M::Output>),
        input: &M::Input,
        output: &M::Output,
    ) -> Viable {
        (**self).viable_after(state, blind, input, output)
    }

    fn allows(&self, state: &M::State, input: &M::Input, output: Option<&M::Output>) -> bool {
        (**self).allows(state, input, output)
    }

    fn bytes(&self, state: &M::State) -> usize {
        (**self).bytes(state)
    }

    fn describe(&self, input: &M::Input, output: Option<&M::Output>) -> String {
        (**self).describe(input, output)
    }
}

/// The one state that makes a difference to a call: see [`Model::regards`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Regard<S> {
    /// That state.
    pub state: S,
    /// Whether the call is possible in every other state, and leaves it as it is; or else in none.
    pub elsewhere: bool,
}

/// What can be said of a state and an answer that is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Viable {
    /// The state looks as if it were on the way.
    Likely,
    /// There is no telling.
    Perhaps,
    /// Nothing leads there from this state, unless it is overwritten.
    Never,
}

/// Names an independent part of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part<'i> {
    /// There is only one.
    Whole,
    /// The part of this number.
    Number(u64),
    /// The part of this name.
    Named(&'i str),
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the whole"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}
