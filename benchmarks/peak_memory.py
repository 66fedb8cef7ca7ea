"""Memory that steps take at the most, each contender in a process of its own: freed memory would count for the next."""

import argparse
import resource
import subprocess
import sys

FLAG = {"memory": {"help": argparse.SUPPRESS}}  # for `timing.arguments`: the contender that a process is to measure


def elsewhere(file, name):
    """The number, of bytes, that `file`, a benchmark, prints of the contender `name`."""
    found = subprocess.run([sys.executable, file, f"--memory={name}"], check=True, capture_output=True, text=True)
    return float(found.stdout)


def held(make, times=3):
    """Bytes more that this process held at the most, from before `make()` gives a step, through some steps."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = make()
    for _ in range(times):
        step()
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)  # Linux counts in KiB
