"""`keep_freed_memory()`: lets glibc keep what TensorFlow frees, instead of handing it back to Linux after every step.

Tensors of some megabytes are otherwise mapped and unmapped anew in every step, and Linux fills each page with zeros
first: 127,000 pages, 45% of the processor's time in a training step of the quick Gated PixelCNN on two cores (355 ms;
196 ms with this). Memory in use does not grow: freed blocks are used again. TensorFlow sets the trim threshold back
when a generator feeds it; the other two options are enough.
"""

import ctypes
import platform

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # malloc.h


def keep_freed_memory() -> bool:
    """Tunes glibc's malloc for this process; elsewhere does nothing. Returns whether it could."""
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return all(
        libc.mallopt(option, value) == 1
        for option, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 64 << 20))
    )
