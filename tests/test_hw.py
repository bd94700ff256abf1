"""Tests of `benchsuite.hw` and of every device model in `hw/`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from benchsuite import hw
from benchsuite.errors import BadInput

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "hw").glob("*.toml"))
GENOA = ("AuthenticAMD", 25, 17)

GOOD = """
name = "Test One"
vendor = "Test"
kind = "cpu"
year = 2020
match = ["Test One Processor"]
match_cpuid = { vendor = "TestVendor", family = 7, model = [1, 2] }

[cores]
value = 4
source = "a sheet"

[clock]
value = 2e9
source = "a sheet"

[boost_clock]
value = 3e9
source = "a sheet"

[peaks.fp32]
units = 2
lanes = 8
source = "a manual"

[power_envelope]
value = 40
source = "a sheet"

[[caches]]
name = "L2"
bytes = 1000
shared_by = 1
source = "a sheet"
"""


@pytest.fixture(scope="module")
def catalogue() -> hw.Catalogue:
    return hw.models([ROOT])


def write(folder: Path, text: str, *, stem: str = "one") -> Path:
    (folder / "hw").mkdir(exist_ok=True)
    path = folder / "hw" / f"{stem}.toml"
    path.write_text(text, encoding="utf-8")
    return path


# --- every file in hw/ ---------------------------------------------------------------------------


def test_content_loads_whole(catalogue: hw.Catalogue) -> None:
    """Every file in hw/ loads, and the seed era and today are both there."""
    assert catalogue.broken == {}
    assert set(catalogue.models) == {path.stem for path in FILES}
    assert {"titan-x-maxwell", "k20x", "tegra-tx1", "h200-sxm-141gb"} <= set(catalogue.models)
    assert sum(model.kind == "cpu" for model in catalogue.models.values()) >= 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_number_names_its_source(path: Path) -> None:
    """A source stands beside every number and names a document with its year or number."""
    with path.open("rb") as file:
        content = tomllib.load(file)
    tables = [content[key] for key in ("cores", "clock", "boost_clock") if key in content]
    tables += [content[key] for key in ("bandwidth", "memory", "power_envelope", "price")
               if key in content]  # fmt: skip
    tables += [*content.get("peaks", {}).values(), *content.get("caches", [])]
    assert tables
    for table in tables:
        assert any(letter.isdigit() for letter in table["source"]), table


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_figures_are_plausible(path: Path) -> None:
    """Peaks do not fall with fewer bits, and ridge point, bandwidth and power are of this world."""
    model = hw.load(path)
    peaks = {key: figure.value for key, figure in model.peaks.items()}
    if model.key != "quadro-k1200":
        assert "fp32" in peaks
    for key, value in peaks.items():
        assert 1e11 < value < 1e16
        assert value >= peaks["fp32"], key
    for fewer, more in (("tf32", "bf16"), ("bf16", "int8"), ("fp16", "int8")):
        if fewer in peaks and more in peaks:
            assert peaks[fewer] <= peaks[more]
    if model.bandwidth is None:
        assert "bandwidth" in model.note  # what is not there has its reason
    else:
        assert 1e10 < model.bandwidth.value < 1e13
    for key in peaks:
        ridge = hw.ridge_point(model, key)
        assert ridge is not None and 2 < ridge < 1000
    if model.power_envelope:
        assert 5 <= model.power_envelope.value <= 1000
        per_watt = peaks.get("fp32", 1e10 * model.power_envelope.value) / model.power_envelope.value
        assert 2e9 < per_watt < 2e11
    sizes = [cache.size_b for cache in model.caches]
    assert sizes == sorted(sizes)
    assert 2010 < model.year < 2030


def test_no_two_models_claim_one_device(catalogue: hw.Catalogue) -> None:
    """A reported name, and a processor family with its model number, belongs to one file."""
    names = [(m.kind, name.casefold()) for m in catalogue.models.values() for name in m.match]
    families = [
        (m.match_cpuid.vendor, m.match_cpuid.family, number)
        for m in catalogue.models.values()
        if m.match_cpuid
        for number in m.match_cpuid.models
    ]
    assert len(names) == len(set(names))
    assert len(families) == len(set(families))


@pytest.mark.parametrize(
    ("key", "precision", "flops"),
    [
        ("a100-sxm4-40gb", "fp32", 19.5e12),
        ("a100-sxm4-80gb", "tf32", 156e12),
        ("a100-pcie-80gb", "bf16", 312e12),
        ("h200-sxm-141gb", "fp32", 66.9e12),
        ("h200-sxm-141gb", "int8", 1978.9e12),
        ("h100-sxm5-80gb", "bf16", 989.4e12),
        ("tegra-tx1", "fp32", 512e9),
        ("tegra-tx1", "fp16", 1024e9),
        ("t4", "int8", 130e12),
        ("p4", "int8", 22e12),
        ("k80", "fp32", 8.74e12 / 2),
        ("titan-x-maxwell", "fp32", 3072 * 2 * 1.075e9),
        ("epyc-9004-genoa", "fp32", 96 * 2 * 8 * 2 * 2.4e9),
        ("xeon-e5-2680-v3", "fp32", 960e9),
        ("xeon-platinum-8480plus", "int8", 56 * 2048 * 2.0e9),
    ],
)
def test_published_peaks(catalogue: hw.Catalogue, key: str, precision: str, flops: float) -> None:
    """Peaks are the dense ones, worked out here by hand from the sheets."""
    assert catalogue.models[key].peaks[precision].value == pytest.approx(flops)


@pytest.mark.parametrize(
    ("key", "bandwidth", "power"),
    [
        ("a100-sxm4-80gb", 2039e9, 400),
        ("h200-sxm-141gb", 4.8e12, 700),
        ("tegra-tx1", 25.6e9, 15),
        ("v100-pcie-16gb", 900e9, 250),
        ("epyc-9004-genoa", 460.8e9, 360),
    ],
)
def test_published_bandwidth_and_power(
    catalogue: hw.Catalogue, key: str, bandwidth: float, power: float
) -> None:
    """Bandwidth and power envelope are the sheets'."""
    model = catalogue.models[key]
    assert model.bandwidth and model.bandwidth.value == pytest.approx(bandwidth)
    assert model.power_envelope and model.power_envelope.value == power


# --- reading -------------------------------------------------------------------------------------


def test_derived_peak_shows_its_working(tmp_path: Path) -> None:
    """A peak given as units and lanes is worked out, and its source shows how."""
    peak = hw.load(write(tmp_path, GOOD)).peaks["fp32"]
    assert peak.value == 4 * 2 * 8 * 2 * 2e9
    assert "4 cores x 2 units x 8 lanes x 2 FLOP x 2 GHz" in peak.source
    assert "a manual" in peak.source


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('[cores]\nvalue = 4\nsource = "a sheet"', "[cores]\nvalue = 4", "cores.source is missing"),
        ('source = "a manual"', 'source = " "', "peaks.fp32.source is ' '"),
        ("value = 40", 'value = "40"', "power_envelope.value is '40'; give a number"),
        ("value = 40", "value = -40", "give a positive number"),
        ("value = 40", "value = nan", "give a positive number"),
        ("value = 40", "value = true", "give a number"),
        ("year = 2020", "", "year is missing"),
        ("year = 2020", "year = 2020.5", "give a positive whole number"),
        ("year = 2020", "year = 2020\ncolour = 1", "colour is not known; use one of"),
        ("[peaks.fp32]", "[peaks.fp33]", "peaks.fp33 is not known"),
        ("lanes = 8", "", "peaks.fp32.lanes is missing"),
        ("[clock]", "[memory]", "needs the tables [cores] and [clock]"),
        ('match = ["Test One Processor"]', 'match = "Test"', "give a list of texts"),
        ("model = [1, 2]", "model = 1", "match_cpuid.model is 1; give a list of whole numbers"),
        ("[[caches]]", "[caches]", "write it as [[caches]]"),
        ("bytes = 1000", "bytes = 1e3", "caches[0].bytes is 1000.0"),
        ("[cores]", "[cores", "is not TOML"),
    ],
)
def test_broken_files_say_what_to_correct(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A broken file is refused with one sentence that names the file, the key and the fix."""
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(BadInput) as refusal:
        hw.load(path)
    assert str(path) in str(refusal.value)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_number_in_place_of_a_table_is_refused(tmp_path: Path) -> None:
    """A bare number, which could not carry a source, is refused with the table to write."""
    path = write(tmp_path, "bandwidth = 3\n" + GOOD)
    with pytest.raises(BadInput, match=r"bandwidth is 3; write it as a table \[bandwidth\]"):
        hw.load(path)


def test_missing_and_undecodable_files_are_refused(tmp_path: Path) -> None:
    """A file that is not there, or not UTF-8, is bad input and not a traceback."""
    path = write(tmp_path, "")
    path.write_bytes(b"name = '\xff'")
    for each in (path, tmp_path / "nowhere.toml"):
        with pytest.raises(BadInput, match="cannot be read"):
            hw.load(each)


def test_a_broken_file_does_not_take_the_others_down(tmp_path: Path) -> None:
    """The good models load, and the broken file is named with its complaint."""
    write(tmp_path, GOOD)
    write(tmp_path, "name = 1", stem="two")
    catalogue = hw.models([tmp_path, tmp_path / "empty"])
    assert list(catalogue.models) == ["one"]
    assert "two.toml" in catalogue.broken["two"]


def test_a_later_content_folder_replaces_a_model(tmp_path: Path) -> None:
    """A team's own file of the same name stands in for ours."""
    ours, theirs = tmp_path / "a", tmp_path / "b"
    for folder, name in ((ours, "Test One"), (theirs, "Test Two")):
        folder.mkdir()
        write(folder, GOOD.replace("Test One", name))
    assert hw.models([ours, theirs]).models["one"].name == "Test Two"


# --- matching ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("NVIDIA H200", "h200-sxm-141gb"),
        ("nvidia  h100 80GB HBM3", "h100-sxm5-80gb"),
        ("NVIDIA H100 PCIe", "h100-pcie-80gb"),
        ("Tesla V100-SXM2-32GB", "v100-sxm2-32gb"),
        ("Tesla K80", "k80"),
        ("NVIDIA H20", None),
        ("", None),
    ],
)
def test_gpus_match_by_their_exact_name(
    catalogue: hw.Catalogue, name: str, key: str | None
) -> None:
    """A gpu is known by the driver's name, letter case aside, and never by a part of it."""
    model = hw.match(catalogue.models, kind="cuda", name=name)
    assert (model.key if model else None) == key


def test_a_hidden_cpu_matches_by_its_family(catalogue: hw.Catalogue) -> None:
    """A guest that shows only `AMD EPYC` is known by its CPUID family and model."""
    models = catalogue.models
    model = hw.match(models, kind="cpu", name="AMD EPYC", cpuid=GENOA)
    assert model and model.key == "epyc-9004-genoa"
    assert "9654" in model.name
    assert hw.match(models, kind="cpu", name="AMD EPYC") is None
    assert hw.match(models, kind="cpu", name="AMD EPYC", cpuid=("AuthenticAMD", 25, 1)) is None
    assert hw.match(models, kind="cuda", name="AMD EPYC", cpuid=GENOA) is None


def test_a_name_goes_before_the_family(catalogue: hw.Catalogue) -> None:
    """A chip that says its name is that chip, whatever family number is passed."""
    name = "Intel(R) Xeon(R) CPU E5-2680 v3 @ 2.50GHz"
    model = hw.match(catalogue.models, kind="cpu", name=name, cpuid=GENOA)
    assert model and model.key == "xeon-e5-2680-v3"


# --- shares --------------------------------------------------------------------------------------


def test_a_guest_gets_the_share_of_its_cores(catalogue: hw.Catalogue) -> None:
    """Two of 96 cores have 2/96 of the peak and of the power envelope, and it is said."""
    part = hw.share(catalogue.models["epyc-9004-genoa"], 2)
    assert part.fraction == pytest.approx(2 / 96)
    assert part.peaks["fp32"].value == pytest.approx(2 * 32 * 2.4e9)
    assert part.boost_peaks["fp32"].value == pytest.approx(2 * 32 * 3.7e9)
    assert part.power_envelope and part.power_envelope.value == pytest.approx(7.5)
    assert part.how == "2 of 96 cores"
    assert part.peaks["fp32"].source.startswith("2 of 96 cores: ")


def test_two_sockets_count_twice(tmp_path: Path) -> None:
    """More cores than the model has are several sockets."""
    part = hw.share(hw.load(write(tmp_path, GOOD)), 8)
    assert part.fraction == 2
    assert part.power_envelope and part.power_envelope.value == 80
    assert "2 sockets" in part.how


def test_a_gpu_is_taken_whole(catalogue: hw.Catalogue) -> None:
    """A gpu's multiprocessors are not shared out."""
    model = catalogue.models["h200-sxm-141gb"]
    part = hw.share(model, 1)
    assert part.fraction == 1
    assert part.peaks == model.peaks
    assert part.power_envelope == model.power_envelope
    assert part.boost_peaks == {}


def test_an_unpublished_power_envelope_stays_missing(catalogue: hw.Catalogue) -> None:
    """What the maker does not publish is None and not a share of something."""
    assert hw.share(catalogue.models["graviton3"], 4).power_envelope is None


# --- levels of memory ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "size_b", "name"),
    [
        ("epyc-9004-genoa", 100e3, "L2"),
        ("epyc-9004-genoa", 20e6, "L3"),
        ("epyc-9004-genoa", 100e6, None),
        ("a100-sxm4-40gb", 30e6, "L2"),
        ("a100-sxm4-40gb", 1e9, "memory"),
        ("a100-sxm4-40gb", 50e9, None),
    ],
)
def test_weights_fit_in_the_nearest_level(
    catalogue: hw.Catalogue, key: str, size_b: float, name: str | None
) -> None:
    """Weights lie in the smallest level one instance of which holds them."""
    level = hw.fits_in(catalogue.models[key], size_b)
    assert (level.name if level else None) == name
    if level:
        assert level.size_b >= size_b and level.source


def test_ridge_point_needs_both_figures(catalogue: hw.Catalogue) -> None:
    """The ridge point is peak over bandwidth, and None where a figure is missing."""
    assert hw.ridge_point(catalogue.models["a100-sxm4-40gb"], "bf16") == pytest.approx(
        312e12 / 1555e9
    )
    assert hw.ridge_point(catalogue.models["quadro-k1200"], "fp32") is None
    assert hw.ridge_point(catalogue.models["t4"], "tf32") is None
