"""Reading the inputs of a batch: each input is validated as it arrives, and kept on the disk until all inputs are valid.

A batch may have a hundred thousand inputs. They are not in memory at once, and other requests have their turn while they are
validated.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from headrace.api.edge.refused_body import explain_refused
from headrace.api.edge.repeated_names import explain_repeated, find_repeated_label
from headrace.api.edge.upload_room import UploadRoom
from headrace.api.input_files import InputFiles, find_too_many, find_unusable, names_of
from headrace.catalog import Catalog
from headrace.contracts.batches import INPUTS_MAX, BatchEntry, LineForm
from headrace.contracts.file_fields import NamedFile
from headrace.contracts.labels import LABELS_MAX, encode_labels
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput, TooLarge, TooManyUploads
from headrace.inputs import ERRORS_MAX
from headrace.lifecycle.new_batch import NewTask
from headrace.telemetry import get_logger

SLICE_SECONDS = 0.003  # of validating, before other requests have their turn
MEMORY_BYTES = 1 << 20  # of a batch; what is more is on the disk
FILES_AT_ONCE = 1000  # that inputs name, before one query asks for all of them
CHUNK_INPUTS_MIN = 2  # a chunk is appended under two conditions, and a message has room for one

_NO_LABELS: Mapping[str, str] = MappingProxyType({})

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_input_decoder = msgspec.json.Decoder(dict[str, Any])
_entry_decoder = msgspec.json.Decoder(BatchEntry)


class _Held(NamedTuple):
    """An input whose files are to be found yet."""

    value: dict[str, Any]
    encoded: bytes
    labels: dict[str, str]
    named: list[NamedFile]


class BatchUpload:
    """The inputs of one batch. It is a context manager, which removes them from the disk at its end.

    Args:
        catalog: The catalog, which has the schema of the kind.
        room: The room for the inputs of all batches that are being uploaded.
        kind: The kind of all inputs.
        input_bytes_max: The size that one input may have in the log.
        form: What is added.
        labels: The labels of the whole batch.
        files: Finds the files that inputs name.

    Attributes:
        total: The number of inputs.
        size: The bytes of all inputs.
        header_bytes: The bytes of all titles, and of the labels of all entries.

    Raises:
        UnknownKind: no worker ever announced the kind.
    """

    def __init__(
        self,
        catalog: Catalog,
        room: UploadRoom,
        kind: str,
        input_bytes_max: int,
        form: LineForm = LineForm.INPUTS,
        labels: Mapping[str, str] = _NO_LABELS,
        files: InputFiles | None = None,
    ) -> None:
        # An unknown kind is refused before the body is read.
        catalog.describe(kind)
        self._fields = None if files is None else catalog.file_fields(kind)
        self._files = files
        # Inputs whose files are to be found yet, in their order.
        self._held: list[_Held] = []
        self._named = self._held_bytes = 0
        self.total = 0
        self.size = 0
        self.header_bytes = 0
        self._form = form
        self._labels = labels
        self._catalog = catalog
        self._room = room
        self._kind = kind
        self._input_bytes_max = input_bytes_max
        self._errors, self._unusable = list[FieldError](), list[FieldError]()
        self._invalid_inputs = 0
        self._hash = hashlib.sha256()
        self._unwritten = bytearray()
        self._slice_began = time.perf_counter()
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - __exit__ closes it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._room.give_back(self.size + self.header_bytes)
        self._file.close()

    async def add(self, inputs: Iterable[bytes | msgspec.Raw]) -> None:
        """Validate further inputs or entries, each a JSON object, and keep them.

        Raises:
            InvalidInput: so many inputs are wrong that the rest is not read.
            TooLarge: there are too many inputs, or one of them is too large.
            TooManyUploads: there is no room for the inputs.
        """
        for each in inputs:
            if self.total == INPUTS_MAX:
                message = f"a batch has at most {INPUTS_MAX:,} inputs; send the others as another batch"
                raise TooLarge(message, [FieldError(path=f"/{self._form}", message=message)])
            self._add(each)
            if self._named >= FILES_AT_ONCE or self._held_bytes >= MEMORY_BYTES:
                await self._keep_held()
            if len(self._unwritten) >= MEMORY_BYTES:
                await self._write()
            if time.perf_counter() - self._slice_began > SLICE_SECONDS:
                await asyncio.sleep(0)
                self._slice_began = time.perf_counter()

    async def complete(self) -> None:
        """Accept the inputs after the last one was added, but for files that cannot be used, see `unusable_files`.

        Raises:
            InvalidInput: there is no input, or an input is wrong. The error names the first wrong paths.
            TooManyUploads: there is no room for the inputs.
        """
        await self._keep_held()
        if self._errors:
            raise self._refusal()
        if not self.total:
            message = "a batch has at least one input"
            raise InvalidInput(message, [FieldError(path=f"/{self._form}", message=message)])
        await self._write()

    @property
    def unusable_files(self) -> InvalidInput | None:
        """What is wrong with files that inputs name; None when all can be used."""
        return self._refusal() if self._unusable else None

    def body_hash(self, terms: object) -> str:
        """Return a hash of the inputs and of the other terms of the batch, to recognise it when it is sent again.

        The hash does not depend on the media type, on white space, or on the order of fields.
        """
        whole = self._hash.copy()
        whole.update(_encode(terms))
        return whole.hexdigest()[:32]

    async def chunks(self, count: int, bytes_max: int) -> AsyncIterator[list[NewTask]]:
        """Yield all inputs in order, in chunks of up to ``count`` inputs and ``bytes_max`` bytes of inputs.

        A chunk has at least two inputs, whatever their size, unless the batch has only one. So the last chunk may have one
        input more than ``count``.
        """
        await asyncio.to_thread(self._file.seek, 0)
        left, held = self.total, b""
        while left:
            chunk, held = await asyncio.to_thread(self._read, left, held, count, bytes_max)
            left -= len(chunk)
            yield chunk

    def _add(self, given: bytes | msgspec.Raw) -> None:
        path = f"/{self._form}/{self.total}"
        self.total += 1
        try:
            value, labels, path_of_input = self._decode(given, path)
            encoded = _encode(value)
        except RecursionError:
            self._add_errors([FieldError(path=path, message="nested too deep to be read")])
        except (msgspec.MsgspecError, ValueError, OverflowError) as error:
            decoder = _input_decoder if self._form == LineForm.INPUTS else _entry_decoder
            wrong = explain_refused(error, bytes(given), decoder.type)
            self._add_errors([FieldError(path=path + wrong.path, message=wrong.message)])
        else:
            self._add_input(value, encoded, labels, path_of_input)

    def _decode(self, given: bytes | msgspec.Raw, path: str) -> tuple[dict[str, Any], dict[str, str], str]:
        """Return an input, the labels of its own, and its path."""
        if self._form == LineForm.INPUTS:
            return _input_decoder.decode(given), {}, path
        entry = _entry_decoder.decode(given)
        if entry.labels and (name := find_repeated_label(given)) is not None:
            raise msgspec.ValidationError(f"{explain_repeated(name)} - at `$.labels.{name}`")
        if len({**self._labels, **entry.labels}) > LABELS_MAX:
            raise msgspec.ValidationError(
                f"with those of its batch a task has at most {LABELS_MAX} labels - at `$.labels`"
            )
        return entry.input, entry.labels, f"{path}/input"

    def _add_input(self, value: dict[str, Any], encoded: bytes, labels: dict[str, str], path: str) -> None:
        if errors := self._catalog.find_errors(self._kind, value, encoded, path):
            self._add_errors(errors)
        elif len(encoded) > self._input_bytes_max:
            message = f"an input has at most {self._input_bytes_max:,} bytes, this one has {len(encoded):,}; send less"
            raise TooLarge(f"{path}: {message}", [FieldError(path=path, message=message)])
        elif self._fields is not None:
            named = self._fields.find(value, path)
            if errors := find_too_many(named, path):
                self._add_errors(errors)
                return
            self._held.append(_Held(value, encoded, labels, named))
            self._named += len(named)
            self._held_bytes += len(encoded)
        else:
            self._keep(value, encoded, labels)

    async def _keep_held(self) -> None:
        """Find the files of the inputs that wait for that, with one query, and keep those of which all are there.

        Raises:
            InvalidInput: so many inputs are wrong that the rest is not read.
            ReadModelUnavailable: Postgres cannot be reached.
        """
        held, self._held = self._held, []
        self._named = self._held_bytes = 0
        if not held or self._files is None:
            return
        found = await self._files.find(named for each in held for named in each.named)
        names = names_of(found)
        for each in held:
            unusable = find_unusable(each.named, found)
            self._invalid_inputs += bool(unusable)
            self._unusable += unusable[: ERRORS_MAX - len(self._unusable)]
            # What was accepted before is recognised by all its inputs, also when some of its files are gone.
            self._keep(each.value, each.encoded, each.labels, names)

    def _keep(
        self, value: dict[str, Any], encoded: bytes, labels: dict[str, str], file_names: Mapping[str, str] = _NO_LABELS
    ) -> None:
        if not self._errors:
            title = (self._catalog.make_title(self._kind, value, file_names) or "").encode()
            written = encode_labels({**self._labels, **labels}).encode() if labels else b""
            self._room.take(len(encoded) + len(title) + len(written))
            self.size += len(encoded)
            self.header_bytes += len(title) + len(written)
            self._hash.update(_encode_sorted(value) + written + b"\n")
            # Neither a title nor JSON has a tab in it.
            self._unwritten += b"%b\t%b\t%b\n" % (title, written, encoded)

    def _add_errors(self, errors: list[FieldError]) -> None:
        self._invalid_inputs += 1
        self._errors += errors
        if len(self._errors) >= ERRORS_MAX:
            raise self._refusal()

    def _refusal(self) -> InvalidInput:
        what = "an input" if self._invalid_inputs == 1 else f"{self._invalid_inputs} inputs"
        message = f"{what} of kind {self._kind!r} cannot be accepted, see errors; so nothing was"
        return InvalidInput(message, [*self._errors, *self._unusable][:ERRORS_MAX])

    async def _write(self) -> None:
        unwritten, self._unwritten = self._unwritten, bytearray()
        try:
            await asyncio.to_thread(self._file.write, unwritten)
        except OSError as error:
            log.error(
                "the inputs of a batch cannot be kept on the disk", directory=tempfile.gettempdir(), error=str(error)
            )
            raise TooManyUploads("the API has no room on its disk for the inputs; try again later") from error

    def _read(self, left: int, held: bytes, count: int, bytes_max: int) -> tuple[list[NewTask], bytes]:
        """Read the next chunk, and the line of the input behind it, which did not fit any more.

        Args:
            left: How many inputs are left to be yielded, ``held`` included.
            held: The line of the input that did not fit the previous chunk; empty for none.
            count: The most inputs of a chunk.
            bytes_max: The most bytes of the inputs of a chunk.
        """
        found, size = list[NewTask](), 0
        while line := held or self._file.readline():
            held = b""
            title, labels, encoded = line.split(b"\t", 2)
            is_full = len(found) >= count or size + len(encoded) > bytes_max
            if is_full and len(found) >= CHUNK_INPUTS_MIN and left - len(found) >= CHUNK_INPUTS_MIN:
                return found, line
            found.append(NewTask(encoded[:-1], title.decode(), labels.decode()))
            size += len(encoded)
        return found, b""
