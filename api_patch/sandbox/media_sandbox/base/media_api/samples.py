"""The works that a new sandbox holds: the same ones every time."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from media_api import columns, licenses
from media_api.models import Audio, Image

IMAGES, AUDIO = 1_400, 700

_SUBJECTS = {
    "nature": ["mountain", "river", "forest", "glacier", "meadow", "waterfall", "desert", "island"],
    "animals": ["cat", "dog", "owl", "fox", "whale", "horse", "heron", "beetle"],
    "city": ["bridge", "station", "market", "tower", "harbour", "library", "tram", "fountain"],
    "sky": ["cloud", "sunrise", "moon", "storm", "rainbow", "comet", "aurora", "thunder"],
    "craft": ["loom", "pottery", "anvil", "violin", "clock", "kite", "lantern", "compass"],
}
_MOODS = ["quiet", "golden", "distant", "winter", "early", "foggy", "bright", "old", "blue", "narrow"]
_PLACES = ["north", "south", "coast", "valley", "village", "ridge", "delta", "garden"]
_KINDS = {
    Image: {"sources": ("open_archive", "city_museum", "field_survey"), "filetypes": ("jpg", "png", "webp")},
    Audio: {"sources": ("sound_library", "radio_archive"), "filetypes": ("mp3", "ogg", "flac")},
}
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


def create() -> int:
    """Fill an empty database; returns the number of works made, 0 if there are works already."""
    if Image.objects.exists():
        return 0
    Image.objects.bulk_create(_images(), batch_size=500)
    Audio.objects.bulk_create(_recordings(), batch_size=500)
    return IMAGES + AUDIO


def _images() -> Iterator[Image]:
    numbers = random.Random("images")
    for index in range(IMAGES):
        width, height = numbers.choice([(1600, 1200), (1200, 1600), (1400, 1400)])
        yield Image(**_work(Image, index, numbers), width=width, height=height)


def _recordings() -> Iterator[Audio]:
    numbers = random.Random("audio")
    for index in range(AUDIO):
        yield Audio(
            **_work(Audio, index, numbers),
            duration=numbers.randrange(5_000, 900_000),
            bit_rate=numbers.choice([128_000, 192_000, 320_000]),
            sample_rate=44_100,
            has_artwork=index % 10 != 0,
        )


def _work(model: type, index: int, numbers: random.Random) -> dict:
    """The columns that both media types have."""
    identifier = UUID(int=numbers.getrandbits(128), version=4)
    category, subjects = numbers.choice(list(_SUBJECTS.items()))
    subject, mood, place = numbers.choice(subjects), numbers.choice(_MOODS), numbers.choice(_PLACES)
    source = numbers.choice(_KINDS[model]["sources"])
    filetype = numbers.choice(_KINDS[model]["filetypes"])
    license = numbers.choice(licenses.ALL)
    host, collection = source.replace("_", "-"), numbers.randrange(1, 60)
    return {
        "identifier": identifier,
        columns.TITLE: f"{mood} {subject} of the {place}".capitalize(),
        "indexed_on": _EPOCH + timedelta(minutes=index),
        "foreign_landing_url": f"https://{host}.example.org/works/{identifier}",
        "url": f"https://{host}.example.org/files/{identifier}.{filetype}",
        "creator": f"Collection {collection}",
        "creator_url": f"https://{host}.example.org/collections/{collection}",
        "license": license,
        "license_version": licenses.version(license),
        "provider": source,
        "source": source,
        "category": category,
        "filesize": numbers.randrange(20_000, 5_000_000),
        "filetype": filetype,
        "tag_names": f",{subject},{mood},{place},{category},",
        "mature": index % 50 == 49,
    }
