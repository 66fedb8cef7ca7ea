"""A machine is described by its accelerators; without them by its processor and what that can."""

import re
import sys
import types

import pytest

from image_generators.training import machine

OLD = "model name\t: AMD EPYC\nflags\t\t: fpu sse4_2 avx avx2 f16c fma\nmodel name\t: another\n"
NEW = "model name\t: AMD EPYC\nflags\t\t: fpu avx2 avx512f avx512_bf16\nvmx flags\t: amx_bf16\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd fphp asimdhp bf16\n"


@pytest.fixture
def backend(monkeypatch):
    """`backend(name, module)`: Keras on that backend."""

    def use(name, module):
        chosen = types.SimpleNamespace(backend=lambda: name)
        monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(backend=chosen))
        monkeypatch.setitem(sys.modules, name, module)

    return use


@pytest.fixture
def cpuinfo(monkeypatch, tmp_path, backend):
    """`cpuinfo(text)`: two cores without accelerators, of which /proc/cpuinfo says so; None: there is no such file."""

    def on(text):
        backend("jax", types.SimpleNamespace(devices=lambda: []))
        if text is not None:
            (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
        monkeypatch.setattr(machine.os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
        monkeypatch.setattr(machine.platform, "processor", lambda: "x86_64")

    return on


def test_a_machine_with_accelerators_is_described_by_them(backend):
    gpu = types.SimpleNamespace(platform="gpu", device_kind="NVIDIA H100")
    cpu = types.SimpleNamespace(platform="cpu", device_kind="cpu")
    backend("jax", types.SimpleNamespace(devices=lambda: [gpu, gpu, cpu]))
    assert machine.describe() == "2 x NVIDIA H100"
    config = types.SimpleNamespace(
        list_physical_devices=lambda kind: ["gpu:0"] if kind == "GPU" else ["cpu:0"],
        experimental=types.SimpleNamespace(get_device_details=lambda device: {"device_name": f"Tesla {device}"}),
    )
    backend("tensorflow", types.SimpleNamespace(config=config))
    assert machine.describe() == "Tesla gpu:0"


@pytest.mark.parametrize(
    "text, processor",
    [
        (OLD, "AMD EPYC (AVX2)"),
        (NEW, "AMD EPYC (AVX-512 BF16)"),
        (NEW.replace("avx512_bf16", ""), "AMD EPYC (AVX-512)"),
        (NEW.replace("fpu", "amx_bf16"), "AMD EPYC (AMX)"),
        (OLD.replace("avx2", ""), "AMD EPYC"),
        (ARM, "x86_64"),
        (None, "x86_64"),
    ],
)
def test_a_machine_without_accelerators_is_described_by_its_processor(cpuinfo, text, processor):
    cpuinfo(text)
    assert re.fullmatch(rf"{re.escape(processor)}, 2 cores(, \d+ GiB)?", machine.describe())


@pytest.mark.parametrize("text, some, count", [(OLD, {"avx2", "fma"}, 6), (ARM, {"bf16"}, 5), (None, set(), 0)])
def test_instruction_sets_are_read_from_the_first_core(cpuinfo, text, some, count):
    cpuinfo(text)
    assert some <= machine.instructions() and len(machine.instructions()) == count
