"""The settings of object storage: where files are, and how large they may be."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.patterns import pattern_of
from headrace.settings.texts import Url

STORE_PATTERN = pattern_of(
    "file:///var/lib/headrace/objects, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix",
    r"^(file:///[^\s?#]*|(s3|gs|az)://[^\s/?#@]+(/[^\s?#]*)?)$(?!\n)",
)
FILE_BYTES_MAX = 5 << 30  # by default: what S3 takes in one piece
OWNER_BYTES_MAX = 50 << 30  # by default: ten of the largest files
_LARGEST = 5 << 40  # the largest object that S3 has

StoreUrl = Annotated[str, Meta(pattern=STORE_PATTERN)]
Bytes = Annotated[int, Meta(ge=1 << 20, le=_LARGEST)]


class ObjectsSettings(Struct, frozen=True, kw_only=True):
    """Where files are kept. The credentials of S3, GCS and Azure are those of the environment, such as AWS_ACCESS_KEY_ID."""

    url: Annotated[
        StoreUrl | None,
        Meta(
            description="Where files are: a directory that every process of this machine shares, or a bucket. Without it there are no "
            "files; `headrace up` keeps them in its home.",
        ),
    ] = None
    endpoint: Annotated[
        Url | None, Meta(description="Where an S3-compatible server is, as the processes reach it; by default AWS.")
    ] = None
    public_endpoint: Annotated[
        Url | None,
        Meta(
            description="The same as browsers reach it: signed URLs begin with it. By default HEADRACE_OBJECTS_ENDPOINT."
        ),
    ] = None
    region: Annotated[str | None, Meta(description="Region of the bucket; by default AWS_REGION, else us-east-1.")] = (
        None
    )
    download_url: Annotated[
        Url | None,
        Meta(
            description="A host for downloads, as https://files.example.com: a CDN that passes requests on to the API and keeps the "
            "answers. Owners are sent there with a URL that is good for an hour. By default they are sent to the store, or served here."
        ),
    ] = None
    file_bytes_max: Annotated[Bytes, Meta(description="Size of the largest file, in bytes.")] = FILE_BYTES_MAX
    owner_bytes_max: Annotated[
        Bytes, Meta(description="What the files of one account may take together, in bytes.")
    ] = OWNER_BYTES_MAX
