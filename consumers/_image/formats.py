"""The formats of images. This module does not import Pillow, so that describing a kind costs no memory."""

from __future__ import annotations

from typing import Literal

Format = Literal["jpeg", "png", "webp", "avif"]

MEDIA_TYPES: tuple[str, ...] = ("image/jpeg", "image/png", "image/webp", "image/avif")


class ImageError(ValueError):
    """The file is no image that can be used. Trying again does not help."""


class BrokenImage(ImageError):
    """The file is none of the four formats, or is damaged."""


class ImageTooLarge(ImageError):
    """The image has more pixels than are decoded, or a variant would be larger than its format allows."""
