"""Measures peak memory. Each contender runs in its own process, since memory that one frees would serve the next."""

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable

FLAG = {"memory": {"help": argparse.SUPPRESS}}  # for `timing.arguments`: the contender to measure in this process


def elsewhere(file: str, name: str) -> float:
    """Peak memory in bytes of the contender `name` of the benchmark `file`, measured in a new process."""
    finished = subprocess.run([sys.executable, file, f"--memory={name}"], check=True, capture_output=True, text=True)
    return float(finished.stdout)


def held(make: Callable[[], Callable], times: int = 3) -> int:
    """Growth of this process's peak memory, in bytes, while `make()` makes a step and the step runs `times` times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = make()
    for _ in range(times):
        step()
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)  # Linux counts in KiB
