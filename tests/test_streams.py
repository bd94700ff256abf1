"""Tests of sets that lie in a user's folder: streamed, prepared, judged, broken files left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchsuite import datasets
from benchsuite.cli import main
from benchsuite.errors import BadInput
from benchsuite.harness.stream import Stream
from benchsuite.types import TensorSpec

PIL = pytest.importorskip("PIL.Image")

# red pictures are class 0, green ones class 1: the mean of a channel tells them apart
COLOURS = '''"""Tells red from green."""
from benchsuite import scoring
from benchsuite.types import Quality, Scale, Signature, TensorSpec, Workload

WORKLOAD = Workload(
    title="Colours", paper="none", frame="image",
    scales={"reference": Scale(
        signatures=(Signature(inputs=(TensorSpec(shape=(3, 8, 8)),)),), batch=4,
        qualities={"imagenet": Quality(measure="top-1", target=0.9)},
    )},
)


def build(scale):
    from torch import nn

    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2, bias=False))


def pretrained():
    import torch

    return {"2.weight": torch.eye(2, 3)}


def prepare(sample, scale):
    import numpy as np

    from benchsuite.formats.images import Preparation
    from benchsuite.formats.images import prepare as prepared

    return prepared(sample[0], Preparation(shorter_side=10, crop=(8, 8), scale=1 / 255))


def postprocess(outputs):
    return outputs[0].argmax(axis=1)


def score(outputs, split):
    return scoring.top_k(outputs, split)
'''


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A validation folder of two synsets, six pictures each."""
    generator = np.random.default_rng(0)
    for label, synset in enumerate(("n00000001", "n00000002")):
        folder = tmp_path / "pictures" / "val" / synset
        folder.mkdir(parents=True)
        for number in range(6):
            pixels = generator.integers(0, 60, size=(20, 30, 3), dtype=np.uint8)
            pixels[..., label] += 150
            PIL.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "pictures" / "synsets.txt").write_text("n00000001\nn00000002\n")
    return tmp_path / "pictures"


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    path = tmp_path / "content" / "workloads" / "image" / "colours.py"
    path.parent.mkdir(parents=True)
    path.write_text(COLOURS)
    return tmp_path / "content"


def measured(colours: Path, pictures: Path | None, tmp_path: Path) -> dict[str, object]:
    """The one row of a run on a folder of pictures, or on none."""
    out = tmp_path / "r.json"
    data = [] if pictures is None else ["--data", f"imagenet={pictures}"]
    code = main(
        ["run", "image/colours", "--content", str(colours), *data, "--backend", "eager",
         "--scenario", "Offline", "--threads", "1", "--store", str(tmp_path / "r.db"),
         "--report", "none", "--json", str(out), "--quiet"]
    )  # fmt: skip
    assert code == 0
    (row,) = json.loads(out.read_text())["results"]
    found: dict[str, object] = row
    return found


def test_pictures_in_a_folder_are_judged(colours: Path, pictures: Path, tmp_path: Path) -> None:
    """Every picture is decoded, prepared and classified; the stages have their own times."""
    row = measured(colours, pictures, tmp_path)
    metrics = row["metrics"]
    assert row["dataset"] == "imagenet"
    assert metrics["accuracy"]["value"] == 1.0  # type: ignore[index]
    before, after, whole = (
        metrics[key]["value"]  # type: ignore[index]
        for key in ("preprocess_time", "postprocess_time", "end_to_end_throughput")
    )
    assert before > 0 and after > 0
    speed = metrics["throughput"]["value"]  # type: ignore[index]
    assert whole == pytest.approx(1 / (1 / speed + before + after))
    assert row["class"] in ("qualified", "unranked")


def test_a_broken_picture_is_left_out_and_named(
    colours: Path, pictures: Path, tmp_path: Path
) -> None:
    """A file that does not decode costs its sample, is counted, and stands in `how`."""
    (pictures / "val" / "n00000002" / "3.png").write_bytes(b"no picture")
    row = measured(colours, pictures, tmp_path)
    found = row["metrics"]["accuracy"]  # type: ignore[index]
    assert found["value"] == 1.0
    assert "1 of 12 samples left out" in found["how"]
    assert "3.png" in found["how"]
    assert "left_out" in {warning["code"] for warning in row["warnings"]}  # type: ignore[attr-defined]


def test_without_the_folder_inputs_are_random(colours: Path, tmp_path: Path) -> None:
    """No folder: speed only, and the reason says how to give one."""
    row = measured(colours, None, tmp_path)
    assert row["dataset"] is None
    metrics = row["metrics"]
    assert "--data imagenet=DIR" in metrics["accuracy"]["reason"]  # type: ignore[index]
    assert metrics["end_to_end_throughput"]["value"] is None  # type: ignore[index]
    assert metrics["lpirc_correct"]["value"] is None  # type: ignore[index]


def test_a_wrong_folder_names_what_is_missing(
    colours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty folder: exit 2, and what it must hold."""
    (tmp_path / "empty").mkdir()
    place = f"imagenet={tmp_path / 'empty'}"
    store = str(tmp_path / "r.db")
    code = main(
        ["run", "image/colours", "--content", str(colours), "--data", place, "--store", store]
    )
    assert code == 2
    said = capsys.readouterr().err
    assert "val/" in said
    assert len(said.strip().splitlines()) == 1


def test_what_a_folder_holds_is_its_hash(pictures: Path, cache: Path) -> None:
    """The same folder has the same hash; another file another one."""
    first = datasets.prepare("imagenet", cache=cache, place=pictures)
    assert datasets.prepare("imagenet", cache=cache, place=pictures) == first
    (pictures / "val" / "n00000001" / "0.png").unlink()
    assert datasets.prepare("imagenet", cache=cache, place=pictures).hash != first.hash


def test_a_streamed_set_needs_its_folder(cache: Path) -> None:
    """Each set that is the user's says what its folder must hold."""
    names = [name for name in datasets.names() if datasets.streamed(name)]
    assert {"imagenet", "kitti", "librispeech", "ucf101"} <= set(names)
    for name in names:
        with pytest.raises(BadInput, match=f"--data {name}=DIR; it must hold"):
            datasets.prepare(name, cache=cache)


def test_a_stream_is_indexed_like_an_array() -> None:
    """Slices and index arrays give stacked samples; a broken one is zeros and noted."""

    def prepare(sample: int) -> np.ndarray:
        if sample == 2:
            raise BadInput("two.png: broken")
        return np.full((2,), sample, dtype=np.float32)

    stream = Stream(range(5), prepare, TensorSpec(shape=(2,)))  # type: ignore[arg-type]
    assert stream[1:4].tolist() == [[1, 1], [0, 0], [3, 3]]
    assert stream[np.array([4, 0])].tolist() == [[4, 4], [0, 0]]
    assert stream.broken == {2: "two.png: broken"}
    wrong = Stream(range(1), lambda sample: np.zeros(3, dtype=np.float32), TensorSpec(shape=(2,)))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="the signature says"):
        wrong.one(0)
