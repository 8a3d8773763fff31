"""The image, built once for the tests of what is in it and of what runs from it."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from typing import NamedTuple

import pytest

from tests.conftest import make_place
from tests.image.interpreter import Interpreter, find_interpreter
from tests.image.steps import Build, NotInstalled


class Image(NamedTuple):
    """What was built; `build` makes and shows its stages."""

    build: Build
    python: Interpreter


@pytest.fixture(scope="package")
def image() -> Generator[Image]:
    if shutil.which("npm") is None or shutil.which("uv") is None:
        pytest.skip("the image is built with npm and uv")
    place = make_place()
    python = find_interpreter(place / "python")
    build = Build(place, python.path)
    try:
        build.make("engine")
        build.bring_back("headrace")
        yield Image(build, python)
    except NotInstalled as error:
        pytest.skip(f"the image is built with {error}, which this machine has not")
    finally:
        shutil.rmtree(place, ignore_errors=True)
