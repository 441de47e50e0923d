//! JPEG in and out, with mozjpeg's libjpeg-turbo; this crate decodes the files that cameras write itself.

mod decode;
mod encode;
mod entropy;
mod header;
mod huffman;
mod libjpeg_warnings;
mod multi_picture;
mod scan;
mod segments;
mod sequential;
mod srgb_profile;

pub(super) use self::libjpeg_warnings::{strict, to_error as unwound};
pub(super) use self::{
    decode::{decode, read},
    encode::encode,
    header::Header,
};
