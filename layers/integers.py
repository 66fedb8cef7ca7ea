"""Sizes that layers and models are given: integers, Python's or NumPy's, within bounds."""

import numbers


def is_integer(value):
    """Whether it is an integer, Python's or NumPy's; True and False are none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def check_integer(name, value, low, high=None):
    """`value` as int, if it is an integer of at least `low` (and at most `high`); else ValueError."""
    if not is_integer(value) or value < low or (high is not None and value > high):
        accepted = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be an integer, {accepted}. Received: {name}={value!r}")
    return int(value)


def check_odd(name, value, low=1):
    """`value` as int, if it is an odd integer of at least `low`; else ValueError."""
    if not is_integer(value) or value < low or value % 2 == 0:
        raise ValueError(
            f"{name} must be an odd integer of at least {low}, to have a centre. Received: {name}={value!r}"
        )
    return int(value)
