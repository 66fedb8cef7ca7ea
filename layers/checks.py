"""Checks of constructor arguments: integers in a range, rates, True or False; Python's numbers or NumPy's."""

import numbers

import numpy as np


def is_integer(value) -> bool:
    """Whether `value` is an integer, Python's or NumPy's. True and False are not integers."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def check_integer(name: str, value, low: int, high: int | None = None) -> int:
    """`value` as int. Raises ValueError unless it is an integer of at least `low` (and at most `high`)."""
    if not is_integer(value) or value < low or (high is not None and value > high):
        accepted = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be an integer, {accepted}. Received: {name}={value!r}")
    return int(value)


def check_odd(name: str, value, low: int = 1) -> int:
    """`value` as int. Raises ValueError unless it is an odd integer of at least `low`."""
    if not is_integer(value) or value < low or value % 2 == 0:
        raise ValueError(
            f"{name} must be an odd integer of at least {low}, to have a centre. Received: {name}={value!r}"
        )
    return int(value)


def check_rate(name: str, value) -> float:
    """`value` as float. Raises ValueError unless it is a number from 0 to 1."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1. Received: {name}={value!r}")
    return float(value)


def check_flag(name: str, value) -> bool:
    """`value` as bool. Raises ValueError unless it is True or False: a string such as "no" would count as True."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False. Received: {name}={value!r}")
    return bool(value)


def sizes_of(values) -> tuple[int, ...]:
    """Positive integers, such as a shape, as a tuple of int; () for anything else."""
    sizes = tuple(values) if np.iterable(values) else ()
    return tuple(map(int, sizes)) if all(is_integer(size) and size > 0 for size in sizes) else ()


def check_sizes(name: str, values, axes: tuple[str, ...]) -> tuple[int, ...]:
    """`values` as a tuple of int. Raises ValueError unless they are positive integers, one for each named axis."""
    sizes = sizes_of(values)
    if len(sizes) != len(axes):
        raise ValueError(f"{name} must be ({', '.join(axes)}), integers above 0. Received: {name}={values!r}")
    return sizes
