from __future__ import annotations

import pytest

from headrace.tracing.sampling import Sampling, UnknownSampler
from headrace.tracing.w3c import TraceContext

YES = TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
NO = TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")


def sampling(name: str = "", argument: str = "") -> Sampling:
    return Sampling.of({"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument})


@pytest.mark.parametrize(
    ("name", "decided"),
    [
        ("", (True, True, False)),
        ("always_on", (True, True, True)),
        ("always_off", (False, False, False)),
        ("parentbased_always_on", (True, True, False)),
        ("parentbased_always_off", (False, True, False)),
        ("traceidratio", (True, True, True)),
        ("parentbased_traceidratio", (True, True, False)),
    ],
)
def test_the_standard_samplers_decide_as_they_are_documented(name: str, decided: tuple[bool, bool, bool]) -> None:
    found = sampling(name)
    assert (found.decides(None), found.decides(YES), found.decides(NO)) == decided


def test_a_ratio_is_the_share_that_is_recorded() -> None:
    found = sampling("parentbased_traceidratio", "0.25")
    assert 200 < sum(found.decides(None) for _ in range(1600)) < 600
    assert found.decides(YES)
    assert not sampling("traceidratio", "0").decides(None)


@pytest.mark.parametrize(("name", "argument"), [("jaeger_remote", ""), ("traceidratio", "2"), ("traceidratio", "half")])
def test_what_is_no_standard_sampler_is_refused_by_its_variable(name: str, argument: str) -> None:
    with pytest.raises(UnknownSampler, match="OTEL_TRACES_SAMPLER"):
        sampling(name, argument)
