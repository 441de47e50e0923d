//! What Darkroom does, seen from outside: one file per behaviour.
#![allow(clippy::unwrap_used, reason = "clippy lets tests unwrap, but not the functions that they share")]

mod archives;
mod at_once;
mod bad_photos;
mod bad_requests;
mod bounds;
mod campaigns;
mod clients;
mod conditional;
mod contention;
mod deletion;
mod desk;
mod docs;
mod duplicates;
mod events;
mod extractors;
mod hostile_names;
mod idempotency;
mod identities;
mod infrastructure;
mod killed_builds;
mod languages;
mod links;
mod mails;
mod patience;
mod poison;
mod redrive;
mod regenerate;
mod requests;
mod restart;
mod stopped;
mod studios;
mod sweeps;
mod sync;
mod tries;
mod way_of_an_order;
