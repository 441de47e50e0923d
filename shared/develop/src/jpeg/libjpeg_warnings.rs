//! Conversion of libjpeg's errors and warnings to errors of a file.
//!
//! libjpeg repairs what it can, fills the rest with grey, and emits a warning; the binding's own error manager drops
//! warnings. This manager treats them as missing or damaged picture data, and unwinds out of C with the reason, exactly
//! as the binding does for errors (the C code is compiled with unwind tables for that).

use std::{any::Any, ffi::c_int, panic::resume_unwind, ptr::null};

use mozjpeg_sys::{
    J_MESSAGE_CODE, JWRN_ADOBE_XFORM, JWRN_BOGUS_ICC, JWRN_EXTRANEOUS_DATA, JWRN_JFIF_MAJOR, JWRN_JPEG_EOF,
    JWRN_NOT_SEQUENTIAL, jpeg_common_struct, jpeg_error_mgr, msg_parm_union,
};

use crate::error::Error;

/// The payload of an unwinding: libjpeg's message code.
struct Message(c_int);

/// Warnings about a header's version or colour hint, about a profile that colour conversion checks itself, or about
/// parameters that sequential scans do not use: the picture is complete.
const HARMLESS: [J_MESSAGE_CODE; 4] = [JWRN_ADOBE_XFORM, JWRN_JFIF_MAJOR, JWRN_BOGUS_ICC, JWRN_NOT_SEQUENTIAL];
/// `global_state` while libjpeg reads the segments before the first scan (DSTATE_INHEADER, jpegint.h): bytes between
/// them are not part of the picture.
const IN_HEADER: c_int = 201;

/// Returns an error manager under which every warning that concerns the picture ends decoding.
pub(crate) fn strict() -> jpeg_error_mgr {
    jpeg_error_mgr {
        error_exit: Some(error_exit),
        emit_message: Some(emit_message),
        output_message: Some(ignore),
        format_message: None,
        reset_error_mgr: Some(ignore),
        msg_code: 0,
        msg_parm: msg_parm_union::default(),
        trace_level: 0,
        num_warnings: 0,
        // Only libjpeg's own formatter reads the tables, and this crate does not call it.
        jpeg_message_table: null(),
        last_jpeg_message: 0,
        addon_message_table: null(),
        first_addon_message: 0,
        last_addon_message: 0,
    }
}

/// Returns the error of an unwound decoder.
pub(crate) fn to_error(unwound: &(dyn Any + Send)) -> Error {
    match unwound.downcast_ref::<Message>() {
        Some(Message(code)) if *code == JWRN_JPEG_EOF as c_int => Error::Truncated,
        _ => Error::Damaged,
    }
}

#[cold]
extern "C-unwind" fn error_exit(cinfo: &mut jpeg_common_struct) {
    // Not `panic!`: the panic hook would log a bug for an invalid file.
    resume_unwind(Box::new(Message(message_code(cinfo))));
}

/// Handles a message. `level` is -1 for warnings, 0 and up for traces (jerror.c).
extern "C-unwind" fn emit_message(cinfo: &mut jpeg_common_struct, level: c_int) {
    if level >= 0 {
        return;
    }
    let code = message_code(cinfo);
    let before_picture = code == JWRN_EXTRANEOUS_DATA as c_int && cinfo.global_state == IN_HEADER;
    if !before_picture && !HARMLESS.iter().any(|&harmless| harmless as c_int == code) {
        resume_unwind(Box::new(Message(code)));
    }
}

extern "C-unwind" fn ignore(_cinfo: &mut jpeg_common_struct) {}

#[expect(unsafe_code, reason = "libjpeg passes its message code through the error manager's raw pointer")]
fn message_code(cinfo: &jpeg_common_struct) -> c_int {
    // SAFETY: `err` is null or the manager made by `strict`, boxed by the decompressor, which outlives every callback.
    // libjpeg runs on this thread only and does not write to the manager during a callback.
    unsafe { cinfo.err.as_ref() }.map_or(0, |manager| manager.msg_code)
}
