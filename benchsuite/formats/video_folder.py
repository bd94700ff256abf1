"""Video folders: a subfolder a class, as UCF101 with its lists or Kinetics with its tables.

    PLACE/UCF-101/ApplyEyeMakeup/*.avi
    PLACE/ucfTrainTestlist/classInd.txt, trainlist01.txt, testlist01.txt

    PLACE/train/abseiling/*.mp4      PLACE/val/abseiling/*.mp4
    PLACE/train.csv, val.csv         label, youtube_id, time_start, time_end; else all that is there
    PLACE/classes.txt                a class a line, in the order of its numbers; else that of names

UCF101 has three ways to split: `train` and `test` are the first, `train02` and so on the others.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample, Skipped, videos
from benchsuite.formats._lazy import Made
from benchsuite.formats._texts import inside as relative
from benchsuite.formats._texts import lines, table
from benchsuite.formats._trees import content, file, folder, of_kind, root, shown, some
from benchsuite.formats.videos import Sampling

NAME = "video-folder"
_COLUMNS = ("label", "youtube_id", "time_start", "time_end")
_FOLDERS = {"train": ("train",), "val": ("val", "validation"), "test": ("test", "val")}
_ORDER = "classes.txt"
_EVEN = Sampling()


def read(
    place: Path,
    split: str,
    *,
    sampling: Sampling = _EVEN,
    clips: int = 1,
    classes: int | None = None,
) -> Listing:
    """Clips of videos with their class, `label`, and `video`, a number; fact `classes`.

    Args:
        place: The user's folder.
        split: As above.
        sampling: Which frames a sample's `load` decodes.
        clips: How many samples there are of a video (`Sampling.clips`), one after another.
        classes: How many class folders there must be where no classes.txt numbers them: of a part
            the numbers would be others.

    Raises:
        BadInput: A list is missing or names an unknown class, there are no videos, or a part of the
            classes.
    """
    root(place, form=NAME, holds="UCF101's lists, or train/ and val/ with class subfolders")
    if (place / "ucfTrainTestlist").is_dir() or (place / "classInd.txt").is_file():
        return _ucf101(place, split, sampling=replace(sampling, clips=clips))
    return _kinetics(place, split, sampling=replace(sampling, clips=clips), number=classes)


def _listing(
    split: str,
    found: list[tuple[Path, str]],
    *,
    classes: list[str],
    skipped: list[Skipped],
    sampling: Sampling,
) -> Listing:
    """Of pairs of path and class."""
    numbers = {name: number for number, name in enumerate(classes)}

    def sample(index: int) -> Sample:
        video, clip = divmod(index, sampling.clips)
        path, name = found[video]
        return Sample(
            path=path,
            load=partial(videos.load, path, sampling=replace(sampling, clip=clip)),
            targets={"label": numbers[name], "video": video},
        )

    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(found) * sampling.clips, sample),
        facts={"classes": [shown(name) for name in classes]},
        skipped=tuple(skipped),
    )


def _ucf101(place: Path, split: str, *, sampling: Sampling) -> Listing:
    lists = place / "ucfTrainTestlist"
    lists = lists if lists.is_dir() else place
    classes: list[str] = []
    path = file(lists, "classInd.txt", form=NAME, holds="`NUMBER CLASS` a line")
    for number, line in lines(path):
        index, _, name = line.partition(" ")
        if index != str(len(classes) + 1) or not name:
            raise BadInput(f"{shown(path)}, line {number}: not `{len(classes) + 1} CLASS`")
        classes.append(name.strip())
    way = {"train": "train01", "test": "test01", "val": "test01"}.get(split, split)
    if not re.fullmatch("(train|test)0[123]", way):
        raise BadInput(f"{NAME}: no split {split!r}; UCF101 has train, test, train02, test02, ...")
    name = f"{way[:-2]}list{way[-2:]}.txt"
    listed = file(lists, name, form=NAME, holds="`CLASS/FILE.avi` a line")
    videos_at = place / "UCF-101" if (place / "UCF-101").is_dir() else place
    there = set(content(videos_at).folders)
    files: dict[str, set[str]] = {}
    found: list[tuple[Path, str]] = []
    skipped: list[Skipped] = []
    for number, line in lines(listed):
        label, _, video = relative(listed, number, line.split()[0], parts=2).partition("/")
        if label not in classes:
            raise BadInput(
                f"{shown(listed)}, line {number}: class {shown(label)} is not in classInd.txt"
            )
        if label in there and label not in files:
            files[label] = set(content(videos_at / label).files)
        if video in files.get(label, ()):
            found.append((videos_at / label / video, label))
        else:
            skipped.append(Skipped(path=videos_at / label / video, why="missing"))
    if skipped and not found:
        raise BadInput(f"{NAME}: {shown(skipped[0].path)} is missing, and so is all of {name}")
    some(len(found), form=NAME, place=listed, what="videos")
    return _listing(split, found, classes=classes, skipped=skipped, sampling=sampling)


def _kinetics(place: Path, split: str, *, sampling: Sampling, number: int | None) -> Listing:
    names = _FOLDERS.get(split, (split,))
    names = tuple(name for name in names if (place / name).is_dir()) or names
    tables = [
        at / name
        for wanted in names
        for at in (place, place / "annotations")
        if at.is_dir()
        for name in content(at).files
        if name.endswith(f"{wanted}.csv")
    ]
    csv = tables[0] if tables else None
    if csv is not None and not (place / names[0]).is_dir():
        videos_at = place  # the table says which of all the videos are the split's
    else:
        videos_at = folder(place, *names, form=NAME, holds="class subfolders, or a .csv beside it")
    inside = content(videos_at)
    skipped = list(inside.skipped)
    there: dict[str, list[str]] = {}
    for name in inside.folders:
        if videos_at == place and name == "annotations":
            continue
        there[name], others = of_kind(
            videos_at / name, content(videos_at / name), suffixes=videos.SUFFIXES, kind="a video"
        )
        skipped += others
        if not there[name]:
            skipped.append(Skipped(path=videos_at / name, why="a class folder without videos"))
    classes = _order(place) or list(there)
    for name in sorted(set(there) - set(classes)):
        del there[name]
        skipped.append(Skipped(path=videos_at / name, why=f"not in {_ORDER}"))
    if number is not None and len(classes) != number:
        raise BadInput(
            f"{NAME}: {shown(videos_at)}: holds {len(classes)} classes of {number}, so that their "
            f"numbers are not known; put {_ORDER} into {shown(place)}, a class a line in the order "
            "in which your network numbers them"
        )
    if csv is None:
        found = [(videos_at / name / video, name) for name in there for video in there[name]]
    else:
        found, missing = _tabled(csv, videos_at, there)
        skipped += missing
    some(len(found), form=NAME, place=videos_at, what="videos in class folders")
    return _listing(split, found, classes=classes, skipped=skipped, sampling=sampling)


def _order(place: Path) -> list[str]:
    """The classes as classes.txt numbers them; empty without one."""
    path = place / _ORDER
    order: list[str] = []
    for number, name in lines(path) if path.is_file() else ():
        if name in order:
            raise BadInput(f"{shown(path)}, line {number}: {shown(name)} for the second time")
        order.append(name)
    return order


def _tabled(
    csv: Path, videos_at: Path, there: dict[str, list[str]]
) -> tuple[list[tuple[Path, str]], list[Skipped]]:
    """The videos of a table, and those of it that are gone, as some always are."""
    stems = {name: {Path(video).stem: video for video in there[name]} for name in there}
    folders = {name.replace("_", " "): name for name in there}
    found, skipped = [], []
    for number, row in table(csv, columns=_COLUMNS):
        try:
            start, end = (int(float(row[key])) for key in ("time_start", "time_end"))
        except (ValueError, OverflowError):
            raise BadInput(f"{shown(csv)}, line {number}: times that are not numbers") from None
        name = folders.get(row["label"].replace("_", " "))
        stem = f"{row['youtube_id']}_{start:06d}_{end:06d}"
        video = stems[name].get(stem) or stems[name].get(row["youtube_id"]) if name else None
        if name is None or video is None:
            folder_name = name or row["label"]
            skipped.append(Skipped(path=videos_at / folder_name / f"{stem}.mp4", why="missing"))
        else:
            found.append((videos_at / name / video, name))
    return found, skipped
