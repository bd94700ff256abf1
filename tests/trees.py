"""Small trees of every set that users have on disk, with one file that does not decode.

Each maker fills an empty folder and gives the broken file's name; None where a set is one file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.test_formats_arrays import NAMES, batch, pickled
from tests.test_formats_audio import noise, write_flac, write_wav
from tests.test_formats_boxes import CAR, document, thing
from tests.test_formats_image import picture, save
from tests.test_formats_video import write as write_video

JUNK = b"no such format" * 50


def imagenet(place: Path) -> str | None:
    """Two synsets of two photographs."""
    for synset in ("n00000001", "n00000002"):
        for number in range(2):
            save(place / "val" / synset / f"{number}.png", picture(300, 320, seed=number))
    (place / "val" / "n00000002" / "1.png").write_bytes(JUNK)
    (place / "synsets.txt").write_text("n00000001\nn00000002\n")
    return "1.png"


def cifar_10(place: Path) -> str | None:
    """A test batch of three images."""
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        (place / name).write_bytes(pickled(batch(3)))
    (place / "batches.meta").write_bytes(pickled({b"label_names": NAMES}))
    return None


def cifar_100(place: Path) -> str | None:
    """The binary batches: a record is two labels and the pixels."""
    for name in ("train.bin", "test.bin"):
        pixels = np.random.default_rng(0).integers(0, 256, (3, 3072), dtype=np.uint8)
        labels = np.array([[1, 7], [2, 99], [3, 0]], dtype=np.uint8)
        (place / name).write_bytes(np.concatenate([labels, pixels], axis=1).tobytes())
    return None


def kitti(place: Path) -> str | None:
    """Two road scenes."""
    for name in ("000000", "000007"):
        save(place / "training" / "image_2" / f"{name}.png", picture(37, 124))
        path = place / "training" / "label_2" / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(CAR + "\n")
    (place / "ImageSets").mkdir()
    (place / "ImageSets" / "val.txt").write_text("000000\n000007\n")
    (place / "training" / "image_2" / "000007.png").write_bytes(JUNK)
    return "000007.png"


def coco(place: Path) -> str | None:
    """Two photographs, a person in one."""
    content = document()
    content["annotations"][1] |= {"iscrowd": 0, "bbox": [2, 2, 8, 6]}
    (place / "annotations").mkdir()
    (place / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    save(place / "val2017" / "000000000009.jpg")
    (place / "val2017" / "000000000004.jpg").write_bytes(JUNK)
    return "000000000004.jpg"


def voc(place: Path) -> str | None:
    """Two photographs of 2007, a car in each."""
    year = place / "VOCdevkit" / "VOC2007"
    for folder in ("Annotations", "ImageSets/Main"):
        (year / folder).mkdir(parents=True)
    for name in ("000001", "000002"):
        save(year / "JPEGImages" / f"{name}.jpg")
        content = f"<annotation>{thing('car', '1 1 5 6')}</annotation>"
        (year / "Annotations" / f"{name}.xml").write_text(content)
    (year / "ImageSets" / "Main" / "test.txt").write_text("000001\n000002\n")
    (year / "JPEGImages" / "000002.jpg").write_bytes(JUNK)
    return "000002.jpg"


def ucf101(place: Path) -> str | None:
    """Two classes of one video, in the lists as published."""
    for name in ("ApplyEyeMakeup", "Archery"):
        write_video(place / "UCF-101" / name / f"v_{name}_g01_c01.avi", 20)
    lists = place / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "classInd.txt").write_text("1 ApplyEyeMakeup\n2 Archery\n")
    (lists / "testlist01.txt").write_text(
        "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\nArchery/v_Archery_g01_c01.avi\n"
    )
    (place / "UCF-101" / "Archery" / "v_Archery_g01_c01.avi").write_bytes(JUNK)
    return "v_Archery_g01_c01.avi"


def kinetics(place: Path) -> str | None:
    """Two classes of one video, of the 400 that classes.txt numbers."""
    for name in ("abseiling", "air_drumming"):
        write_video(place / "val" / name / f"{name}.mp4", 20)
    others = (f"another {number}" for number in range(398))
    (place / "classes.txt").write_text("\n".join(("abseiling", "air_drumming", *others)))
    (place / "val" / "air_drumming" / "air_drumming.mp4").write_bytes(JUNK)
    return "air_drumming.mp4"


def speech_commands(place: Path) -> str | None:
    """Two recordings of each of two words."""
    words = ("yes", "cat")
    for word in words:
        for i in range(2):
            write_wav(place / word / f"{i:08x}_nohash_0.wav", noise(16_000, seed=i))
    listed = [f"{word}/{i:08x}_nohash_0.wav" for word in words for i in range(2)]
    (place / "testing_list.txt").write_text("\n".join(listed))
    (place / "validation_list.txt").write_text("")
    (place / "cat" / "00000001_nohash_0.wav").write_bytes(JUNK)
    return "00000001_nohash_0.wav"


def librispeech(place: Path) -> str | None:
    """Recordings of 1.5, 5 and 12 s, one that is broken and one that is listed and missing."""
    chapter = place / "LibriSpeech" / "test-clean" / "61" / "70968"
    for number, seconds in enumerate((1.5, 5.0, 12.0)):
        path = chapter / f"61-70968-{number:04d}.flac"
        write_flac(path, noise(round(16_000 * seconds), seed=number))
    (chapter / "61-70968-0003.flac").write_bytes(JUNK)
    said = ("HELLO WORLD", "IT'S FINE", "GOOD BYE NOW", "BROKEN", "GONE")
    (chapter / "61-70968.trans.txt").write_text(
        "".join(f"61-70968-{number:04d} {words}\n" for number, words in enumerate(said))
    )
    return "61-70968-0003.flac"


MAKERS: dict[str, Callable[[Path], str | None]] = {
    "imagenet": imagenet,
    "cifar-10": cifar_10,
    "cifar-100": cifar_100,
    "kitti": kitti,
    "coco": coco,
    "voc": voc,
    "ucf101": ucf101,
    "kinetics": kinetics,
    "speech-commands": speech_commands,
    "librispeech": librispeech,
}
