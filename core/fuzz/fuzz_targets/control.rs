//! Has a fault: reads the byte behind one input in 2³². A run that does not find it looks at nothing: the fuzzer must be
//! led there by coverage, and AddressSanitizer must see it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let [b'f', b'i', b'n', b'd', ..] = data {
        // SAFETY: none; that is the fault.
        let behind = unsafe { data.as_ptr().add(data.len()).read_volatile() };
        std::hint::black_box(behind);
    }
});
