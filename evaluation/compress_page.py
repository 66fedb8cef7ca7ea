"""What compress.py kept, as Markdown: no more than the standard library, for report.py."""

import json
import pathlib


def read_all(results_dir):
    """What `compare` kept."""
    return [
        json.loads(path.read_text("utf-8")) for path in sorted(pathlib.Path(results_dir, "compress").glob("*.json"))
    ]


def page(contents):
    """What `compare` kept, in Markdown."""
    parts = []
    for content in contents:
        measured, n = content["measured"], f"{content['images']:,}"
        off = 100.0 * (measured["file"] / measured["claimed"] - 1.0)
        lines = [("Gated PixelCNN: the file", "-", measured["file"])]
        lines += [("Gated PixelCNN: what its likelihood claims", "-", measured["claimed"])]
        lines += [
            (name, values["each"], values["together"]) for name, values in measured.items() if isinstance(values, dict)
        ]
        table = [("bits/dim; lower is better", "a file an image", "one file"), ("---", "---", "---")]
        table += [(name, *(f if f == "-" else f"{f:.3f}" for f in values)) for name, *values in lines]
        parts.append(f"## {content['data_title']}, {n} test images")
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in table))
        parts.append(
            f"The file is {abs(off):.2f}% {'larger' if off > 0 else 'smaller'} than claimed, and came back bit for bit "
            f"in another process. Encoding took {1 / measured['encode_images_per_second']:.2g} s an image, decoding "
            f"{1 / measured['decode_images_per_second']:.2g} s, with {content['side_by_side']} images side by side on "
            f"{content['hardware']}. Weights: {content['model']}; their size is not counted. The other codecs were not "
            "made for such small images, where a file's header counts much."
        )
    return "\n\n".join(parts) + "\n"
