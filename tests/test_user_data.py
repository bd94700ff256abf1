"""Every set that users have on disk, with a network of the catalogue that takes it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from benchsuite import catalog, datasets
from benchsuite.errors import BadInput
from benchsuite.harness import accuracy, network
from benchsuite.plan import Request, make_plan
from benchsuite.types import REFERENCE, Array, Arrays, Score, Split, SystemSpec
from tests.trees import MAKERS

pytest.importorskip("av")
pytest.importorskip("PIL")
pytest.importorskip("jiwer")

CATALOG = catalog.load_catalog(catalog.content_roots())
TAKERS = {
    "imagenet": "image/alexnet",
    "cifar-10": "image/vit_b_16",
    "cifar-100": "image/efficientnet_lite0",
    "kitti": "image/squeezedet",
    "coco": "image/squeezedet",
    "voc": "image/squeezedet_plus",
    "ucf101": "video/slow_fusion",
    "kinetics": "video/r2plus1d_18",
    "speech-commands": "audio/ds_cnn",
    "librispeech": "audio/deepspeech2",
}


def planned(workload: str, data: dict[str, Path], *, cache: Path, home: Path) -> SystemSpec:
    """The one system that a run of a workload on a user's data is."""
    request = Request(
        targets=(workload,), scale=REFERENCE, backends=("eager",), threads=1, data=data
    )
    (spec,) = make_plan(request, cache=cache, home=home).specs
    return spec


def judged(spec: SystemSpec) -> tuple[Split, list[Array], Score]:
    """The test split in its buckets, what the network is given, and the score of random answers."""
    import torch

    entry = CATALOG.entries[spec.name]
    assert spec.data is not None and spec.dataset is not None
    split, inputs = network.split_inputs(
        entry, spec.scale, datasets.load(Path(spec.data), "test"), dataset=spec.dataset
    )
    with torch.device("meta"):  # the shapes of its answers are all that is needed of the network
        net = network.build(entry, spec.scale)

    def answer(shape: tuple[int, ...]) -> tuple[int, ...]:
        if spec.name == "audio/deepspeech2":  # step by step through time on the meta device
            return shape[0], (shape[3] + 1) // 2, 29
        return tuple(net(torch.empty(shape, device="meta")).shape)

    generator = np.random.default_rng(0)
    given: list[Array] = []
    outputs: list[Arrays] = []
    for part in inputs:
        array = np.asarray(part[0][:])
        given.append(array)
        shape = answer(array.shape)
        outputs.append((generator.standard_normal(shape, dtype=np.float32),))
    return split, given, accuracy.judge(entry, outputs, split, inputs=inputs)


def test_every_streamed_set_has_a_tree_and_a_taker() -> None:
    """A set's file that no network takes would be data that nobody can use."""
    streamed = {name for name in datasets.names() if datasets.streamed(name)}
    assert streamed == set(MAKERS) == set(TAKERS)


@pytest.mark.parametrize("name", MAKERS)
def test_a_tree_is_read_prepared_and_judged(
    name: str, tmp_path: Path, cache: Path, own_folders: Path
) -> None:
    """What decodes is given to the network in its shapes; the broken file is counted and named."""
    broken = MAKERS[name](tmp_path)
    spec = planned(TAKERS[name], {name: tmp_path}, cache=cache, home=own_folders)
    assert spec.dataset == name
    split, given, score = judged(spec)
    assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in given)
    lost = sum(not array.any() for part in given for array in part)
    assert score.left_out == lost
    assert score.samples == len(split) - lost > 0
    assert 0 <= score.value <= 1 or name == "librispeech"
    if broken is None:
        assert lost == 0
    else:
        assert lost >= 1
        assert broken in score.how
        assert f"{lost} of {len(split)} samples left out" in score.how


@pytest.mark.parametrize("name", MAKERS)
def test_an_empty_folder_is_refused(
    name: str, tmp_path: Path, cache: Path, own_folders: Path
) -> None:
    """The first thing missing is named."""
    with pytest.raises(BadInput, match=r"must hold|no folder|no file|is missing|: no |neither"):
        planned(TAKERS[name], {name: tmp_path}, cache=cache, home=own_folders)


def test_speech_lies_in_buckets_of_its_length(
    tmp_path: Path, cache: Path, own_folders: Path
) -> None:
    """1.5 s and what has no length in the first, 5 s in the second, 12 s in the last of four."""
    MAKERS["librispeech"](tmp_path)
    spec = planned("audio/deepspeech2", {"librispeech": tmp_path}, cache=cache, home=own_folders)
    split, given, score = judged(spec)
    assert [len(part) for part in split.parts] == [2, 1, 0, 1]
    assert split.parts[1].targets["text"].tolist() == ["it's fine"]
    columns = [array.shape[3] for array in given]
    assert columns == [399, 599, 999, 3499]
    heard = (16_000 * 5 - 320) // 160 + 1
    second = given[1][0, 0]
    assert not second[:, heard:].any()
    assert second[:, :heard].mean() == pytest.approx(0, abs=1e-4)
    assert second[:, :heard].std() == pytest.approx(1, abs=1e-3)
    assert "61-70968-0004.flac: missing" in score.how
    assert "character error rate" in score.beside


def test_what_was_filled_up_is_not_listened_to() -> None:
    """Letters that the network gives behind the end of a recording do not count."""
    from benchsuite.datasets.espeak_commands import ALPHABET
    from benchsuite.types import Part

    # two seconds are 199 columns of which every other one is scored
    spelt = [ALPHABET.index(letter) for letter in "go on" + "_" * 95 + "x" * 100]
    scores = np.eye(29, dtype=np.float32)[[spelt]]
    part = Part(inputs=(), targets={"text": np.array(["go on"]), "frames": np.array([2.0])})
    judge = CATALOG.entries["audio/deepspeech2"].module.score
    assert judge([(scores,)], Split(parts=(part,))).value == 1.0
    whole = Part(inputs=(), targets={"text": np.array(["go on"])})
    assert judge([(scores,)], Split(parts=(whole,))).value < 1.0


def test_a_recording_that_no_bucket_holds_is_left_out(
    tmp_path: Path, cache: Path, own_folders: Path
) -> None:
    """36 s are more than the longest input."""
    from tests.test_formats_audio import noise, write_flac

    MAKERS["librispeech"](tmp_path)
    folder = next(tmp_path.rglob("61-70968-0001.flac")).parent
    write_flac(folder / "61-70968-0001.flac", noise(16_000 * 36))
    write_flac(folder / "61-70968-0003.flac", noise(16_000))
    spec = planned("audio/deepspeech2", {"librispeech": tmp_path}, cache=cache, home=own_folders)
    _, _, score = judged(spec)
    assert score.left_out == 1
    assert "61-70968-0001.flac: too long for the longest input, 3599 columns of 3499" in score.how


@pytest.mark.parametrize(
    "workload",
    ["single_frame", "early_fusion", "late_fusion", "slow_fusion", "multiresolution"],
)
def test_the_sports_networks_take_ucf101(
    workload: str, tmp_path: Path, cache: Path, own_folders: Path
) -> None:
    """Five clips a video; of a video the mean of its clips is judged beside them."""
    MAKERS["ucf101"](tmp_path)
    spec = planned(f"video/{workload}", {"ucf101": tmp_path}, cache=cache, home=own_folders)
    split, (clips,), score = judged(spec)
    assert split.parts[0].targets["video"].tolist() == [0] * 5 + [1] * 5
    (spec_of,) = CATALOG.entries[spec.name].scale(REFERENCE).signatures[0].inputs
    assert clips.shape == (10, *spec_of.shape)
    assert "per video" in score.beside
    assert clips[:5].any() and not clips[5:].any()


def test_a_set_of_other_classes_needs_weights_of_ones_own(
    tmp_path: Path, cache: Path, own_folders: Path
) -> None:
    """ImageNet's weights that a package brings are not judged on CIFAR's classes."""
    MAKERS["cifar-10"](tmp_path)
    spec = planned(
        "image/efficientnet_lite0", {"cifar-10": tmp_path}, cache=cache, home=own_folders
    )
    assert not spec.pretrained
    assert spec.weights_reason is not None and "cifar-10" in spec.weights_reason


def test_data_that_nothing_takes_are_told(tmp_path: Path, cache: Path, own_folders: Path) -> None:
    """A folder for another network's data is a note, since one list of places serves all runs."""
    MAKERS["librispeech"](tmp_path)
    request = Request(targets=("image/lenet",), data={"librispeech": tmp_path}, threads=1)
    plan = make_plan(request, cache=cache, home=own_folders)
    assert "data set librispeech: no network chosen takes it" in plan.notes


def test_buckets_are_in_order() -> None:
    """Every scale's buckets begin with the shortest, as `in_buckets` needs."""
    found = [
        [signature.frames for signature in signatures]
        for entry in CATALOG.entries.values()
        for scale in entry.workload.scales.values()
        for signatures in scale.buckets.values()
    ]
    assert found
    for ends in found:
        assert all(a < b for a, b in itertools.pairwise(ends))
