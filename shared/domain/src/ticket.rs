//! Tickets: permissions to fetch one file behind a customer's link.
//!
//! The page behind a link counts nothing, and neither does its form, because email scanners open links and submit forms. The
//! form is answered with a ticket; fetching the file with it counts.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac as _;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    download::{DownloadFile, FetchedBy},
    link::{LinkSecret, LinkToken, MAC_BYTES},
};

/// Time for which a ticket works. The page creates a new one on each click.
pub const TICKET_LIVES: SignedDuration = SignedDuration::from_hours(1);

/// Permission to fetch one file of one build of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Build of the download.
    pub build: u32,
    /// File.
    pub file: DownloadFile,
    /// Way of fetching it.
    pub by: FetchedBy,
    /// Time at which the ticket expires, in whole seconds.
    pub until: Timestamp,
}

const VOLUME: u8 = 0;
const PHOTO: u8 = 1;
const OTHER_SIZE: u8 = 2;

impl Ticket {
    /// Returns the message that is signed: the link's fields, then the ticket's.
    fn signed(self, link: &LinkToken) -> Vec<u8> {
        let mut message = link.to_bytes();
        message.push(0);
        message.extend(self.to_bytes());
        message
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.until.as_second().to_be_bytes().to_vec();
        bytes.extend(self.build.to_be_bytes());
        bytes.push(match self.by {
            FetchedBy::Zip => 0,
            FetchedBy::Single => 1,
            FetchedBy::Phone => 2,
        });
        match self.file {
            DownloadFile::Volume(number) => {
                bytes.push(VOLUME);
                bytes.extend(number.to_be_bytes());
            }
            DownloadFile::Photo(id) => {
                bytes.push(PHOTO);
                bytes.extend(id.as_bytes());
            }
            DownloadFile::OtherSize(id) => {
                bytes.push(OTHER_SIZE);
                bytes.extend(id.as_bytes());
            }
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (until, rest) = bytes.split_first_chunk::<8>()?;
        let (build, rest) = rest.split_first_chunk::<4>()?;
        let (by, rest) = rest.split_first()?;
        let (kind, file) = rest.split_first()?;
        Some(Self {
            build: u32::from_be_bytes(*build),
            file: match *kind {
                VOLUME => DownloadFile::Volume(u16::from_be_bytes(file.try_into().ok()?)),
                PHOTO => DownloadFile::Photo(Uuid::from_slice(file).ok()?),
                OTHER_SIZE => DownloadFile::OtherSize(Uuid::from_slice(file).ok()?),
                _ => return None,
            },
            by: match by {
                0 => FetchedBy::Zip,
                1 => FetchedBy::Single,
                2 => FetchedBy::Phone,
                _ => return None,
            },
            until: Timestamp::from_second(i64::from_be_bytes(*until)).ok()?,
        })
    }
}

impl LinkSecret {
    /// Returns the signed ticket for a file behind this link: base64url(expiry, build, way, file, HMAC over these and the
    /// link).
    pub fn sign_ticket(&self, link: &LinkToken, ticket: Ticket) -> String {
        let mut bytes = ticket.to_bytes();
        bytes.extend(self.mac("ticket", &ticket.signed(link)).finalize().into_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the content of a genuine ticket for this link that has not expired at `now`.
    pub fn verify_ticket(&self, link: &LinkToken, ticket: &str, now: Timestamp) -> Option<Ticket> {
        let bytes = URL_SAFE_NO_PAD.decode(ticket).ok()?;
        let (content, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        let ticket = Ticket::from_bytes(content)?;
        self.mac("ticket", &ticket.signed(link)).verify_slice(mac).ok()?;
        (ticket.until > now).then_some(ticket)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::{at, studio};

    fn link(download: u128, generation: u32) -> LinkToken {
        LinkToken { studio: studio(), download: Uuid::from_u128(download), generation }
    }

    fn secret() -> LinkSecret {
        LinkSecret::new(1, *b"one")
    }

    prop_compose! {
        fn tickets()(build: u32, volume: u16, photo: u128, kind in 0..3, by in 0..3, until in 1_i64..1 << 33) -> Ticket {
            let photo = Uuid::from_u128(photo);
            let file = match kind {
                0 => DownloadFile::Volume(volume),
                1 => DownloadFile::Photo(photo),
                _ => DownloadFile::OtherSize(photo),
            };
            let by = [FetchedBy::Zip, FetchedBy::Single, FetchedBy::Phone][usize::try_from(by).expect("small")];
            Ticket { build, file, by, until: at(until) }
        }
    }

    proptest! {
        #[test]
        fn ticket_is_read_as_it_was_signed(ticket in tickets()) {
            let text = secret().sign_ticket(&link(7, 3), ticket);
            let before = at(ticket.until.as_second() - 1);
            prop_assert_eq!(secret().verify_ticket(&link(7, 3), &text, before), Some(ticket));
            prop_assert_eq!(secret().verify_ticket(&link(7, 3), &text, ticket.until), None);
            prop_assert_eq!(secret().verify_ticket(&link(8, 3), &text, at(0)), None);
            prop_assert_eq!(secret().verify_ticket(&link(7, 4), &text, at(0)), None);
            prop_assert_eq!(LinkSecret::new(1, *b"two").verify_ticket(&link(7, 3), &text, at(0)), None);
        }

        #[test]
        fn one_changed_character_opens_nothing(ticket in tickets(), at_share in 0.0..1.0_f64, to in "[A-Za-z0-9_-]") {
            let genuine = secret().sign_ticket(&link(7, 3), ticket);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a position in a short text")]
            let position = (at_share * genuine.len() as f64) as usize;
            let mut forged = genuine.clone();
            forged.replace_range(position..=position, &to);
            prop_assert!(forged == genuine || secret().verify_ticket(&link(7, 3), &forged, at(0)).is_none());
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,200}") {
            prop_assert!(secret().verify_ticket(&link(7, 3), &text, at(0)).is_none());
        }
    }

    #[test]
    fn link_is_no_ticket_and_ticket_no_link() {
        let ticket = Ticket { build: 1, file: DownloadFile::Volume(1), by: FetchedBy::Zip, until: at(9) };
        let text = secret().sign_ticket(&link(7, 3), ticket);
        assert_eq!(secret().verify(&text), None);
        assert_eq!(secret().verify_ticket(&link(7, 3), &secret().sign(&link(7, 3)), at(0)), None);
    }
}
