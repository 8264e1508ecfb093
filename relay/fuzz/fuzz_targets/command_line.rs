//! See the README.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| postern_fuzz::commands::check(input));
