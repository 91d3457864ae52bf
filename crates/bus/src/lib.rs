//! The only crate that speaks Kafka and the schema registry.
//!
//! [`Producer`] writes events in the order of its calls; [`Consumer`] reads partitions as a member of a group, from
//! positions that are kept elsewhere; [`Tail`] follows one topic without a group; [`Decoder`] turns records into events.
//! [`Kafka`] is the cluster as this process sees it; [`admin`], [`inventory`], [`log`] and [`registry_admin`] are for the
//! operators' tool.

mod bell;
mod client;
mod config;
mod consumer;
mod decoder;
mod error;
mod group;
mod header;
mod kafka;
mod producer;
mod record;
mod registry;
mod security;
mod tail;

pub mod admin;
pub mod inventory;
pub mod log;
pub mod registry_admin;

pub use config::KafkaConfig;
pub use consumer::{CommittedOffsets, Consumer, FeedError, GroupConfig, LogChanged, PartitionFeed, PositionSource};
pub use decoder::{DecodeFailure, Decoder, Poison};
pub use error::Error;
pub use group::ConsumerGroup;
pub use header::{Header, Headers};
pub use kafka::Kafka;
pub use producer::{Ack, Delivered, Producer, Round};
pub use record::RawRecord;
pub use registry::Registry;
pub use security::{KafkaSecurity, Mechanism, Protocol};
pub use tail::{StartFrom, Tail, TailEvent};
