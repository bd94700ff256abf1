"""What the tests share: a cache and a home of their own, and small workloads."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

TINY = '''"""A tiny network for tests."""
from benchsuite.types import Scale, Signature, TensorSpec, Workload

WORKLOAD = Workload(
    title="Tiny",
    paper="none",
    frame="image",
    scales={"reference": Scale(signatures=(Signature(inputs=(TensorSpec(shape=(3, 8, 8)),)),),
                               batch=4)},
)


def build(scale):
    from torch import nn

    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
'''


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing of the user's is read or written: cache, store and pages lie in a fresh folder."""
    base = tmp_path_factory.mktemp("benchsuite")
    names = {"BENCHSUITE_CACHE": base / "cache", "BENCHSUITE_HOME": base / "home"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: str(path) for name, path in names.items()})
    yield base
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture
def cache(own_folders: Path) -> Path:
    """The session's cache, so that data and peaks are prepared once."""
    return own_folders / "cache"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A content folder of another team with one tiny workload, `image/tiny`."""
    folder = tmp_path / "content" / "workloads" / "image"
    folder.mkdir(parents=True)
    (folder / "tiny.py").write_text(TINY)
    return tmp_path / "content"


@pytest.fixture(scope="session")
def torchvision_models() -> Iterator[ModuleType]:
    """Torchvision's definitions; PyPI's build has operators that a CPU torch does not know."""
    import torch

    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed (pip install --no-deps torchvision pillow)")
    library = None
    try:
        from torchvision import models
    except RuntimeError:  # its extension does not load here: declare what it would define
        for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        from torchvision import models
    yield models
    del library
