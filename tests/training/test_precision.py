"""Who trains in a half precision that the processor imitates is told so, and nobody else."""

import pytest

from image_generators.training import machine, precision

OLD, NEW, ARM = {"avx2", "fma"}, {"avx2", "avx512f", "avx512_bf16"}, {"asimd", "asimdhp", "bf16"}


@pytest.fixture
def on(monkeypatch):
    """`on(instructions, accelerators)`: a machine whose processor says so."""

    def on(instructions, accelerators=()):
        monkeypatch.setattr(machine, "instructions", lambda: instructions)
        monkeypatch.setattr(machine, "accelerators", lambda: list(accelerators))

    return on


@pytest.mark.parametrize("processor, imitated", [(OLD, {"bfloat16", "float16"}), (NEW, {"float16"}), (ARM, set())])
def test_emulated_precision_gives_a_warning(on, processor, imitated):
    on(processor)
    for name in ("bfloat16", "float16"):
        warning = precision.warning(f"mixed_{name}")
        assert (warning is not None) == (name in imitated)
        assert warning is None or (f"mixed_{name} and imitates it" in warning and "--precision=float32" in warning)


def test_float32_gives_no_warning(on):
    on(OLD)
    assert precision.warning("float32") is None


def test_an_accelerator_gives_no_warning(on):
    on(OLD, ["NVIDIA H100"])
    assert precision.warning("mixed_bfloat16") is None


def test_an_unknown_processor_gives_no_warning(on):
    on(set())
    assert precision.warning("mixed_bfloat16") is None
