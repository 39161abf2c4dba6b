"""The standalone file: a network's classes, its weights' checksum, reading of images, a command.

The text below is the file as it is written; ``program`` fills in what differs between networks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from studio.project.source.printer import Group, lines
from studio.project.source.starting import Starting
from studio.project.source.writer import Source
from studio.project.values import Network

_PREPROCESS = '''

def preprocess(image: Tensor) -> Tensor:
    """Normalize images (..., C, H, W) of pixels in 0..255 per channel."""
    mean = torch.tensor(MEAN, device=image.device).view(-1, 1, 1)
    deviation = torch.tensor(DEVIATION, device=image.device).view(-1, 1, 1)
    return (image.float() - mean) / deviation
'''

_FEW_CLASSES = 20
_LINE = 80


@dataclass(frozen=True)
class Preparation:
    """What an image goes through: resized to ``(C, H, W)``, then per channel ``(pixel - mean) /
    deviation`` with pixels in 0..255."""

    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


_HEAD = '''\
"""@TITLE@, an image classifier made with Training Studio.

    python @STEM@.py IMAGE [IMAGE ...]

prints the likeliest classes of each image. It needs torch, and the weights beside it
(@STEM@.pt). Pillow reads the images where it is installed; without it
PNG with 8 bits a channel, PGM and PPM are read.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import re
import struct
import sys
import zlib
@ORDERED@from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WEIGHTS = Path(__file__).with_name(@WEIGHTS@)
WEIGHTS_SHA256 = "@SHA256@"
@CLASSES@
CHANNELS, HEIGHT, WIDTH = @SHAPE@
@MEAN@
@DEVIATION@


'''

_BARE_HEAD = '''\
"""@TITLE@, an image classifier made with Training Studio: the network without its weights.

    model = @NAME@()
    initialize(model, seed=0)
    logits = model(preprocess(images))

It needs torch alone.
"""

from __future__ import annotations

@IMPORTS_BARE@import torch
from torch import Tensor, nn
@FUNCTIONAL@
@CLASSES@
CHANNELS, HEIGHT, WIDTH = @SHAPE@
@MEAN@
@DEVIATION@


'''

_TAIL = '''

def load_model(weights: Path = WEIGHTS) -> @NAME@:
    """Load the trained network, ready to classify; ValueError for a damaged file."""
    content = weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        raise ValueError(f"{weights} is damaged, or of another model: export it again")
    model = @NAME@()
    model.load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
    return model.eval()
@PREPROCESS@

def read_image(path: Path) -> Tensor:
    """Read an image as uint8 (C, H, W), stretched to the size the network takes."""
    try:
        from PIL import Image
    except ImportError:
        return resize(decode(path))
    Image.MAX_IMAGE_PIXELS = None  # Pillow only warns; the limit below refuses
    with Image.open(path) as file:
        if file.width * file.height > 64_000_000:
            raise ValueError(f"{file.width}×{file.height} pixels are too many")
        file.draft(None, (2 * WIDTH, 2 * HEIGHT))
        image: Image.Image = file
        if file.mode.startswith("I"):  # 16 bits a pixel
            wide = bytearray(file.convert("I").tobytes())
            gray = (torch.frombuffer(wide, dtype=torch.int32) >> 8).clamp(0, 255)
            image = Image.frombytes("L", file.size, bytes(gray.tolist()))
        image = image.convert("RGB" if CHANNELS == 3 else "L")
        if image.size != (WIDTH, HEIGHT):
            image = image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.view(HEIGHT, WIDTH, CHANNELS).permute(2, 0, 1)


def resize(image: Tensor) -> Tensor:
    """Turn uint8 (1 or 3, height, width) to CHANNELS and to HEIGHT by WIDTH."""
    if CHANNELS == 1 and len(image) == 3:  # luma of ITU-R 601, as Pillow rounds it
        red, green, blue = image.int()
        luma = red * 19595 + green * 38470 + blue * 7471 + 32768
        image = (luma >> 16).to(torch.uint8).unsqueeze(0)
    image = image.expand(CHANNELS, -1, -1).unsqueeze(0)
    size = (HEIGHT, WIDTH)
    return F.interpolate(image, size, mode="bilinear", antialias=True).squeeze(0)


def decode(path: Path) -> Tensor:
    """Decode PNG, PGM or PPM to uint8 (1 or 3, height, width) with torch alone."""
    data = path.read_bytes()
    try:
        if data.startswith(b"\\x89PNG"):
            return decode_png(data)
        head = re.match(rb"P([56])\\s+(?:#.*\\s+)*(\\d+)\\s+(\\d+)\\s+255\\s", data)
        if head:
            pixels = torch.frombuffer(bytearray(data[head.end() :]), dtype=torch.uint8)
            channels = 1 if head[1] == b"5" else 3
            return pixels.view(int(head[3]), int(head[2]), channels).permute(2, 0, 1)
    except (KeyError, IndexError, RuntimeError, struct.error, zlib.error):
        raise ValueError("the image is damaged") from None
    raise ValueError("this kind of image needs Pillow: pip install pillow")


def decode_png(data: bytes) -> Tensor:
    """Decode a PNG (W3C PNG specification, sections 5 and 9)."""
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        chunks[kind] = chunks.get(kind, b"") + data[at + 8 : at + 8 + size]
        at += size + 12
    header = struct.unpack(">2I5B", chunks[b"IHDR"])
    width, height, depth, color, _, _, interlaced = header
    if depth != 8 or interlaced:
        raise ValueError("this kind of PNG needs Pillow: pip install pillow")
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    content = zlib.decompress(chunks[b"IDAT"])
    stride = width * samples
    rows = [bytearray(stride)]
    for start in range(0, height * (stride + 1), stride + 1):
        row = bytearray(content[start + 1 : start + 1 + stride])
        undo_filter(content[start], row, rows[-1], samples)
        rows.append(row)
    pixels = torch.frombuffer(bytearray().join(rows[1:]), dtype=torch.uint8)
    pixels = pixels.view(height, width, samples)
    if color == 3:
        palette = torch.frombuffer(bytearray(chunks[b"PLTE"]), dtype=torch.uint8)
        pixels = palette.view(-1, 3)[pixels.squeeze(2).long()]
    return pixels[..., : 1 if color in (0, 4) else 3].permute(2, 0, 1)


def undo_filter(kind: int, row: bytearray, above: bytearray, samples: int) -> None:
    """Add to each byte what its PNG filter predicted from its neighbors."""
    for i in range(len(row)) if kind else ():
        first = i < samples
        left, corner = (0, 0) if first else (row[i - samples], above[i - samples])
        up = above[i]
        far = (abs(up - corner), abs(left - corner), abs(left + up - 2 * corner))
        paeth = (left, up, corner)[far.index(min(far))]
        row[i] = (row[i] + (0, left, up, (left + up) // 2, paeth)[kind]) & 255


def classify(model: nn.Module, path: Path, top: int = 3) -> list[tuple[str, float]]:
    """Find the likeliest classes of an image, best first, with their probabilities."""
    with torch.inference_mode():
        shares = model(preprocess(read_image(path)).unsqueeze(0)).softmax(1)[0]
    best = shares.topk(min(top, len(CLASSES))).indices.tolist()
    return [(CLASSES[i], float(shares[i])) for i in best]


def main() -> int:
    """Classify the images on the command line; 1 where one could not be read."""
    parser = argparse.ArgumentParser(description="Tell what is on images.")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    paths = parser.parse_args().images
    status = 0
    try:
        model = load_model()
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in paths:
        try:
            found = classify(model, path)
        except (OSError, SyntaxError, ValueError, struct.error, zlib.error) as error:
            print(f"{path}: {error}", file=sys.stderr)
            status = 1
        else:
            ranking = ", ".join(f"{name} {share:.1%}" for name, share in found)
            print(f"{path}: {ranking}")
    return status


if __name__ == "__main__":
    sys.exit(main())
'''


def program(
    network: Network,
    title: str,
    stem: str,
    classes: Sequence[str],
    preparation: Preparation,
    checksum: str = "",
) -> str:
    """The file ``stem``.py for weights in ``stem``.pt whose SHA-256 is ``checksum``.

    Without a checksum it is the network alone: classes and preprocessing, no weights. Raises
    SourceError for a network with problems.
    """
    source = Source(network, title)
    fill = {
        "TITLE": _plain(title),
        "STEM": _plain(stem),
        "ORDERED": "from collections import OrderedDict\n" if source.needs_ordered_dict else "",
        "WEIGHTS": quoted(f"{stem}.pt"),
        "SHA256": checksum,
        "CLASSES": _classes(classes),
        "SHAPE": ", ".join(str(size) for size in preparation.shape),
        "MEAN": _tuple("MEAN", preparation.mean),
        "DEVIATION": _tuple("DEVIATION", preparation.deviation),
        "NAME": source.name,
        "PREPROCESS": _PREPROCESS,
    }
    if not checksum:
        starting = Starting(network)
        imports = (
            "import math\n" * starting.needs_math
            + "from collections import OrderedDict\n" * source.needs_ordered_dict
        )
        fill["IMPORTS_BARE"] = imports and f"{imports}\n"
        uses_functions = re.search(r"\bF\.", source.classes)
        fill["FUNCTIONAL"] = "from torch.nn import functional as F\n" if uses_functions else ""
        parts = (_filled(_BARE_HEAD, fill) + source.classes, starting.text + _PREPROCESS)
        return "\n\n".join(parts)
    return _filled(_HEAD, fill) + source.classes + _filled(_TAIL, fill)


def _filled(text: str, fill: dict[str, str]) -> str:
    parts = text.split("@")
    # Between two marks stands a name; whatever was filled in is not looked at again.
    return "".join(fill[part] if at % 2 else part for at, part in enumerate(parts))


def _tuple(name: str, numbers: Sequence[float]) -> str:
    items = tuple(repr(float(number)) for number in numbers)
    if len(items) == 1:
        return f"{name} = ({items[0]},)"
    return "\n".join(lines(Group("(", items), 0, before=f"{name} = "))


def _classes(names: Sequence[str]) -> str:
    if tuple(names) == tuple(str(number) for number in range(len(names))):
        return f"CLASSES = tuple(str(number) for number in range({len(names)}))"
    if len(names) <= _FEW_CLASSES:
        items = tuple(quoted(name) for name in names)
        return "\n".join(lines(Group("(", items), 0, before="CLASSES = "))
    mark = next(mark for mark in ("|", "/", ";", "\t", "\0") if not any(mark in n for n in names))
    rows = [""]
    for name in names:
        if len(rows[-1]) + len(name) > _LINE and rows[-1]:
            rows.append("")
        rows[-1] += name + mark
    rows[-1] = rows[-1].removesuffix(mark)
    text = "\n".join(f"    {quoted(row)}" for row in rows)
    return f"CLASSES = (\n{text}\n).split({quoted(mark)})"


def quoted(text: str) -> str:
    """``text`` as a Python string, in the quotes that ``ruff format`` would choose."""
    mark = "'" if text.count('"') > text.count("'") else '"'
    inner = "".join(("\\" if c == mark else "") + c if c in "\"'" else repr(c)[1:-1] for c in text)
    return f"{mark}{inner}{mark}"


def _plain(text: str) -> str:
    """``text`` as it may stand in a docstring."""
    words = "".join(c for c in text if c.isprintable() and c not in '"\\')
    return " ".join(words.split())[:60] or "network"
