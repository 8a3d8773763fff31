"""How the kinds of a package are found, and what is said when they cannot be."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.task import Kind, KindError, load_kinds

_numbers = itertools.count(1)

A_KIND = """
    import msgspec
    from headrace.task import Context, task

    class Nothing(msgspec.Struct):
        pass

    @task()
    async def {name}(input: Nothing, context: Context) -> None:
        pass
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a package of kinds; `name=source` for its modules."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(**modules: str) -> str:
        name = f"kinds_of_a_test_{next(_numbers)}"
        for path, source in {"__init__": "", **modules}.items():
            file = tmp_path / name / f"{path.replace('__in__', '/')}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(source))
        return name

    return write


def test_kinds_are_collected_from_every_module_of_a_package_by_name(package: Callable[..., str]) -> None:
    name = package(
        b=A_KIND.format(name="beta"),
        a=A_KIND.format(name="alpha"),
        sub__in____init__="",
        sub__in__c=A_KIND.format(name="gamma"),
    )
    found = load_kinds(name)
    assert list(found) == ["alpha", "beta", "gamma"]
    assert all(isinstance(kind, Kind) and kind.name == of for of, kind in found.items())
    assert list(load_kinds(name, ["gamma", "alpha"])) == ["alpha", "gamma"]


def test_private_modules_are_not_searched_for_kinds_and_kinds_may_import_them(package: Callable[..., str]) -> None:
    name = package(
        _words="WORDS = 2",
        _broken="1 / 0",
        _parts__in____init__="1 / 0",
        _parts__in__d=A_KIND.format(name="delta"),
        a=f"from ._words import WORDS\n{textwrap.dedent(A_KIND.format(name='alpha'))}",
    )
    assert list(load_kinds(name)) == ["alpha"]


def test_a_single_module_will_do(package: Callable[..., str]) -> None:
    name = package(only=A_KIND.format(name="alone"))
    assert list(load_kinds(f"{name}.only")) == ["alone"]


def test_a_kind_that_a_module_imports_from_another_is_the_same_kind(package: Callable[..., str]) -> None:
    name = package(one=A_KIND.format(name="one"), two="from .one import one")
    assert list(load_kinds(name)) == ["one"]


def test_two_kinds_of_one_name_are_refused_with_both_files(package: Callable[..., str], tmp_path: Path) -> None:
    name = package(one=A_KIND.format(name="same"), two=A_KIND.format(name="same"))
    with pytest.raises(KindError) as caught:
        load_kinds(name)
    assert str(caught.value) == (
        f"{tmp_path}/{name}/two.py: kind 'same' is already defined in {tmp_path}/{name}/one.py; rename one of them"
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def broken(:", "SyntaxError"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_by_its_file(
    package: Callable[..., str], tmp_path: Path, source: str, said: str
) -> None:
    name = package(fine=A_KIND.format(name="fine"), broken=source)
    with pytest.raises(KindError, match=said) as caught:
        load_kinds(name)
    assert str(caught.value).startswith(f"{tmp_path}/{name}/broken.py: cannot be imported: ")


def test_a_kind_that_cannot_be_one_is_named_by_its_file_once(package: Callable[..., str], tmp_path: Path) -> None:
    name = package(wrong=A_KIND.format(name="Wrong"))
    with pytest.raises(KindError) as caught:
        load_kinds(name)
    assert str(caught.value).startswith(f"{tmp_path}/{name}/wrong.py: kind 'Wrong': ")


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(KindError, match="no_such_package: cannot be imported: ModuleNotFoundError"):
        load_kinds("no_such_package")


def test_a_package_that_is_not_there_says_where_it_is_searched_for() -> None:
    with pytest.raises(KindError, match=r"PYTHONPATH.*`headrace init`.*HEADRACE_CONSUMERS"):
        load_kinds("no_such_package")


def test_sample_kinds_whose_libraries_are_missing_say_which_extra_brings_them() -> None:
    with pytest.raises(KindError, match=r"No module named 'headrace\.samples'; .*headrace\[samples\].*`consumers`"):
        load_kinds("headrace.samples")


def test_a_module_that_lacks_another_package_names_the_line_and_not_the_search_path(
    package: Callable[..., str],
) -> None:
    name = package(broken="import sys\n\nimport no_such_package\n")
    with pytest.raises(KindError, match=r"No module named 'no_such_package' \(line 3\)$"):
        load_kinds(name)


@pytest.mark.parametrize("name", ["no_such_package.kinds", "sys.kinds", "..", ".kinds", "a b", "é.x"])
def test_a_name_that_no_module_has_is_refused_in_words(name: str) -> None:
    with pytest.raises(KindError, match=f"^{re.escape(name)}: cannot be imported: "):
        load_kinds(name)


def test_a_working_directory_that_is_gone_does_not_matter(
    package: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert list(load_kinds(package(a=A_KIND.format(name="alpha")))) == ["alpha"]


def test_a_package_without_kinds_is_refused(package: Callable[..., str]) -> None:
    with pytest.raises(KindError, match=r"no kinds found; decorate a handler with @task"):
        load_kinds(package(empty="x = 1"))


def test_kinds_that_are_asked_for_and_not_there_are_named_beside_those_there_are(package: Callable[..., str]) -> None:
    name = package(a=A_KIND.format(name="alpha"), b=A_KIND.format(name="beta"))
    with pytest.raises(KindError, match="no kind 'delta', 'gamma'; there are alpha, beta"):
        load_kinds(name, ["gamma", "alpha", "delta"])


def test_kinds_are_found_in_the_folder_a_console_script_is_run_from(
    package: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = package(a=A_KIND.format(name="alpha"))
    monkeypatch.setattr("sys.path", [path for path in __import__("sys").path if path != str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    assert list(load_kinds(name)) == ["alpha"]
