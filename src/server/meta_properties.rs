//! `meta.properties`: whose data directory this is, and how often a broker has been started on it.
//!
//! A node that cannot read who owns a directory must not guess. With a new identity the controllers
//! would take the logs in it for those of another directory; so a damaged file is an error at the
//! start, as in Kafka.
//!
//! The runs of a broker are counted here, durably and before it registers, so that the controllers
//! can tell a registration that comes late from one that is new ([`Incarnation`]). Kafka does not
//! count them, and overlooks the key.
//!
//! [`Incarnation`]: crate::types::Incarnation

use std::io;

use crate::config::{Config, Properties};
use crate::host::{Host, OpenMode};
use crate::types::{DirectoryId, NodeId};

/// Kafka's name of the file.
const META_PROPERTIES: &str = "meta.properties";
/// No such file is longer, in bytes.
const SIZE_MAX: u64 = 64 * 1024;
/// The one layout that is understood, as in every KRaft cluster.
const VERSION: &str = "1";
/// The key that counts the runs; a file that another program wrote has none.
const RUN: &str = "highwater.run";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    /// The cluster that the directory belongs to.
    pub(super) cluster_id: String,
    /// The directory's own identity.
    pub(super) directory: DirectoryId,
    /// How many runs of a broker there have been on it, this one included.
    pub(super) run: u64,
}

/// Why `meta.properties` does not tell whose data directory this is.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// The device failed.
    #[error("{META_PROPERTIES}: {0}")]
    Disk(#[from] io::Error),
    /// The file is not text, or too long for what it should be.
    #[error("{META_PROPERTIES} is no file of properties: {0}")]
    NotProperties(String),
    /// A key is missing that is always written.
    #[error("{META_PROPERTIES} does not say {key}: the file is damaged")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// The value of a key makes no sense.
    #[error("{META_PROPERTIES} says {key}={value}: must be {expected}")]
    Garbled {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The data directory belongs to another node.
    #[error("{META_PROPERTIES} says node.id={found}, the configuration says {expected}")]
    AnotherNode {
        /// What the file says.
        found: NodeId,
        /// What the configuration says.
        expected: NodeId,
    },
}

impl Meta {
    /// Reads the file, or makes one for a directory that has none, and counts a broker's run.
    pub(super) async fn open(host: &Host, config: &Config) -> Result<Self, MetaError> {
        let found = read(host)?.map(|text| Self::parse(&text, config.node_id)).transpose()?;
        let is_new = found.is_none();
        let mut meta = found.unwrap_or_else(|| {
            // Every node of a cluster must name it alike; without a format step the voters do.
            let directory = DirectoryId::from_words(host.dice.next_u64(), host.dice.next_u64());
            Self { cluster_id: cluster_id(config), directory, run: 0 }
        });
        let counts = config.roles.is_broker();
        meta.run = meta.run.saturating_add(u64::from(counts));
        if is_new || counts {
            meta.write(host, config.node_id).await?;
        }
        Ok(meta)
    }

    fn parse(text: &str, node: NodeId) -> Result<Self, MetaError> {
        let properties =
            Properties::parse(text).map_err(|error| MetaError::NotProperties(error.to_string()))?;
        let value = |key| properties.get(key).ok_or(MetaError::Missing { key });
        let garbled = |key, value: &str, expected| MetaError::Garbled {
            key,
            value: value.to_owned(),
            expected,
        };
        let version = value("version")?;
        if version != VERSION {
            return Err(garbled("version", version, VERSION));
        }
        let cluster_id = value("cluster.id")?;
        if cluster_id.is_empty() {
            return Err(garbled("cluster.id", cluster_id, "the cluster's identity"));
        }
        let node_id = value("node.id")?;
        let found = node_id.parse().map_err(|_| garbled("node.id", node_id, "a number"))?;
        if NodeId(found) != node {
            return Err(MetaError::AnotherNode { found: NodeId(found), expected: node });
        }
        let directory = value("directory.id")?;
        let directory = directory
            .parse()
            .map_err(|()| garbled("directory.id", directory, "22 characters of URL-safe base64"))?;
        let run = properties.get(RUN).unwrap_or("0");
        let run = run.parse().map_err(|_| garbled(RUN, run, "the number of the last run"))?;
        Ok(Self { cluster_id: cluster_id.to_owned(), directory, run })
    }

    async fn write(&self, host: &Host, node: NodeId) -> io::Result<()> {
        let text = format!(
            "version={VERSION}\ncluster.id={}\nnode.id={node}\ndirectory.id={}\n{RUN}={}\n",
            self.cluster_id, self.directory, self.run
        );
        let temporary = format!("{META_PROPERTIES}.tmp");
        if host.storage.exists(&temporary) {
            host.storage.remove_file(&temporary)?;
        }
        let file = host.storage.open(&temporary, OpenMode::CreateNew)?;
        file.write_at(0, &[text.as_bytes()])?;
        file.sync().await?;
        host.storage.rename(&temporary, META_PROPERTIES)?;
        host.storage.sync_dir("").await
    }
}

/// The file's text; `None` if there is no file.
fn read(host: &Host) -> Result<Option<String>, MetaError> {
    if !host.storage.exists(META_PROPERTIES) {
        return Ok(None);
    }
    let file = host.storage.open(META_PROPERTIES, OpenMode::Existing)?;
    let size = file.size()?;
    let fitting = usize::try_from(size).ok().filter(|_| size <= SIZE_MAX);
    let Some(fitting) = fitting else {
        return Err(MetaError::NotProperties(format!("{size} bytes are more than {SIZE_MAX}")));
    };
    let text = String::from_utf8(file.read_at(0, fitting)?.to_vec());
    text.map(Some).map_err(|error| MetaError::NotProperties(error.to_string()))
}

/// A name for the cluster that all its nodes derive alike from their configuration.
fn cluster_id(config: &Config) -> String {
    let mut words = [0_u32; 4];
    for voter in &config.quorum.voters {
        let text = voter.to_string();
        for (salt, word) in (0_u8..).zip(&mut words) {
            *word = crc32c::crc32c_append(*word, &[text.as_bytes(), &[salt]].concat());
        }
    }
    let high = u64::from(words[0]) << 32 | u64::from(words[1]);
    let low = u64::from(words[2]) << 32 | u64::from(words[3]);
    DirectoryId::from_words(high, low).to_string()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::host::tokio::TokioHost;

    #[tokio::test]
    async fn the_second_start_finds_what_the_first_has_written() {
        let directory = tempfile::tempdir().unwrap();
        let host = TokioHost::new(directory.path()).unwrap();
        let config = Config::embedded("unused");
        let first = Meta::open(&host, &config).await.unwrap();
        assert_eq!(first.run, 1);
        for run in 2..5 {
            let next = Meta { run, ..first.clone() };
            assert_eq!(Meta::open(&host, &config).await.unwrap(), next);
        }
    }

    #[tokio::test]
    async fn a_damaged_file_is_an_error_that_names_the_key_and_stays_as_it_is() {
        let good = "version=1\ncluster.id=c\nnode.id=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAA\n";
        assert!(Meta::parse(&format!("#Sun Nov 22\n{good}"), NodeId(1)).is_ok());
        let files: [&[u8]; 9] = [
            b"",
            b"\xff\xfe",
            b"version=0\n",
            b"version=1\nnode.id=1\n",
            &good.as_bytes()[..good.len() - 5],
            good.replace("node.id=1", "node.id=one").leak().as_bytes(),
            good.replace("node.id=1", "node.id=2").leak().as_bytes(),
            good.replace("directory.id=A", "highwater.run=-1\ndirectory.id=A").leak().as_bytes(),
            &[b'#'; 100_000],
        ];
        let mut told = String::new();
        for content in files {
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join(META_PROPERTIES), content).unwrap();
            let host = TokioHost::new(directory.path()).unwrap();
            let error = Meta::open(&host, &Config::embedded("unused")).await.unwrap_err();
            told.push_str(&format!("{error}\n"));
            assert_eq!(std::fs::read(directory.path().join(META_PROPERTIES)).unwrap(), content);
        }
        expect![[r#"
            meta.properties does not say version: the file is damaged
            meta.properties is no file of properties: invalid utf-8 sequence of 1 bytes from index 0
            meta.properties says version=0: must be 1
            meta.properties does not say cluster.id: the file is damaged
            meta.properties says directory.id=AAAAAAAAAAAAAAAAAA: must be 22 characters of URL-safe base64
            meta.properties says node.id=one: must be a number
            meta.properties says node.id=2, the configuration says 1
            meta.properties says highwater.run=-1: must be the number of the last run
            meta.properties is no file of properties: 100000 bytes are more than 65536
        "#]].assert_eq(&told);
    }
}
