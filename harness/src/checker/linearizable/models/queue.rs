//! A queue: first in, first out.

use std::collections::VecDeque;

use super::super::Model;

/// A queue of numbers, empty at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue;

/// What is asked of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// Put this at the end.
    Enqueue(i64),
    /// Take away the first.
    Dequeue,
}

/// What a queue answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Output {
    /// To an enqueue.
    Done,
    /// To a dequeue: what was taken, or nothing if the queue was empty.
    Taken(Option<i64>),
}

impl Model for Queue {
    type State = VecDeque<i64>;
    type Input = Input;
    type Output = Output;

    fn initial(&self) -> VecDeque<i64> {
        VecDeque::new()
    }

    fn step(
        &self,
        queue: &VecDeque<i64>,
        input: &Input,
        output: Option<&Output>,
    ) -> Option<VecDeque<i64>> {
        if !self.allows(queue, input, output) {
            return None;
        }
        let mut queue = queue.clone();
        match input {
            Input::Enqueue(number) => queue.push_back(*number),
            Input::Dequeue => drop(queue.pop_front()),
        }
        Some(queue)
    }

    /// A dequeue that found nothing takes nothing.
    fn only_observes(&self, input: &Input, output: Option<&Output>) -> bool {
        matches!((input, output), (Input::Dequeue, Some(Output::Taken(None))))
    }

    fn allows(&self, queue: &VecDeque<i64>, input: &Input, output: Option<&Output>) -> bool {
        match (input, output) {
            (Input::Enqueue(_), Some(Output::Done)) | (_, None) => true,
            (Input::Dequeue, Some(Output::Taken(taken))) => queue.front() == taken.as_ref(),
            (Input::Enqueue(_), Some(Output::Taken(_))) | (Input::Dequeue, Some(Output::Done)) => {
                false
            }
        }
    }

    fn bytes(&self, queue: &VecDeque<i64>) -> usize {
        size_of_val(queue) + queue.capacity() * size_of::<i64>()
    }
}
