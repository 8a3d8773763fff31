"""What the archive_zip kind packs."""

from __future__ import annotations

import io
import tracemalloc
import unicodedata
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumers._archive.names import NAME_BYTES_MAX, MemberNames, make_safe
from consumers._archive.zip_stream import PIECE_BYTES, Member, stream_zip
from consumers.archive_zip import FILES_MAX, RENAMED_SHOWN_MAX, Archived, archive_zip
from headrace.contracts.tasks import NULL, State
from headrace.task import BatchResult, FileError, FileMissing, ResultFile
from headrace.testing import RecordingContext
from tests.examples import examples

RESULT_BYTES_MAX = 512 * 1024


@pytest.fixture
def context() -> RecordingContext:
    return RecordingContext()


async def archived(context: RecordingContext, *files: str, **more: str) -> Archived:
    raw = msgspec.json.encode({"files": files, **more})
    found = await archive_zip(archive_zip.decode_input(raw), context)
    assert len(archive_zip.encode_result(found)) < RESULT_BYTES_MAX
    return found


def unpacked(context: RecordingContext, name: str = "files.zip") -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(context.files.read(name))) as archive:
        assert archive.testzip() is None
        return {each: archive.read(each) for each in archive.namelist()}


async def test_files_are_packed_in_their_order_under_their_names(context: RecordingContext):
    contents = {"b.txt": b"b" * 3_000_000, "a.jpeg": b"\xff\xd8" + bytes(100), "empty.csv": b"", "Zoë 東京.md": b"# x"}
    files = [context.files.add(name, content, "text/plain") for name, content in contents.items()]
    found = await archived(context, *files, name="Photos of May.zip")
    assert list(unpacked(context, "Photos of May.zip").items()) == list(contents.items())
    assert (found.name, found.files, found.content_bytes) == ("Photos of May.zip", 4, sum(map(len, contents.values())))
    assert found.size == len(context.files.read(found.name)) < 100_000
    assert context.files.saved[0].media_type == "application/zip"
    assert context.progressed[-1] == (1.0, "4 of 4 files")
    assert found.renamed == []


async def test_what_is_compressed_already_is_stored_as_it_is(context: RecordingContext):
    types = {
        "a.jpg": "image/jpeg",
        "b.svg": "image/svg+xml",
        "c.txt": "text/plain; charset=utf-8",
        "d.zip": "application/zip",
    }
    await archived(context, *(context.files.add(name, bytes(1000), type_) for name, type_ in types.items()))
    with zipfile.ZipFile(io.BytesIO(context.files.read("files.zip"))) as archive:
        assert [each.compress_type for each in archive.infolist()] == [
            zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED,
        ]  # fmt: skip


async def test_files_of_one_name_are_numbered_and_the_result_says_so(context: RecordingContext):
    files = [context.files.add(name, name.encode(), "text/plain") for name in ("a.txt", "A.TXT", "a (2).txt", "a.txt")]
    found = await archived(context, *files)
    assert list(unpacked(context)) == ["a.txt", "A (2).TXT", "a (2) (2).txt", "a (3).txt"]
    assert [each.name for each in found.renamed] == ["A (2).TXT", "a (2) (2).txt", "a (3).txt"]
    assert [each.file for each in found.renamed] == files[1:]


async def test_a_file_that_is_gone_fails_the_task_and_leaves_no_archive(context: RecordingContext):
    file = context.files.add("a.txt", b"a", "text/plain")
    with pytest.raises(FileMissing, match="no file 'gone'"):
        await archived(context, file, "gone")
    assert not context.files.saved


async def test_memory_stays_flat_however_large_the_files_are():
    count, chunk = 200, bytes(1 << 20)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield chunk

    async def members() -> AsyncIterator[Member]:
        for name, media_type in (("stored", "image/png"), ("deflated", "text/csv")):
            yield Member(name, media_type, count << 20, chunks())

    tracemalloc.start()
    size = 0
    async for piece in stream_zip(members()):
        assert len(piece) < 3 * PIECE_BYTES
        size += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count << 20 < size < (count + 3) << 20
    assert peak < 16 << 20


async def test_a_member_of_more_than_four_gigabytes_is_announced_as_zip64():
    async def chunks() -> AsyncIterator[bytes]:
        yield b"few"

    async def members() -> AsyncIterator[Member]:
        yield Member("large.csv", "text/csv", 5 << 30, chunks())

    written = b"".join([piece async for piece in stream_zip(members())])
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert archive.read("large.csv") == b"few"
    # The header before the content has the extra field of ZIP64 (APPNOTE, 4.5.3), so that sizes behind it have eight bytes.
    assert written[30 + len("large.csv") :][:2] == b"\x01\x00"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("..", "file"),
        ("", "file"),
        ("/", "file"),
        ("C:\\x.txt", "C__x.txt"),
        ("con.txt", "_con.txt"),
        ("LPT1", "_LPT1"),
        ("console.txt", "console.txt"),
        ("a.txt. . ", "a.txt"),
        ("a\0\n\u202etxt.exe", "atxt.exe"),
        ("\ud800.txt", ".txt"),
        ("e\u0301.txt", "é.txt"),
        ("東" * 100 + ".jpeg", "東" * 65 + ".jpeg"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_name_is_made_safe_for_every_system(name: str, safe: str):
    assert make_safe(name) == safe


NAMES = st.one_of(
    st.text(max_size=20),
    st.text(alphabet='aA./\\:() 12\0\u202eéß"', max_size=8),
    st.sampled_from(["a.txt", "A.txt", "a (2).txt", "con", "NUL.", "..", "ß", "ss", "ﬁ.txt", "FI.txt", "CON .txt"]),
)


@examples(150)
@given(st.lists(NAMES, max_size=8))
@example(["a (2).txt", "a.txt", "a.txt", "A (2).TXT"])
def test_names_are_unique_and_safe_whatever_files_are_called(names: list[str]):
    members = MemberNames()
    found = [members.add(name) for name in names]
    assert len({unicodedata.normalize("NFC", name.casefold()) for name in found}) == len(names)
    for name in found:
        assert 1 <= len(name.encode()) <= NAME_BYTES_MAX + 12
        assert not set(name) & set('/\\:*?"<>|\0\n')
        assert name not in (".", "..")
        assert name == name.rstrip(". ")
        assert zipfile.ZipInfo(name).filename == name


def test_ten_thousand_files_of_one_name_are_named_at_once():
    members = MemberNames()
    assert len({members.add("a.txt") for _ in range(FILES_MAX)}) == FILES_MAX


async def test_the_result_is_bounded_however_many_names_change(context: RecordingContext):
    file = context.files.add("😀" * 255, b"", "text/plain")
    found = await archived(context, *[file] * (RENAMED_SHOWN_MAX + 10))
    assert len(found.renamed) == RENAMED_SHOWN_MAX


def test_the_form_asks_for_up_to_ten_thousand_files():
    fields = archive_zip.describe().input_schema["$defs"]["Archive"]["properties"]
    files = next(each for each in fields["files"]["anyOf"] if each["type"] == "array")
    assert (files["items"]["x-file"], files["minItems"], files["maxItems"]) == (True, 1, 10_000)


def result_of(index: int, title: str, *files: str, result_file: str | None = None) -> bytes:
    saved = tuple(ResultFile(id=each, name="any", size=1, media_type="text/plain") for each in files)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    result = BatchResult(
        index=index,
        task=f"b-{index}",
        kind="image_variants",
        title=title,
        state=State.SUCCEEDED,
        attempt=1,
        result=NULL,
        result_file=result_file,
        files=saved,
        created_at=at,
    )
    return msgspec.json.encode(result) + b"\n"


async def test_the_files_of_a_batch_are_packed_in_a_folder_for_each_task_beside_its_results(context: RecordingContext):
    one, two, three = (context.files.add(name, name.encode(), "text/plain") for name in ("a.txt", "a.txt", "b.txt"))
    lines = result_of(0, "Photo: May/June", one, two) + result_of(1, "") + result_of(3, "large", three, result_file=two)
    results = context.files.add("results.ndjson", lines, "application/x-ndjson")
    found = await archive_zip(archive_zip.decode_input(msgspec.json.encode({"results": results})), context)
    assert unpacked(context) == {
        "results.ndjson": lines,
        "00000 Photo_ May_June/a.txt": b"a.txt",
        "00000 Photo_ May_June/a (2).txt": b"a.txt",
        "00003 large/result.json": b"a.txt",
        "00003 large/b.txt": b"b.txt",
    }
    assert found.files == 5
    assert context.progressed[-1] == (1.0, "5 of 5 files")


@pytest.mark.parametrize("lines", [b"no json\n", b'{"index": 0}\n', b"\xff", b"{}" * 10])
async def test_a_file_that_has_no_results_is_refused_with_the_line(context: RecordingContext, lines: bytes):
    results = context.files.add("results.ndjson", result_of(0, "a") + lines, "application/x-ndjson")
    with pytest.raises(FileError, match="line 2 of the file"):
        await archive_zip(archive_zip.decode_input(msgspec.json.encode({"results": results})), context)
    assert not context.files.saved


@pytest.mark.parametrize("given", [{}, {"files": ["a"], "results": "b"}])
def test_files_or_results_are_archived_and_not_both(given: dict[str, object]):
    with pytest.raises(msgspec.ValidationError, match="either `files` or `results`"):
        archive_zip.decode_input(msgspec.json.encode(given))
