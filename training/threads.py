"""How TensorFlow spreads its work over the CPU's cores: a setting of the process, made before its first operation.

Its default, all cores for every operation and as many operations side by side, suits convolutions. A glimpse of DRAW is
a chain of small operations, too small to share; there one core an operation takes three quarters of the time.
"""

import os


def use(cores: int) -> None:
    """No more than so many cores, so that several rows can train side by side."""
    _set(cores, cores)


def one_for_each_operation() -> bool:
    """One core an operation, as many operations side by side as there are cores.

    Returns whether it could: not once TensorFlow has begun to compute.
    """
    try:
        _set(1, os.cpu_count() or 1)
    except RuntimeError:
        return False
    return True


def _set(inside, between):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(inside)
    tf.config.threading.set_inter_op_parallelism_threads(between)
