"""Numbers that layers and models are given, Python's or NumPy's: integers within bounds, rates, True or False."""

import numbers

import numpy as np


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


def check_rate(name, value):
    """`value` as float, if it is a number from 0 to 1; else ValueError."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1. Received: {name}={value!r}")
    return float(value)


def check_flag(name, value):
    """`value` as bool, if it is True or False; else ValueError: a string such as "no" would count as True."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False. Received: {name}={value!r}")
    return bool(value)


def sizes_of(values):
    """Integers above zero, such as a shape, as a tuple of int; () for anything else."""
    sizes = tuple(values) if np.iterable(values) else ()
    return tuple(map(int, sizes)) if all(is_integer(size) and size > 0 for size in sizes) else ()


def check_sizes(name, values, axes):
    """`values` as a tuple of int, one for each of the named axes and above zero; else ValueError."""
    sizes = sizes_of(values)
    if len(sizes) != len(axes):
        raise ValueError(f"{name} must be ({', '.join(axes)}), integers above 0. Received: {name}={values!r}")
    return sizes
