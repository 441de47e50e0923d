#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| develop::fuzzing::run("psd", input));
