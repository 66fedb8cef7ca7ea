"""Runs a script as on a machine that does not have this repository: python -I alone.py SCRIPT ARGUMENTS."""

import runpy
import sys


class Absent:
    """Comes before the finder of the editable install."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "image_generators":
            raise ModuleNotFoundError(f"No module named {name!r}: it is not here")


sys.meta_path.insert(0, Absent)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
