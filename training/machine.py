"""What a run was made on: accelerators, else the processor, which instructions it has, its cores and memory."""

import os
import pathlib
import platform
import re

CPUINFO = pathlib.Path("/proc/cpuinfo")  # Linux
# Instructions that networks are multiplied by, widest first: a word of /proc/cpuinfo -> what people call it. Processors
# of one name have them or not; without AVX-512 a training step of these networks takes about three times as long.
_VECTORS = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512 BF16", "avx512f": "AVX-512", "avx2": "AVX2"}


def describe() -> str:
    """The accelerators that Keras' backend sees, as "2 x NVIDIA A100"; else "AMD EPYC (AVX2), 2 cores, 23 GiB"."""
    if names := accelerators():
        count = f"{len(names)} x " if len(names) > 1 else ""
        return count + ", ".join(dict.fromkeys(names))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    description = f"{_processor()}, {cores} core{'s' if cores != 1 else ''}"
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ()):  # not on Windows
        description += f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    return description


def accelerators() -> list[str]:
    """Names of the accelerators that Keras' backend sees, one for each."""
    import keras  # here: who only asks for the processor needs no backend

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
        return [detail.get("device_name", "GPU") for detail in details]
    if keras.backend.backend() == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    return []


def instructions() -> set[str]:
    """Linux' words for what the processor can: {"avx2", "avx512f", ...}; none, where nothing says so."""
    for name in ("flags", "Features"):  # on x86; on ARM
        if words := _cpuinfo(name):
            return set(words.split())
    return set()


def _processor():
    name = _cpuinfo("model name") or platform.processor() or platform.machine()
    vectors = next((called for word, called in _VECTORS.items() if word in instructions()), None)
    return f"{name} ({vectors})" if vectors else name


def _cpuinfo(name):
    """What /proc/cpuinfo says first under `name`; "" where it says nothing, or there is no such file."""
    try:
        match = re.search(rf"^{name}[ \t]*:(.*)$", CPUINFO.read_text(), re.MULTILINE)
    except OSError:
        return ""
    return match[1].strip() if match else ""
