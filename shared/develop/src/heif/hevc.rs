//! HEVC (ITU-T H.265) by `heifer-hevc-dec`: one intra picture from its NAL units.
//!
//! The crate's own `decode_picture` decodes slices as often as a stream repeats them. The loop here stops at a stream
//! that codes more than one picture's blocks, and checks sizes before it allocates.

use heifer_hevc_dec::{
    Error as HevcError,
    nal::{NalUnit, NalUnitType},
    params::{ParameterSets, Sps},
    recon::Reconstructor,
    sei::parse_picture_hash,
    slice::SliceHeader,
    syntax::{Picture, decode_slice_segment},
};

use super::{
    frame::{Chroma, Coding, Frame, Samples},
    plan::{CodePoints, Layer},
};
use crate::{
    bmff::Fields,
    error::{Error, Failure},
};

/// The largest coding block. Encoders round sides up to a multiple of it.
const LARGEST_BLOCK: u32 = 64;
/// The most NAL units of one picture. Level 6.2 has at most 600 slices.
const MAX_UNITS: usize = 4096;
/// The last supported profile: those up to high throughput (H.265, A.3). Later ones code several views or screen
/// content.
const LAST_PROFILE: u8 = 5;

impl From<HevcError> for Failure {
    fn from(error: HevcError) -> Self {
        match error {
            HevcError::Unimplemented(_) => Self::Unsupported,
            HevcError::UnexpectedEof | HevcError::Invalid(_) | HevcError::HashMismatch(_) => {
                Self::Refused(Error::Damaged)
            }
        }
    }
}

/// Decodes a tile.
pub(super) fn decode(layer: &Layer<'_>, data: &[u8]) -> Result<Frame, Failure> {
    let units: Vec<NalUnit<'_>> = nal_units(layer.configuration, data)
        .ok_or(Error::Damaged)?
        .into_iter()
        .map(NalUnit::parse)
        .collect::<Result<_, _>>()?;
    // Other layers need decoders of their own.
    let units = || units.iter().filter(|unit| unit.header.layer_id == 0);
    let mut sets = ParameterSets::default();
    for unit in units().take_while(|unit| !unit.header.unit_type.is_slice()) {
        sets.add(unit)?;
    }

    let mut state: Option<(Picture<'_>, Reconstructor<'_>)> = None;
    let mut previous: Option<SliceHeader> = None;
    let mut hash = None;
    for unit in units() {
        if unit.header.unit_type == NalUnitType::SuffixSei
            && let Some((picture, _)) = &state
        {
            // A message of another kind, or an incomplete one, is ignored.
            hash = hash.or(parse_picture_hash(&unit.rbsp, components(picture.sps)).ok().flatten());
        }
        if !unit.header.unit_type.is_slice() {
            continue;
        }
        // The first bit of a slice shows whether it begins a picture.
        if state.is_some() && unit.rbsp.first().is_some_and(|bits| bits & 0x80 != 0) {
            break;
        }
        let header = SliceHeader::parse(&unit.rbsp, &unit.header, &sets, previous.as_ref())?;
        let (pps, sps) = sets.get(usize::from(header.slice_pic_parameter_set_id))?;
        if state.is_none() {
            check(sps, layer)?;
        }
        let (picture, reconstructor) =
            state.get_or_insert_with(|| (Picture::new(sps, pps), Reconstructor::new(sps, pps)));
        reconstructor.start_slice(&header);
        let bits = unit.rbsp.get(header.header_size..).ok_or(Error::Damaged)?;
        decode_slice_segment(picture, &header, header.slice_qp_y(&sets)?, bits, reconstructor)?;
        if let Some(error) = reconstructor.error.take() {
            return Err(error.into());
        }
        if picture.decoded_ctbs > picture.layout.width * picture.layout.height {
            return Err(Error::Damaged.into());
        }
        if !header.dependent_slice_segment_flag {
            previous = Some(header);
        }
    }
    let (picture, reconstructor) = state.ok_or(Error::Damaged)?;
    if !picture.is_complete() {
        return Err(Error::Damaged.into());
    }
    let sps = picture.sps;
    let frame = reconstructor.finish(false);
    if hash.is_some_and(|expected| expected.compute_like(&frame) != expected) {
        return Err(Error::Damaged.into());
    }
    let frame = if sps.conf_win_offsets == [0; 4] { frame } else { frame.cropped(sps) };
    let planes = frame.planes.into_iter().filter(|plane| !plane.is_empty()).map(Samples::Sixteen).collect();
    Ok(Frame { size: (frame.widths[0], frame.heights[0]), coding: coding(sps), planes })
}

/// Returns an error for pictures larger than announced, before anything is allocated for them, and for those that the
/// decoder would misread.
fn check(sps: &Sps, layer: &Layer<'_>) -> Result<(), Failure> {
    let (width, height) = layer.tile_size;
    let limit = |side: u32| u64::from(side.next_multiple_of(LARGEST_BLOCK)) + u64::from(LARGEST_BLOCK);
    let is_larger = u64::from(sps.pic_width_in_luma_samples) > limit(width)
        || u64::from(sps.pic_height_in_luma_samples) > limit(height);
    let coding = coding(sps);
    let is_more = layer.announced().is_none_or(|announced| {
        coding.samples() > announced.samples || coding.depth.into_iter().max() > Some(announced.depth)
    });
    let profile = &sps.profile_tier_level;
    if is_larger || is_more || profile.general_profile_idc > LAST_PROFILE || sps.separate_colour_plane_flag {
        return Err(Failure::Unsupported);
    }
    Ok(())
}

fn components(sps: &Sps) -> usize {
    if sps.chroma_format_idc == 0 { 1 } else { 3 }
}

fn coding(sps: &Sps) -> Coding {
    let chroma = match sps.chroma_format_idc {
        0 => Chroma::None,
        1 => Chroma::Quarter,
        2 => Chroma::Half,
        _ => Chroma::Full,
    };
    let unspecified = CodePoints::UNSPECIFIED;
    let code_points = sps.vui.as_ref().map_or(
        CodePoints { primaries: unspecified, transfer: unspecified, matrix: unspecified, full_range: false },
        |vui| CodePoints {
            primaries: vui.colour_primaries,
            transfer: vui.transfer_characteristics,
            matrix: vui.matrix_coeffs,
            full_range: vui.video_full_range_flag,
        },
    );
    Coding { chroma, depth: [sps.bit_depth_luma, sps.bit_depth_chroma], code_points }
}

/// Returns the NAL units of an `hvcC` box and then of an item, each preceded by its length (ISO/IEC 14496-15, 8.3.3.1).
fn nal_units<'a>(configuration: &'a [u8], data: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let mut fields = Fields(configuration);
    fields.skip(21);
    let length_size = u64::from(fields.u8()? & 3) + 1;
    let mut units = Vec::new();
    let mut add = |unit: &'a [u8]| {
        units.push(unit);
        (units.len() < MAX_UNITS).then_some(())
    };
    for _ in 0..fields.u8()? {
        fields.skip(1);
        for _ in 0..fields.u16()? {
            let size = usize::from(fields.u16()?);
            add(fields.take(size)?)?;
        }
    }
    let mut fields = Fields(data);
    while !fields.0.is_empty() {
        let size = fields.unsigned(usize::try_from(length_size).ok()?)?;
        add(fields.take(usize::try_from(size).ok()?)?)?;
    }
    Some(units)
}
