//! Emails as people read them: subject, plain text and HTML, from templates in three languages.
//!
//! A template is a folder with one file per language (`templates/download_ready/de.txt`). A file has the subject, the
//! preheader, which mail programs show behind the subject, and the paragraphs. Text and HTML are made of the same
//! paragraphs, so they say the same. The file is split into its parts before any value is filled in, so no value can add
//! a part:
//!
//! ```text
//! Subject: Your photos are ready: {{ reference }}
//! Preheader: {{ photos }}
//!
//! # Heading
//!
//! A paragraph.
//!
//! [Label of the button that opens the link]
//! ```
//!
//! Everything here is a pure function.

mod data;
mod render;
pub mod sample;
mod sender;
mod template;

pub use data::{customer_text, studio_text};
pub use render::{Delivery, Facts, Rendered, render};
pub use sender::mailbox;
