"""Smaller copies of an image, for pages that show it at several sizes."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated

import msgspec

from headrace.task import File, SyncContext, Title, accepts, task

from ._image.formats import MEDIA_TYPES, Format

STEM_CHARS_MAX = 200  # of the name of the original; a width and a suffix follow

Width = Annotated[int, msgspec.Meta(ge=1, le=8192)]
Quality = Annotated[int, msgspec.Meta(ge=1, le=100)]


class Image(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Smaller copies of a JPEG, PNG, WebP or AVIF image, at several widths and in several formats.

    The copies stand upright, have the colours of sRGB and no metadata: no place, no camera, no date. An image is never made
    larger. Of an animation the first frame is used. At most 100 million pixels are decoded.
    """

    image: Annotated[File, accepts(*MEDIA_TYPES), msgspec.Meta(description="A JPEG, PNG, WebP or AVIF image.")]
    widths: Annotated[
        tuple[Width, ...],
        msgspec.Meta(min_length=1, max_length=10, description="Widths in pixels.", examples=[[320, 640, 1280]]),
    ] = (480, 1080, 1920)
    formats: Annotated[
        tuple[Format, ...],
        msgspec.Meta(min_length=1, max_length=4, description="Every width is written in each of these."),
    ] = ("webp", "jpeg")
    quality: Annotated[
        Quality | None,
        msgspec.Meta(
            description="From 1 (small) to 100 (like the original). Empty: what suits photos. PNG loses nothing."
        ),
    ] = None
    name: Title = ""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One copy; ``size`` is in bytes."""

    file: str
    name: str
    media_type: str
    width: int
    height: int
    size: int


class ImageVariants(msgspec.Struct, frozen=True, kw_only=True):
    """``width`` and ``height`` are those of the original, upright; ``frames`` is more than 1 for an animation."""

    format: str
    width: int
    height: int
    frames: int
    variants: list[Variant]


@task(timeout=300, max_attempts=3, retry_on=(), process=True, memory=2 << 30)
def image_variants(input: Image, context: SyncContext) -> ImageVariants:
    """Decode the image once, then write it width by width, the largest first."""
    # These modules import Pillow: 15 MB that an idle worker does without.
    from ._image.decoding import decode
    from ._image.encoding import encode, resize

    original = context.open(input.image)
    decoded = decode(original.path(), input.widths, lambda message: context.log(message, "warning"))
    if decoded.frames > 1:
        context.log(f"the image has {decoded.frames} frames; the first is used", "warning")
    size, variants = (decoded.width, decoded.height), list[Variant]()
    widths = sorted({min(width, decoded.width) for width in input.widths}, reverse=True)
    wanted: list[tuple[int, Format]] = [(width, format) for width in widths for format in dict.fromkeys(input.formats)]
    pixels = decoded.pixels
    for number, (width, format) in enumerate(wanted, 1):
        if context.cancelled:
            break
        # Each width is made of the next larger one.
        pixels = resize(pixels, width, size)
        name = _name(original.name, width, format)
        saved = context.save(name, encode(pixels, format, input.quality), f"image/{format}")
        variants.append(
            Variant(
                file=saved.id,
                name=name,
                media_type=saved.media_type,
                width=width,
                height=pixels.height,
                size=saved.size,
            )
        )
        context.progress(number / len(wanted), name)
    return ImageVariants(
        format=decoded.format, width=decoded.width, height=decoded.height, frames=decoded.frames, variants=variants
    )


def _name(original: str, width: int, format: Format) -> str:
    stem = PurePath(original).stem[:STEM_CHARS_MAX] or "image"
    return f"{stem}-{width}.{'jpg' if format == 'jpeg' else format}"
