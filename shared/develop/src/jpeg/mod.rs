//! JPEG in and out, by libjpeg-turbo as mozjpeg ships it.

mod complaints;
mod decode;
mod encode;
mod entropy;
mod header;

pub(super) use self::complaints::{refusal as unwound, strict};
pub(super) use self::{decode::decode, encode::encode, header::Header};
