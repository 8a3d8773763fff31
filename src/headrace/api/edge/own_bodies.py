"""The operations of routes that read their body by themselves, because it is a form, or may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, Operation, Reference, RequestBody

from headrace.contracts.sessions import Refresh, TokenRequest


@dataclass
class OwnBody(Operation):
    """The operation of a route that reads its body by itself.

    Attributes:
        CONTRACT: What the body has; one of the `BODIES` of the document.
        MEDIA_TYPE: Its media type.
        IS_REQUIRED: Whether there has to be one.
    """

    CONTRACT: ClassVar[type[msgspec.Struct]]
    MEDIA_TYPE: ClassVar[str] = "application/json"
    IS_REQUIRED: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Describe the body."""
        schema = Reference(f"#/components/schemas/{self.CONTRACT.__name__}")
        content = {self.MEDIA_TYPE: OpenAPIMediaType(schema=schema)}
        self.request_body = RequestBody(content=content, required=self.IS_REQUIRED)


@dataclass
class OptionalRefresh(OwnBody):
    """The operation of the route that is given a refresh token, in its body or as a cookie."""

    CONTRACT = Refresh
    IS_REQUIRED = False


@dataclass
class TokenForm(OwnBody):
    """The operation of the route that reads the form of OAuth 2."""

    CONTRACT = TokenRequest
    MEDIA_TYPE = "application/x-www-form-urlencoded"
