//! The depth of the stack, by paint.

use core::ptr::with_exposed_provenance_mut;

/// Returns how many bytes of stack `f` takes at most.
#[inline(never)]
pub(crate) fn depth_of(f: impl FnOnce()) -> usize {
    let here = 0_u32;
    let top = (&raw const here).expose_provenance() - MARGIN;
    let painted = || (top - PAINTED..top).step_by(4).map(with_exposed_provenance_mut::<u32>);
    for word in painted() {
        // SAFETY: the stack grows down into this memory, which nothing else has: the boards have
        // megabytes between here and the statics, and no interrupt is on. What this function and
        // those that it calls here need lies within the margin.
        unsafe { word.write_volatile(PAINT) }
    }
    let start = pointer();
    call(f);
    // SAFETY: as above.
    let untouched = painted().take_while(|word| unsafe { word.read_volatile() } == PAINT).count();
    assert!(untouched > 0, "the stack went below the paint");
    start - (top - PAINTED + untouched * 4)
}

/// Keeps the stack of `f` apart from that of [`depth_of`].
#[inline(never)]
fn call(f: impl FnOnce()) {
    f();
}

/// Returns where the stack of the caller ends.
#[inline(never)]
fn pointer() -> usize {
    let here = 0_u32;
    (&raw const here).addr()
}

const MARGIN: usize = 256;
/// How much is painted, in bytes.
const PAINTED: usize = 16 * 1024;
const PAINT: u32 = 0xc5c5_c5c5;
