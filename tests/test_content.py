"""Tests over every content file: an addition is covered without an edit here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchsuite import catalog, datasets
from benchsuite.accounting.summary import count_workload
from benchsuite.catalog import Entry, file_hash
from benchsuite.errors import MissingPackage
from benchsuite.goals import load_goals
from benchsuite.harness import network
from benchsuite.metrics import METRICS
from benchsuite.plan import load_suite

ROOTS = catalog.content_roots()
CATALOG = catalog.load_catalog(ROOTS)
SCALED = [
    (name, scale) for name, entry in CATALOG.entries.items() for scale in entry.workload.scales
]
WEIGHTS = sorted((ROOTS[-1] / "workloads" / "weights").rglob("*.safetensors"))


def test_no_shipped_workload_is_broken() -> None:
    """Every file under workloads/ loads."""
    assert CATALOG.broken == {}
    assert {name.partition("/")[0] for name in CATALOG.entries} == {
        "text",
        "audio",
        "image",
        "video",
    }


@pytest.mark.parametrize(("name", "scale"), SCALED)
def test_every_scale_can_be_counted(name: str, scale: str) -> None:
    """A workload builds on the meta device, and every operator of it is known."""
    try:
        counted = count_workload(CATALOG.entries[name], scale=scale, batch=1)
    except MissingPackage as error:
        pytest.skip(str(error))
    assert counted.uncounted == ()
    assert counted.parameters > 0
    assert counted.work > 0
    assert 0 < counted.work_without_padding <= counted.work


@pytest.mark.parametrize("name", sorted(CATALOG.entries))
def test_every_workload_says_what_it_is(name: str) -> None:
    """Title, paper and frame are given, both scales exist, and every data set it names does."""
    workload = CATALOG.entries[name].workload
    assert workload.title
    assert workload.paper
    assert workload.frame
    assert workload.latency_bound_s
    assert workload.rate or name.startswith("text/")
    assert "reference" in workload.scales
    for scale in workload.scales.values():
        for dataset, quality in scale.qualities.items():
            assert datasets.describe(dataset).title
            assert 0 < quality.target <= 1
    if "embedded" in workload.scales:
        graph = hasattr(CATALOG.entries[name].module, "graph")  # brings its weights
        assert graph or workload.scales["embedded"].training is not None


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_shipped_weights_file_has_its_record(path: Path) -> None:
    """Weights load into the network they name, met their target, and the record's hashes agree."""
    record = json.loads(path.with_suffix(".json").read_text())
    for key in ("command", "seed", "data", "epochs", "seconds", "score", "versions", "processor"):
        assert key in record, key
    entry = CATALOG.entries[record["workload"]]
    net = network.build(entry, record["scale"])
    network.load_weights(net, path)
    assert network.weights_hash(net) == record["weights_hash"]
    assert catalog.network_hash(entry, record["scale"]) == record["network_hash"], (
        "the workload file was edited"
    )
    quality = entry.scale(record["scale"]).qualities[record["dataset"]]
    assert record["score"]["value"] >= quality.target == record["target"]
    assert file_hash(path)


def test_the_shipped_weights_are_small() -> None:
    """All weights together take at most 20 MB."""
    assert 0 < sum(path.stat().st_size for path in WEIGHTS) <= 20e6


@pytest.mark.parametrize(
    "name", sorted({w.parent.parent.name + "/" + w.parent.name for w in WEIGHTS})
)
def test_the_embedded_scale_takes_its_own_data(name: str, cache: Path) -> None:
    """A prepared data set has the shapes that the workload's signatures say, none of it zeros."""
    entry = CATALOG.entries[name]
    dataset = next(iter(entry.scale("embedded").qualities))
    prepared = datasets.prepare(dataset, cache=cache)
    for which in datasets.SPLITS:
        split = datasets.load(prepared.folder, which)
        assert len(split) > 0
    test = datasets.load(prepared.folder, "test")
    network.check_split(entry, "embedded", test)
    (first, *_) = network.preprocess(entry, tuple(a[:4] for a in test.parts[0].inputs))
    assert np.any(first != 0)


@pytest.mark.parametrize("name", sorted(catalog.named_files(ROOTS, "suites")))
def test_every_suite_loads(name: str) -> None:
    """A shipped suite has groups, and their workloads exist."""
    suite = load_suite(catalog.named_files(ROOTS, "suites")[name])
    for group in suite.groups:
        for pattern in group.workloads:
            assert catalog.select(CATALOG, pattern)


def test_every_goals_file_loads() -> None:
    """Shipped goals name metrics that there are."""
    for path in catalog.named_files(ROOTS, "goals").values():
        assert load_goals(path, keys=METRICS).title


STREAMED = [
    (entry, scale)
    for entry in CATALOG.entries.values()
    for scale, settings in entry.workload.scales.items()
    # recordings in buckets are prepared by their set: tests/test_user_data.py
    if any(datasets.streamed(name) for name in settings.qualities) and not settings.buckets
]


@pytest.mark.parametrize(
    ("entry", "scale"), STREAMED, ids=[f"{entry.name}-{scale}" for entry, scale in STREAMED]
)
def test_what_a_user_has_on_disk_becomes_the_networks_input(entry: Entry, scale: str) -> None:
    """A decoded picture, recording or video of odd size is prepared as the signature says."""
    pytest.importorskip("PIL")
    generator = np.random.default_rng(0)
    samples = {
        "image": generator.integers(0, 256, size=(301, 407, 3), dtype=np.uint8),
        "audio": generator.uniform(-1, 1, size=12_345).astype(np.float32),
        "video": generator.integers(0, 256, size=(16, 130, 171, 3), dtype=np.uint8),
    }
    ((spec,),) = (s.inputs for s in entry.scale(scale).signatures)
    made = entry.module.prepare((samples[entry.domain],), scale)
    assert made.shape == spec.shape
    assert str(made.dtype) == spec.dtype
    assert 0 < made.std() < np.inf
