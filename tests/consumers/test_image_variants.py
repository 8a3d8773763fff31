"""What the image_variants kind makes of an image."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, features

from consumers._image.decoding import PIXELS_MAX
from consumers._image.formats import BrokenImage, ImageTooLarge
from consumers.image_variants import ImageVariants, image_variants
from headrace.testing import RecordingSyncContext
from tests.examples import examples

FORMATS = ("jpeg", "png", "webp", "avif")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def context() -> RecordingSyncContext:
    return RecordingSyncContext()


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, format, **options)
    return written.getvalue()


def quarters() -> Image.Image:
    """80 by 40, red above left, green above right, blue below left, white below right."""
    image = Image.new("RGB", (80, 40), WHITE)
    for place, colour in (((0, 0), RED), ((40, 0), GREEN), ((0, 20), BLUE)):
        image.paste(colour, (*place, place[0] + 40, place[1] + 20))
    return image


def variants(context: RecordingSyncContext, content: bytes, name: str = "photo.jpg", **more: Any) -> ImageVariants:
    raw = msgspec.json.encode({"image": context.files.add(name, content, "image/jpeg"), **more})
    found = image_variants(image_variants.decode_input(raw), context)
    msgspec.json.decode(image_variants.encode_result(found), type=ImageVariants)
    return found


def opened(context: RecordingSyncContext, name: str) -> Image.Image:
    return Image.open(io.BytesIO(context.files.read(name)))


def is_near(found: Any, colour: tuple[int, ...], by: int = 30) -> bool:
    return all(abs(one - other) <= by for one, other in zip(found, colour, strict=True))


def test_the_wheels_of_pillow_read_and_write_every_format():
    assert all(features.check(each) for each in ("jpg", "zlib", "webp", "avif", "littlecms2"))


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_becomes_each_format_at_each_width(context: RecordingSyncContext, format: str):
    found = variants(context, encoded(quarters(), format), f"my photo.{format}", widths=[20, 40], formats=FORMATS)
    assert (found.format, found.width, found.height, found.frames) == (format, 80, 40, 1)
    assert [(each.width, each.height, each.media_type) for each in found.variants] == [
        (width, width // 2, f"image/{made}") for width in (40, 20) for made in FORMATS
    ]
    for each in found.variants:
        with opened(context, each.name) as image:
            assert (image.size, (image.format or "").lower()) == ((each.width, each.height), each.media_type[6:])
            pixels = image.convert("RGB")
            assert is_near(pixels.getpixel((2, 2)), RED)
            assert is_near(pixels.getpixel((each.width - 3, 2)), GREEN)
        assert each.size == len(context.files.read(each.name))
    assert [each.name for each in context.files.saved[:2]] == ["my photo-40.jpg", "my photo-40.png"]
    assert [fraction for fraction, _ in context.progressed] == [number / 8 for number in range(1, 9)]


def test_an_image_is_never_made_larger_and_a_width_is_written_once(context: RecordingSyncContext):
    found = variants(context, encoded(quarters(), "png"), widths=[200, 100, 80, 40], formats=["png", "png"])
    assert [each.width for each in found.variants] == [80, 40]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", FORMATS)
def test_a_photo_stands_upright_whichever_way_the_camera_was_held(
    context: RecordingSyncContext, orientation: int, format: str
):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = quarters()
    held = image.transpose(undo[orientation]) if orientation in undo else image
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    found = variants(context, encoded(held, format, exif=exif), widths=[40], formats=["png"])
    assert (found.width, found.height) == (80, 40)
    with opened(context, "photo-40.png") as made:
        assert made.size == (40, 20)
        assert is_near(made.getpixel((2, 2)), RED)
        assert is_near(made.getpixel((37, 2)), GREEN)
        assert is_near(made.getpixel((2, 17)), BLUE)


@pytest.mark.parametrize("format", FORMATS)
def test_no_metadata_survives(context: RecordingSyncContext, format: str):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "SECRETCAM"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    extra = {"comment": b"SECRETCOMMENT"} if format == "jpeg" else {}
    content = encoded(quarters(), format, exif=exif, xmp=b"<x>SECRETXMP</x>", **extra)
    assert b"SECRET" in content
    variants(context, content, widths=[80], formats=FORMATS)
    for saved in context.files.saved:
        assert b"SECRET" not in context.files.read(saved.name)
        with opened(context, saved.name) as made:
            assert not dict(made.getexif())
            assert not made.info.keys() & {"exif", "xmp", "icc_profile", "comment"}


def test_colours_are_translated_to_srgb(context: RecordingSyncContext):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = bytearray(lab)
    # The primaries of red and green change places, so that what is red by its numbers is to be shown green.
    red, green = (swapped.index(tag, 128) for tag in (b"rXYZ", b"gXYZ"))
    swapped[red + 4 : red + 12], swapped[green + 4 : green + 12] = lab[green + 4 : green + 12], lab[red + 4 : red + 12]
    content = encoded(quarters(), "png", icc_profile=bytes(swapped))
    variants(context, content, widths=[80], formats=["png"])
    with opened(context, "photo-80.png") as made:
        assert is_near(made.getpixel((2, 2)), GREEN)


def test_a_broken_colour_profile_is_left_out_and_a_line_says_so(context: RecordingSyncContext):
    variants(context, encoded(quarters(), "png", icc_profile=b"no profile"), widths=[80], formats=["png"])
    assert context.logged == [
        ("warning", "the colour profile of the image cannot be used; its colours are read as sRGB")
    ]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_every_format(context: RecordingSyncContext, mode: str):
    image = Image.new("I;16", (8, 8), 0x8080) if mode == "I;16" else Image.new("L", (8, 8), 128).convert(mode)
    found = variants(context, encoded(image, "png"), widths=[4], formats=FORMATS)
    assert len(found.variants) == 4
    with opened(context, "photo-4.png") as made:
        assert mode == "1" or is_near(made.convert("RGB").getpixel((2, 2)), (128, 128, 128), by=2)


def test_cmyk_of_a_printer_becomes_rgb(context: RecordingSyncContext):
    variants(context, encoded(quarters().convert("CMYK"), "jpeg"), widths=[80], formats=["png"])
    with opened(context, "photo-80.png") as made:
        assert is_near(made.getpixel((5, 5)), RED)


def test_transparency_stays_and_is_white_in_jpeg(context: RecordingSyncContext):
    content = encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "png")
    variants(context, content, widths=[8], formats=["webp", "jpeg"])
    with opened(context, "photo-8.webp") as webp, opened(context, "photo-8.jpg") as jpeg:
        assert webp.convert("RGBA").getpixel((4, 4))[3] == 0  # type: ignore[index]
        assert is_near(jpeg.getpixel((4, 4)), WHITE, by=2)


@pytest.mark.parametrize("format", ["png", "webp", "avif"])
def test_of_an_animation_the_first_frame_is_used_and_a_line_says_so(context: RecordingSyncContext, format: str):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    content = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    found = variants(context, content, widths=[16], formats=["png"])
    assert found.frames == 3
    assert context.logged == [("warning", "the image has 3 frames; the first is used")]
    with opened(context, "photo-16.png") as made:
        assert is_near(made.getpixel((8, 8)), RED)


def png_of(width: int, height: int) -> bytes:
    """The header of a PNG, followed by nothing that could be decoded."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(100))
    chunks = (struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in (header, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("size", [(10_001, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_before_a_pixel_is_decoded(
    context: RecordingSyncContext, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("pixels were decoded"))
    with pytest.raises(ImageTooLarge, match=f"at most {PIXELS_MAX:,} are decoded"):
        variants(context, png_of(*size))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a JPEG, PNG, WebP or AVIF image"),
        (b"\x89PNG\r\n\x1a\n", "not a JPEG, PNG, WebP or AVIF image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG, PNG, WebP or AVIF image"),
        (encoded(quarters(), "gif"), "not a JPEG, PNG, WebP or AVIF image"),
        (encoded(quarters(), "tiff"), "not a JPEG, PNG, WebP or AVIF image"),
        (encoded(quarters(), "jpeg")[:-200], "is damaged, or ends too early"),
        (encoded(quarters().resize((800, 400)), "png")[:-300], "is damaged, or ends too early"),
        (png_of(80, 40), "is damaged, or ends too early"),
    ],
)
def test_what_is_no_image_or_half_of_one_fails_with_the_reason(
    context: RecordingSyncContext, content: bytes, message: str
):
    with pytest.raises(BrokenImage, match=message):
        variants(context, content)
    assert not context.files.saved


def test_a_variant_too_high_for_its_format_is_refused(context: RecordingSyncContext):
    with pytest.raises(ImageTooLarge, match="At a width of 100 the image is 20,000 pixels high"):
        variants(context, encoded(Image.new("L", (100, 20_000)), "png"), widths=[100], formats=["webp"])


def test_a_cancelled_task_ends_before_the_next_variant(context: RecordingSyncContext):
    context.cancelled = True
    assert variants(context, encoded(quarters(), "png")).variants == []


@pytest.mark.parametrize("name", [".jpg", "a" * 255, "x.tar.gz", "Zoë & 東京.jpeg", "  .png"])
def test_names_of_variants_can_be_saved_whatever_the_original_is_called(context: RecordingSyncContext, name: str):
    found = variants(context, encoded(quarters(), "png"), name, widths=[8], formats=["png"])
    assert found.variants[0].name.endswith("-8.png")


@pytest.mark.parametrize(
    "more", [{"widths": []}, {"widths": [0]}, {"widths": [9000]}, {"formats": ["gif"]}, {"quality": 0}]
)
def test_an_input_out_of_bounds_is_refused(context: RecordingSyncContext, more: dict[str, Any]):
    with pytest.raises(msgspec.ValidationError):
        variants(context, b"", **more)


@examples(40)
@given(
    width=st.integers(1, 300), height=st.integers(1, 300), widths=st.lists(st.integers(1, 400), min_size=1, max_size=4)
)
def test_proportions_are_kept_and_no_side_is_empty_for_any_size(width: int, height: int, widths: list[int]):
    context = RecordingSyncContext()
    found = variants(context, encoded(Image.new("L", (width, height)), "jpeg"), widths=widths, formats=["jpeg"])
    assert [each.width for each in found.variants] == sorted({min(each, width) for each in widths}, reverse=True)
    for each in found.variants:
        assert each.height == max(1, round(height * each.width / width))


def test_the_form_has_a_field_for_a_file_with_what_it_accepts():
    properties = image_variants.describe().input_schema["$defs"]["Image"]["properties"]
    assert properties["image"]["x-file"] is True
    assert "image/avif" in properties["image"]["x-accept"]
    assert properties["widths"]["default"] == (480, 1080, 1920)
