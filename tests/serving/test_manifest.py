"""A changed export is refused, by start.sh and by manifest.py alike."""

import os
import re
import shutil
import subprocess

import pytest
import tensorflow as tf

from image_generators.serving import config, manifest, warmup


def damages(version):
    """{what happened to an export: how}."""
    data = next(version.glob("variables/*.data-*"))

    def flip(path):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    def rewrite(change):
        lines = (version / manifest.PATH).read_text().splitlines()
        (version / manifest.PATH).write_text("".join(f"{line}\n" for line in change(lines)))

    def by_link(path):
        path.rename(version.parent / path.name)
        path.symlink_to(version.parent / path.name)

    return {
        "graph truncated": lambda: os.truncate(version / "saved_model.pb", 1000),
        "weights truncated": lambda: os.truncate(data, 10),
        "weights changed": lambda: flip(data),
        "graph changed": lambda: flip(version / "saved_model.pb"),
        "file missing": lambda: (version / warmup.PATH).unlink(),
        "file added": lambda: (version / "saved_model.cpb").write_bytes(b""),
        "hidden file added": lambda: (version / "variables" / ".x").write_bytes(b""),
        "link added": lambda: (version / "saved_model.cpb").symlink_to("saved_model.pb"),
        "link to nothing added": lambda: (version / "saved_model.cpb").symlink_to("nothing"),
        "link to a folder added": lambda: (version / "more").symlink_to("variables"),
        "pipe added": lambda: os.mkfifo(version / "pipe"),
        "file replaced by a link": lambda: by_link(version / "saved_model.pb"),
        "sums replaced by a link": lambda: by_link(version / manifest.PATH),
        "file added and line doubled": lambda: ((version / "x").write_bytes(b""), rewrite(lambda a: [*a, a[0]])),
        "line doubled": lambda: rewrite(lambda lines: [*lines, lines[-1]]),
        "line missing": lambda: rewrite(lambda lines: lines[1:]),
        "line of another kind": lambda: rewrite(lambda lines: ["# sums", *lines]),
        "line in capitals": lambda: rewrite(lambda lines: [lines[0][:64].upper() + lines[0][64:], *lines[1:]]),
        "name with a line's end": lambda: (version / "x\ny").write_bytes(b""),
        "sums missing": lambda: (version / manifest.PATH).unlink(),
        "sums empty": lambda: (version / manifest.PATH).write_text(""),
        "sums truncated": lambda: os.truncate(version / manifest.PATH, 100),
        "sums overwritten": lambda: (version / manifest.PATH).write_bytes(b"\xff" * 100),
    }


def test_a_changed_export_is_refused(exported, tmp_path):
    """By manifest.verify, and by start.sh before the server starts."""
    for damage in ("nothing", "empty folders", *damages(exported / "conv_classifier" / "1")):
        folder = tmp_path / damage.replace(" ", "_")
        version = folder / "m" / "1"
        shutil.copytree(exported / "conv_classifier" / "1", version)
        config.write(folder)
        if damage == "empty folders":
            (version / "assets" / "empty").mkdir(parents=True)
        damages(version).get(damage, lambda: None)()
        start = ["bash", folder / "start.sh", "--port=1"]
        started = subprocess.run(start, env={**os.environ, "TF_MODEL_SERVER": "echo"}, capture_output=True, text=True)
        if damage in ("nothing", "empty folders"):
            manifest.verify(version)
            assert started.stdout == "--port=1\n", started.stderr
        else:
            with pytest.raises(manifest.Damaged, match=re.escape(str(version))):
                manifest.verify(version)
            assert started.returncode == 1 and "--port" not in started.stdout, damage
            assert "m/1/ is not what was exported" in started.stderr, damage


def test_tensorflow_refuses_truncated_exports(exported, tmp_path):
    for damage in ("graph truncated", "weights truncated", "weights changed"):
        version = tmp_path / damage.replace(" ", "_")
        shutil.copytree(exported / "conv_classifier" / "1", version)
        damages(version)[damage]()
        with pytest.raises(
            Exception, match="(?i)cannot parse|not parse|data loss|checksum|truncated|read|out of range"
        ):
            tf.saved_model.load(str(version))


def test_manifest_is_what_sha256sum_writes(exported, capsys):
    version = exported / "draw" / "1"
    assert subprocess.run(["sha256sum", "--check", "--strict", "--quiet", manifest.PATH], cwd=version).returncode == 0
    assert manifest.main([str(version)]) == 0 and "as exported" in capsys.readouterr().out
    assert "must be an exported version" in manifest.main([str(exported)])
