"""The exported Python file on a machine that has torch and not Training Studio."""

from __future__ import annotations

import importlib.util
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from studio.engine import TorchEngine
from studio.engine.data import DataReader
from studio.engine.decoding import BadImage, decode_image
from studio.engine.export import export_model
from studio.engine.loading import load_trained

# Runs the file as its own process with nothing of the project, nor what the second line forbids.
_ALONE = """
import runpy, sys
for name in {forbidden}: sys.modules[name] = None
sys.argv = {arguments}
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    assert not any(name.partition(".")[0] == "studio" for name in sys.modules if sys.modules[name])
"""
_TORCH_ALONE = ("studio", "PIL", "torchvision", "sklearn", "safetensors", "msgspec")


def _run_alone(
    folder: Path, *arguments: str, forbidden: tuple[str, ...] = _TORCH_ALONE
) -> subprocess.CompletedProcess[str]:
    text = _ALONE.format(forbidden=forbidden, arguments=["model.py", *arguments])
    call = [sys.executable, "-I", "-W", "error", "-c", text]
    return subprocess.run(call, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with model.py and model.pt."""
    folder = tmp_path_factory.mktemp("elsewhere")
    export_model(trained, "python", folder / "model.py")
    return folder


@pytest.fixture(scope="module")
def module(exported: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("exported_model", exported / "model.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def _write_png(path: Path, pixels: np.ndarray, kind: int = 0) -> None:
    """Gray 8-bit PNG without a library, every row with the filter ``kind``."""
    height, width = pixels.shape
    rows, before = [], [0] * width
    for row in pixels.tolist():
        coded = []
        for i, value in enumerate(row):
            a, b, c = (row[i - 1], before[i], before[i - 1]) if i else (0, before[i], 0)
            p = a + b - c
            paeth = min((a, b, c), key=lambda q: abs(p - q))
            coded.append((value - (0, a, b, (a + b) // 2, paeth)[kind]) % 256)
        rows.append(bytes([kind, *coded]))
        before = row

    def chunk(name: bytes, body: bytes) -> bytes:
        check = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)

    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(rows)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b""))


def test_with_torch_alone_it_reaches_the_accuracy_that_evaluate_shows(
    exported: Path, trained: Path, engine: TorchEngine, tmp_path: Path
) -> None:
    model = load_trained(trained)
    data = DataReader().read(model.project.data, model.input_shape)
    held_out = data.splits["test"]
    names = []
    for number, position in enumerate(held_out):
        names.append(str(tmp_path / f"{number}.png"))
        _write_png(Path(names[-1]), data.pixels[position][0], kind=number % 5)
    done = _run_alone(exported, *names)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == len(held_out)
    hits = sum(
        line.split(": ")[-1].split()[0] == data.classes[data.labels[position]]
        for line, position in zip(lines, held_out, strict=True)
    )
    assert hits / len(held_out) == pytest.approx(engine.evaluate(trained).accuracy, abs=1e-9)
    # It has learned something, or the two could agree by both being wrong.
    assert hits / len(held_out) > 0.3


def test_it_prints_what_studio_predict_does(
    exported: Path, trained: Path, engine: TorchEngine, tmp_path: Path
) -> None:
    path = tmp_path / "wide.png"
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(noise).save(path)
    (expected,) = engine.predict(trained, [path])
    words = ", ".join(f"{name} {share:.1%}" for name, share in expected.top[:3])
    done = _run_alone(exported, str(path), forbidden=("studio",))
    assert done.stdout == f"{path}: {words}\n"
    assert done.returncode == 0


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
@pytest.mark.parametrize("size", [(16, 16), (31, 9)])
def test_its_own_png_reader_sees_what_pillow_sees(
    mode: str, size: tuple[int, int], module: ModuleType, tmp_path: Path
) -> None:
    random.seed(0)
    base = Image.frombytes("RGB", size, random.randbytes(size[0] * size[1] * 3))
    image = base.quantize(64) if mode == "P" else base.convert(mode)
    path = tmp_path / "image.png"
    image.save(path)
    own = module.resize(module.decode(path)).int().numpy()
    ours = decode_image(path, (1, 16, 16)).astype(int)
    # Resizing in torch may round otherwise than Pillow by one level; reading must not.
    assert np.abs(own - ours).max() <= (0 if size == (16, 16) else 2)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tiff"])
def test_with_pillow_it_reads_what_training_reads(
    suffix: str, module: ModuleType, tmp_path: Path
) -> None:
    random.seed(1)
    path = tmp_path / f"image{suffix}"
    Image.frombytes("RGB", (90, 70), random.randbytes(90 * 70 * 3)).save(path)
    assert np.array_equal(module.read_image(path).numpy(), decode_image(path, (1, 16, 16)))


def test_with_pillow_it_reads_16_bit_images_as_training_does(
    module: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.linspace(0, 65535, 400).reshape(20, 20).astype(np.uint16)).save(path)
    assert np.array_equal(module.read_image(path).numpy(), decode_image(path, (1, 16, 16)))


def test_with_pillow_it_refuses_an_image_of_too_many_pixels_as_training_does(
    module: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (9000, 9000)).save(path)
    with pytest.raises(ValueError, match="9000×9000 pixels are too many"):
        module.read_image(path)
    with pytest.raises(BadImage, match="9000×9000 pixels"):
        decode_image(path, (1, 16, 16))


def test_damaged_weights_are_noticed_by_their_checksum(exported: Path, tmp_path: Path) -> None:
    content = bytearray((exported / "model.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "model.pt").write_bytes(content)
    (tmp_path / "model.py").write_bytes((exported / "model.py").read_bytes())
    _write_png(tmp_path / "image.png", np.zeros((16, 16), np.uint8))
    done = _run_alone(tmp_path, "image.png")
    assert "damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_missing_weights_are_named(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_bytes((exported / "model.py").read_bytes())
    done = _run_alone(tmp_path, "image.png")
    assert "model.pt" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_image_is_named_and_the_others_are_classified(exported: Path, tmp_path: Path) -> None:
    good, cut, other = tmp_path / "good.png", tmp_path / "cut.png", tmp_path / "other.jpg"
    _write_png(good, np.zeros((16, 16), np.uint8))
    cut.write_bytes(good.read_bytes()[:60])
    Image.new("L", (16, 16)).save(other)
    done = _run_alone(exported, str(cut), str(other), str(tmp_path / "none.png"), str(good))
    assert done.stdout.startswith(f"{good}: ")
    errors = done.stderr.splitlines()
    assert errors[0] == f"{cut}: the image is damaged"
    assert "needs Pillow" in errors[1]
    assert "none.png" in errors[2]
    assert len(errors) == 3


def test_the_class_is_named_after_the_run_without_its_date(module: ModuleType) -> None:
    assert hasattr(module, "Digits")
    assert tuple(module.CLASSES) == tuple(str(digit) for digit in range(10))
