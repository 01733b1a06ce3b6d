//! Batches that stand one behind the other, as logs and Fetch responses hold them.

use bytes::Bytes;

use super::{BatchError, BatchHeader};

/// A batch: its header, and all its bytes with the header among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The header.
    pub header: BatchHeader,
    /// The whole batch; a slice of what was iterated over.
    pub bytes: Bytes,
}

/// Goes through batches one by one; checksums are not looked at.
///
/// Ends after the last batch, or with one error: what is left is then no whole batch. A cut last
/// batch ([`BatchError::HeaderCut`], [`BatchError::BatchCut`]) is how a Fetch response of Kafka's
/// may end that reached its size limit.
///
/// ```
/// use bytes::Bytes;
/// use highwater::protocol::Batches;
///
/// assert_eq!(Batches::new(Bytes::new()).count(), 0);
/// assert!(Batches::new(Bytes::from_static(b"rubbish")).all(|batch| batch.is_err()));
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    rest: Bytes,
}

impl Batches {
    /// The batches that `bytes` consist of.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self { rest: bytes }
    }

    /// What has not been gone through; after an error, the bytes from the bad batch on are gone.
    #[must_use]
    pub fn rest(&self) -> &Bytes {
        &self.rest
    }

    fn take(&mut self) -> Result<Batch, BatchError> {
        let header = BatchHeader::parse(&self.rest)?;
        let (size, available) = (header.size(), self.rest.len());
        if size > available {
            return Err(BatchError::BatchCut { size, available });
        }
        Ok(Batch { header, bytes: self.rest.split_to(size) })
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let batch = self.take();
        if batch.is_err() {
            self.rest = Bytes::new();
        }
        Some(batch)
    }
}
