"""Thumbnails and waveforms, made from the identifier of a work: always the same, never stored."""

import io
import math
import random
from uuid import UUID

from PIL import Image, ImageDraw, ImageOps

_WAVEFORM_POINTS = 1000


def thumbnail(identifier: UUID, width: int, quality: int) -> bytes:
    """A JPEG of `width` pixels, four wide to three high."""
    numbers = random.Random(identifier.int)
    size = (width, width * 3 // 4)
    dark, light = (tuple(numbers.randrange(low, low + 128) for _ in "rgb") for low in (0, 128))
    picture = ImageOps.colorize(Image.linear_gradient("L").resize(size), dark, light)
    draw = ImageDraw.Draw(picture)
    for _ in range(4):
        x, y, radius = (int(numbers.random() * length) for length in (*size, width // 5))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=numbers.choice((dark, light)))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def waveform(identifier: UUID) -> list[float]:
    """Loudness over the length of a recording: points between 0 and 1."""
    numbers = random.Random(identifier.int)
    swell = numbers.uniform(3, 12) * math.pi / _WAVEFORM_POINTS
    return [round(abs(math.sin(i * swell)) * numbers.random(), 5) for i in range(_WAVEFORM_POINTS)]
