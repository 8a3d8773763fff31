"""Resize an image and encode it."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from .formats import Format, ImageTooLarge

SIDE_MAX = 16_383  # pixels; what WebP allows, the strictest of the four
REDUCING_GAP = 3.0  # Pillow averages blocks first, as long as three times the size is left: no difference is seen

# The highest speed at which files hardly grow, and a quality at which people do not tell a photo from its original.
_OPTIONS: dict[Format, dict[str, Any]] = {
    "jpeg": {"quality": 82, "progressive": True, "optimize": True},
    "png": {"compress_level": 6},
    "webp": {"quality": 80, "method": 4},
    "avif": {"quality": 65, "speed": 6},
}


def resize(image: Image.Image, width: int, size: tuple[int, int]) -> Image.Image:
    """Resize an image to a width, keeping its proportions.

    Args:
        image: The pixels.
        width: The wanted width.
        size: The size of the original, whose proportions are kept.

    Raises:
        ImageTooLarge: It would be higher than `SIDE_MAX`.
    """
    height = max(1, round(size[1] * width / size[0]))
    if height > SIDE_MAX:
        raise ImageTooLarge(
            f"At a width of {width} the image is {height:,} pixels high; at most {SIDE_MAX:,} are possible."
        )
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)


def encode(image: Image.Image, format: Format, quality: int | None) -> bytes:
    """Encode an image without metadata. JPEG knows no transparency, so it is laid on white there."""
    options = dict(_OPTIONS[format])
    if quality is not None and format != "png":
        options["quality"] = quality
    if format == "jpeg" and image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    written = io.BytesIO()
    image.save(written, format.upper(), **options)
    return written.getvalue()
