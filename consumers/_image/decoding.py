"""Decode an image within bounds, upright and in sRGB."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, cast

from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps

from .formats import BrokenImage, ImageTooLarge

PIXELS_MAX = 100_000_000  # 400 MB as RGBA; what phones and cameras save by default has at most 50 million
DECODERS = ("JPEG", "PNG", "WEBP", "AVIF")
SRGB = cast("ImageCms.ImageCmsProfile", ImageCms.createProfile("sRGB"))
SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height


class Decoded(NamedTuple):
    """An image in memory.

    Attributes:
        pixels: RGB or RGBA, upright, in sRGB, without metadata, and not much wider than was asked for.
        width: The width of the original, upright.
        height: The height of the original, upright.
        format: The format of the file.
        frames: How many images the file has; ``pixels`` is the first.
    """

    pixels: Image.Image
    width: int
    height: int
    format: str
    frames: int


def decode(path: Path, widths: Iterable[int], warn: Callable[[str], None]) -> Decoded:
    """Decode the first image of a file, no larger than its widest variant needs.

    Args:
        path: The file.
        widths: The widths that are made of it.
        warn: Is given a sentence about what was left out.

    Raises:
        BrokenImage: The file is no JPEG, PNG, WebP or AVIF, or is damaged.
        ImageTooLarge: It has more than `PIXELS_MAX` pixels. None of them was decoded.
    """
    with _open(path) as image, _damage_named():
        # Of a PNG this decodes the pixels: EXIF may stand behind them.
        width, height = _upright(image)
        frames = 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
        upright = _load(image, min(max(widths), width) / width)
        profile = image.info.get("icc_profile")
        kind = "jpeg" if image.format == "MPO" else (image.format or "").lower()
    pixels = _to_srgb(_to_eight_bits(upright), profile, warn)
    pixels.info.clear()
    return Decoded(pixels, width, height, kind, frames)


def _open(path: Path) -> ImageFile.ImageFile:
    """Read the header of a file, and refuse it by its number of pixels.

    Raises:
        BrokenImage: There is no header of an image.
        ImageTooLarge: There are too many pixels.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns from 89 million on; the bound here is checked below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=DECODERS)
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(_too_many("more than 178,000,000")) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise BrokenImage("The file is not a JPEG, PNG, WebP or AVIF image, or its beginning is damaged.") from error
    if (pixels := image.width * image.height) > PIXELS_MAX:
        image.close()
        raise ImageTooLarge(_too_many(f"{pixels:,}"))
    return image


def _too_many(pixels: str) -> str:
    return f"The image has {pixels} pixels; at most {PIXELS_MAX:,} are decoded. Make it smaller first."


def _upright(image: Image.Image) -> tuple[int, int]:
    if image.getexif().get(ExifTags.Base.Orientation) in SIDEWAYS:
        return image.height, image.width
    return image.size


def _load(image: ImageFile.ImageFile, share: float) -> Image.Image:
    """Decode the pixels and turn them upright; of a JPEG only as many as ``share`` of its width needs."""
    image.draft(None, (max(1, round(image.width * share)), max(1, round(image.height * share))))
    image.load()
    return ImageOps.exif_transpose(image)


@contextmanager
def _damage_named() -> Generator[None]:
    """Name what decoders raise of damaged pixels.

    Raises:
        BrokenImage: The pixels are damaged.
    """
    try:
        yield
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BrokenImage(f"The image is damaged, or ends too early: {error}.") from error


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Bring an image to a mode with eight bits a channel that Pillow resizes well."""
    if image.mode.startswith("I"):
        # Pillow clips 16 bits when it converts them; the upper eight are what is seen.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("P", "PA", "LA") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("L") if image.mode == "1" else image


def _to_srgb(image: Image.Image, profile: bytes | None, warn: Callable[[str], None]) -> Image.Image:
    """Translate colours to sRGB, which is what is assumed of an image without a profile."""
    wanted = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            translated = ImageCms.profileToProfile(image, source, SRGB, outputMode=wanted)
        except (ImageCms.PyCMSError, OSError, ValueError):
            warn("the colour profile of the image cannot be used; its colours are read as sRGB")
        else:
            return translated or image
    return image.convert(wanted)
