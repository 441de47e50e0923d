//! What Darkroom does, seen from outside: one file per behaviour.
#![expect(missing_docs, reason = "tests read as sentences")]

mod bad_photos;
mod bad_requests;
mod duplicates;
mod events;
mod hostile_names;
mod links;
mod poison;
mod restart;
mod studios;
mod sync;
mod tries;
mod way_of_an_order;
