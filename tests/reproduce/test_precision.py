"""Who trains in a half precision that the processor imitates is told so, and nobody else."""

import pytest

from reproduce import machine, precision

OLD = "model name\t: AMD EPYC\nflags\t\t: fpu sse4_2 avx avx2 f16c fma\n"
NEW = "flags\t\t: fpu avx2 avx512f avx512_bf16\nvmx flags\t: avx2\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd fphp asimdhp bf16\n"


@pytest.fixture
def on(monkeypatch, tmp_path):
    """`on(text, accelerators)`: a machine with that /proc/cpuinfo."""

    def on(text, accelerators=()):
        (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
        monkeypatch.setattr(machine, "accelerators", lambda: list(accelerators))

    return on


@pytest.mark.parametrize("cpuinfo, imitated", [(OLD, {"bfloat16", "float16"}), (NEW, {"float16"}), (ARM, set())])
def test_what_the_processor_imitates_is_named(on, cpuinfo, imitated):
    on(cpuinfo)
    for name in ("bfloat16", "float16"):
        warning = precision.warning(f"mixed_{name}")
        assert (warning is not None) == (name in imitated)
        assert warning is None or (f"mixed_{name} and imitates it" in warning and "--precision=float32" in warning)


def test_float32_is_never_imitated(on):
    on(OLD)
    assert precision.warning("float32") is None


def test_an_accelerator_has_them_whatever_the_processor(on):
    on(OLD, ["NVIDIA H100"])
    assert precision.warning("mixed_bfloat16") is None


def test_of_a_processor_that_says_nothing_nothing_is_said(on, monkeypatch, tmp_path):
    on("processor\t: 0\n")
    assert precision.warning("mixed_bfloat16") is None
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "none")
    assert precision.warning("mixed_bfloat16") is None
