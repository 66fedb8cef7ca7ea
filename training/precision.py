"""Whether a half precision makes a machine faster: a processor without its arithmetic imitates it, at great cost."""

from image_generators.training import machine

# Names that Linux has for instructions which multiply in it, on x86 and on ARM.
_INSTRUCTIONS = {
    "mixed_bfloat16": {"avx512_bf16", "amx_bf16", "bf16"},
    "mixed_float16": {"avx512_fp16", "amx_fp16", "asimdhp"},
}


def warning(precision: str) -> str | None:
    """A warning if the processor only emulates `precision`, else None.

    None, too, where there is an accelerator, or the processor does not say what it can (not Linux).
    """
    if precision not in _INSTRUCTIONS or machine.accelerators() or not (has := machine.instructions()):
        return None
    if has & _INSTRUCTIONS[precision]:
        return None
    return (
        f"this processor has no arithmetic for {precision} and imitates it, many times slower: "
        "--precision=float32 gives about the same numbers"
    )
