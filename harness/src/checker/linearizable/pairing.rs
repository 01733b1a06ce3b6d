//! From events, as they are recorded, to calls, as they are judged.

use super::Call;

/// Half a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<I, O> {
    /// It was asked.
    Invoke(I),
    /// It was answered.
    Ok(O),
    /// It certainly had no effect, and never will.
    Fail,
    /// Nobody knows, and perhaps never will.
    Info,
}

/// Events that do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpaired {
    /// A process asks again while its last call is open.
    #[error("process {process} calls again before operation {open} completed")]
    StillOpen {
        /// The process.
        process: u64,
        /// The call that is open.
        open: u64,
    },
    /// A process is answered and has not asked.
    #[error("process {process} completes a call that it did not make")]
    NotCalled {
        /// The process.
        process: u64,
    },
}

/// Builds calls from events in the order in which they happened.
///
/// Failed calls are dropped, those with an unknown end stay open for ever, and so do those that
/// have no end. Times are places in the order of events, so that no two are equal.
#[derive(Clone, Debug)]
pub struct Pairing<I, O> {
    /// Calls in the order in which they were made; `None` for one that failed.
    calls: Vec<Option<Call<I, O>>>,
    /// The open call of each process that has one, as a place among the calls; by process. There
    /// are few, so that a list is faster than a tree.
    open: Vec<(u64, usize)>,
    /// Events so far.
    now: u64,
}

impl<I, O> Pairing<I, O> {
    /// Nothing happened yet.
    pub const fn new() -> Self {
        Self { calls: Vec::new(), open: Vec::new(), now: 0 }
    }

    /// Takes the next event. `operation` is the index to quote; a call has that of its invocation.
    ///
    /// # Errors
    /// The event does not follow from what the process did before. It is then left out, and the
    /// rest can be taken.
    pub fn event(
        &mut self,
        process: u64,
        operation: u64,
        event: Event<I, O>,
    ) -> Result<(), Unpaired> {
        let called = self.now;
        self.now += 1;
        match event {
            Event::Invoke(input) => self.invoke(process, operation, called, input)?,
            Event::Ok(output) => {
                if let Some(call) = self.close(process)? {
                    call.output = Some(output);
                    call.returned = Some(called);
                }
            }
            Event::Fail => *self.close(process)? = None,
            // It stays as it was made: without an answer, and open for ever.
            Event::Info => drop(self.close(process)?),
        }
        Ok(())
    }

    fn close(&mut self, process: u64) -> Result<&mut Option<Call<I, O>>, Unpaired> {
        let at = self.open_of(process).map_err(|_| Unpaired::NotCalled { process })?;
        let (_, place) = self.open.remove(at);
        Ok(self.calls.get_mut(place).expect("an open call's place is among the calls"))
    }

    fn invoke(
        &mut self,
        process: u64,
        operation: u64,
        called: u64,
        input: I,
    ) -> Result<(), Unpaired> {
        if let Some(call) = self.open_call(process) {
            return Err(Unpaired::StillOpen { process, open: call.operation });
        }
        let (Ok(at) | Err(at)) = self.open_of(process);
        self.open.insert(at, (process, self.calls.len()));
        let call = Call { process, input, output: None, called, returned: None, operation };
        self.calls.push(Some(call));
        Ok(())
    }

    /// What the process asked and has no answer to, for answers that do not repeat it.
    pub fn open_call(&self, process: u64) -> Option<&Call<I, O>> {
        let (_, place) = self.open[self.open_of(process).ok()?];
        self.calls[place].as_ref()
    }

    /// Where a process is among the open ones, or would be.
    fn open_of(&self, process: u64) -> Result<usize, usize> {
        self.open.binary_search_by_key(&process, |(process, _)| *process)
    }

    /// The calls, in the order in which they were made.
    pub fn finish(self) -> Vec<Call<I, O>> {
        self.calls.into_iter().flatten().collect()
    }
}

impl<I, O> Default for Pairing<I, O> {
    fn default() -> Self {
        Self::new()
    }
}
