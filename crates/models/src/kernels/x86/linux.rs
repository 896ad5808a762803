//! What only the operating system can give: the tile registers of AMX, and large pages. On other systems the answer is no.
//!
//! Two system calls do not justify a dependency on libc.

/// Smallest buffer for which large pages are worth asking.
const LARGE: usize = 1 << 20;

/// Asks for the tile registers, and asks again whether they were given.
pub(super) fn ask_for_tiles() -> bool {
    const ARCH_PRCTL: usize = 158;
    const GET_PERMISSION: usize = 0x1022;
    const REQUEST_PERMISSION: usize = 0x1023;
    const TILE_DATA: usize = 18;
    let mut given = 0u64;
    // SAFETY: the request changes nothing but this process's permission; the other call writes one u64, which is alive.
    unsafe {
        call(ARCH_PRCTL, [REQUEST_PERMISSION, TILE_DATA, 0]) == Some(0)
            && call(ARCH_PRCTL, [GET_PERMISSION, (&raw mut given).expose_provenance(), 0]) == Some(0)
            && given & (1 << TILE_DATA) != 0
    }
}

/// Asks for large pages in a buffer that was allocated and not touched yet. A hint: it changes no contents.
pub(crate) fn prefer_huge_pages(start: *const u8, bytes: usize) {
    const MADVISE: usize = 28;
    const HUGEPAGE: usize = 14;
    const PAGE: usize = 4096;
    if bytes >= LARGE {
        let first = start.addr().next_multiple_of(PAGE);
        let end = (start.addr() + bytes) / PAGE * PAGE;
        // SAFETY: whole pages inside the buffer; this advice never changes contents or access rights.
        let _ = unsafe { call(MADVISE, [first, end - first, HUGEPAGE]) };
    }
}

/// A system call with three arguments; `None` on systems that are not Linux.
///
/// # Safety
/// The call with these arguments is sound.
#[cfg(target_os = "linux")]
unsafe fn call(number: usize, arguments: [usize; 3]) -> Option<isize> {
    let result: isize;
    // SAFETY: the caller vouches for the call; the kernel keeps every register but rax, rcx and r11.
    unsafe {
        std::arch::asm!("syscall", inlateout("rax") number => result,
            in("rdi") arguments[0], in("rsi") arguments[1], in("rdx") arguments[2],
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    Some(result)
}

/// # Safety
/// None needed: nothing is called.
#[cfg(not(target_os = "linux"))]
unsafe fn call(_: usize, _: [usize; 3]) -> Option<isize> {
    None
}
