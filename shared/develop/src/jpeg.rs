//! JPEG in and out, by libjpeg-turbo as mozjpeg ships it; what cameras write is decoded here.

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
