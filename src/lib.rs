//! konspekt reads a folder of essays that answer one question, and lays their
//! causal theses side by side.
//!
//! ```text
//! files → Essay → sentences → tags → entities, claims, voices → stances
//!       → Reading → Comparison → terminal md tex html svg csv json xlsx parquet
//!                 ↘ labels → Scores
//! ```
//!
//! - [`ingest`] makes a [`text::Document`] of a file: one text that nothing
//!   edits, its blocks, and what of it is the essay.
//! - [`passes`] lay [`layers`] of byte spans over it, with the [`networks`] that
//!   an [`engine`] runs.
//! - [`reading`] makes of an essay's sentences where it stands on every thesis
//!   of the [`study`]'s codebook; [`comparison`] writes all readings side by side.
//! - [`evaluate`] scores them against hand [`labels`].
//! - [`training`] fits a study to them.
//! - [`hub`] keeps networks that are too large to ship: fetched, pinned, verified.

pub mod cli;
pub mod comparison;
pub mod drawing;
pub mod engine;
pub mod evaluate;
pub mod hub;
pub mod ingest;
pub mod labels;
pub mod layers;
pub mod markup;
pub mod networks;
pub mod passes;
pub mod reading;
pub mod statistics;
pub mod store;
pub mod study;
pub mod text;
pub mod training;
pub mod words;
