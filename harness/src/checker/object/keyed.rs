//! Many objects of one sort, each under its key.

use super::super::linearizable::{Model, Part, Regard, Viable};

/// Independent objects of the same model. One without a key is the only one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed<M>(pub(super) M);

/// What is asked of which of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Asked<I> {
    pub(super) key: Option<String>,
    pub(super) input: I,
}

impl<M: Model> Model for Keyed<M> {
    type State = M::State;
    type Input = Asked<M::Input>;
    type Output = M::Output;

    fn initial(&self) -> M::State {
        self.0.initial()
    }

    fn step(
        &self,
        state: &M::State,
        asked: &Self::Input,
        output: Option<&M::Output>,
    ) -> Option<M::State> {
        self.0.step(state, &asked.input, output)
    }

    fn part<'i>(&self, asked: &'i Self::Input) -> Part<'i> {
        asked.key.as_deref().map_or(Part::Whole, Part::Named)
    }

    fn only_observes(&self, asked: &Self::Input, output: Option<&M::Output>) -> bool {
        self.0.only_observes(&asked.input, output)
    }

    fn overwrites(&self, asked: &Self::Input, output: Option<&M::Output>) -> bool {
        self.0.overwrites(&asked.input, output)
    }

    fn is_blind(&self, asked: &Self::Input, output: Option<&M::Output>) -> bool {
        self.0.is_blind(&asked.input, output)
    }

    fn regards(&self, asked: &Self::Input, output: Option<&M::Output>) -> Option<Regard<M::State>> {
        self.0.regards(&asked.input, output)
    }

    fn viable(&self, state: &M::State, asked: &Self::Input, output: &M::Output) -> Viable {
        self.0.viable(state, &asked.input, output)
    }

    fn viable_after(
        &self,
        state: &M::State,
        (blind, answer): (&Self::Input, Option<&M::Output>),
        asked: &Self::Input,
        output: &M::Output,
    ) -> Viable {
        self.0.viable_after(state, (&blind.input, answer), &asked.input, output)
    }

    fn allows(&self, state: &M::State, asked: &Self::Input, output: Option<&M::Output>) -> bool {
        self.0.allows(state, &asked.input, output)
    }

    fn bytes(&self, state: &M::State) -> usize {
        self.0.bytes(state)
    }

    fn describe(&self, asked: &Self::Input, output: Option<&M::Output>) -> String {
        self.0.describe(&asked.input, output)
    }
}
