//! What models say of their calls beside what these do. No verdict follows from it, but the time
//! that a verdict takes.

use super::super::models::key_value::{self, Command, KeyValue};
use super::super::models::log::{self, AppendLog};
use super::super::models::queue::{self, Queue};
use super::super::models::register::{self, Register};
use super::super::models::set::{self, Set};
use super::super::{Model, Part, Regard};

/// All that a model says of a call.
fn hooks<M: Model>(
    model: M,
    state: &M::State,
    (input, output): (&M::Input, &M::Output),
) -> (bool, bool, bool, bool, usize, String) {
    (
        model.only_observes(input, Some(output)),
        model.overwrites(input, Some(output)),
        model.is_blind(input, Some(output)),
        model.allows(state, input, Some(output)),
        model.bytes(state),
        model.describe(input, Some(output)),
    )
}

/// Whether a call only observes, whether it overwrites, and whether it is blind. A reference to a
/// model says the same as the model.
fn said<M: Model>(model: M, input: M::Input, output: M::Output) -> (bool, bool, bool) {
    let state = model.initial();
    let call = (&input, &output);
    let by_reference = hooks(&model, &state, call);
    let told = hooks(model, &state, call);
    assert_eq!(told, by_reference);
    (told.0, told.1, told.2)
}

/// A call regards one state, or the law does not hold for it.
#[test]
fn registers_treat_all_states_alike_but_the_one_that_a_call_regards() {
    use register::Input::{CompareAndSet, Read, Write};
    use register::Output::{Matched, Value, Written};
    let model = &Register::new();
    let states = [None, Some(0), Some(1), Some(2)];
    let mut inputs = vec![Read, Write(1)];
    for expected in 0..2 {
        inputs.extend((0..2).map(|new| CompareAndSet { expected, new }));
    }
    let mut outputs = vec![None, Some(Written), Some(Matched(true)), Some(Matched(false))];
    outputs.extend(states.map(|state| Some(Value(state))));
    let mut regarding = 0;
    for input in &inputs {
        for output in outputs.iter().map(Option::as_ref) {
            let Some(Regard { state, elsewhere }) = (&model).regards(input, output) else {
                continue;
            };
            regarding += 1;
            for other in states.into_iter().filter(|other| *other != state) {
                let after = model.step(&other, input, output);
                assert_eq!(after, elsewhere.then_some(other), "{input:?} {output:?} in {other:?}");
            }
        }
    }
    // A read for each state, and each compare-and-set whether it matched, did not, or may have.
    assert_eq!(regarding, 4 + 4 * 3);
}

const OBSERVES: (bool, bool, bool) = (true, false, false);
const OVERWRITES: (bool, bool, bool) = (false, true, true);
const IS_BLIND: (bool, bool, bool) = (false, false, true);
const NONE: (bool, bool, bool) = (false, false, false);

#[test]
fn registers_say_what_their_calls_do() {
    use register::Input::{CompareAndSet, Read, Write};
    use register::Output::{Matched, Value, Written};
    let swap = CompareAndSet { expected: 1, new: 2 };
    let said = |input, output| said(Register::new(), input, output);
    assert_eq!(said(Read, Value(None)), OBSERVES);
    assert_eq!(said(Read, Value(Some(1))), OBSERVES);
    assert_eq!(said(Write(1), Written), OVERWRITES);
    assert_eq!(said(swap, Matched(true)), NONE);
    assert_eq!(said(swap, Matched(false)), OBSERVES);
}

#[test]
fn stores_say_what_their_calls_do() {
    let text = || "x".to_owned();
    let said =
        |command, output| said(KeyValue, key_value::Input { key: "a".to_owned(), command }, output);
    assert_eq!(said(Command::Get, key_value::Output::Text(text())), OBSERVES);
    assert_eq!(said(Command::Put(text()), key_value::Output::Done), OVERWRITES);
    assert_eq!(said(Command::Append(text()), key_value::Output::Done), IS_BLIND);
}

#[test]
fn logs_sets_and_queues_say_what_their_calls_do() {
    use log::Output::{Appended, Values};
    assert_eq!(said(AppendLog, log::Input::Append(vec![1]), Appended), NONE);
    assert_eq!(said(AppendLog, log::Input::Read { from: 0 }, Values(vec![])), OBSERVES);
    assert_eq!(said(AppendLog, log::Input::ReadTail { from: 0 }, Values(vec![1])), OBSERVES);

    use set::Output::{Done, WasIn};
    assert_eq!(said(Set, set::Input::Contains(1), WasIn(true)), OBSERVES);
    assert_eq!(said(Set, set::Input::Read, set::Output::Members([1].into())), OBSERVES);
    assert_eq!(said(Set, set::Input::Add(1), Done), NONE);
    // What it found already as it was to be was left as it was.
    assert_eq!(said(Set, set::Input::Add(1), WasIn(true)), OBSERVES);
    assert_eq!(said(Set, set::Input::Add(1), WasIn(false)), NONE);
    assert_eq!(said(Set, set::Input::Remove(1), WasIn(false)), OBSERVES);
    assert_eq!(said(Set, set::Input::Remove(1), WasIn(true)), NONE);

    use queue::Output::Taken;
    assert_eq!(said(Queue, queue::Input::Enqueue(1), queue::Output::Done), NONE);
    assert_eq!(said(Queue, queue::Input::Dequeue, Taken(None)), OBSERVES);
    assert_eq!(said(Queue, queue::Input::Dequeue, Taken(Some(1))), NONE);
}

/// Its own bytes and those that it has on the heap, within a factor of two.
fn weighs<M: Model>(model: &M, state: &M::State, heap: usize) {
    let (bytes, least) = (model.bytes(state), size_of_val(state) + heap);
    assert!((least..2 * least).contains(&bytes), "{bytes}, not {least}");
}

/// After so many calls, each as if nobody knew its answer.
fn after<M: Model>(model: &M, inputs: impl Iterator<Item = M::Input>) -> M::State {
    let step = |state: M::State, input| model.step(&state, &input, None).expect("it can be done");
    inputs.fold(model.initial(), step)
}

#[test]
fn a_state_weighs_what_it_holds() {
    let register = Register { initial: Some(4) };
    weighs(&register, &register.initial(), 0);
    let put = Command::Put("x".repeat(1000));
    let put = key_value::Input { key: String::new(), command: put };
    weighs(&KeyValue, &after(&KeyValue, [put].into_iter()), 1000);
    weighs(&AppendLog, &after(&AppendLog, (0..100).map(|n| log::Input::Append(vec![n]))), 800);
    weighs(&Queue, &after(&Queue, (0..100).map(queue::Input::Enqueue)), 800);
    // A node of a tree is about half full.
    weighs(&Set, &after(&Set, (0..100).map(set::Input::Add)), 1600);
}

/// A model that says nothing about its calls, so that nothing follows.
struct Counter;

impl Model for Counter {
    type State = u64;
    type Input = ();
    type Output = u64;

    fn initial(&self) -> u64 {
        0
    }

    fn step(&self, state: &u64, (): &(), output: Option<&u64>) -> Option<u64> {
        output.is_none_or(|output| output == state).then_some(state + 1)
    }
}

#[test]
fn a_model_need_not_say_anything() {
    assert_eq!(said(Counter, (), 0), NONE);
    assert_eq!(Counter.part(&()), Part::Whole);
    assert!(Counter.allows(&5, &(), Some(&5)) && !Counter.allows(&5, &(), Some(&6)));
    weighs(&Counter, &5, 0);
}
