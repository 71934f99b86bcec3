"""A client that makes up requests from the service's own description."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("schemathesis", reason="pip install 'lehr[dev]'")

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from lehr.resolver import Resolver
from lehr.serve import Limits, create

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture(scope="module")
def description(resolver: Resolver) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", create(resolver, Limits(words=2000)))


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/resolve", "POST"),
        ("/resolve/stream", "POST"),
        ("/mentions", "POST"),
        ("/convert", "POST"),
        ("/health", "GET"),
        ("/metrics", "GET"),
    ],
)
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_every_answer_is_as_described(description: Any, path: str, method: str, mode: str) -> None:
    operation = description[path][method]
    if mode == "negative" and method == "GET":
        pytest.skip("a GET has nothing that could be wrong")

    @settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    def check(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    check()


def test_nothing_of_the_description_is_left_out(description: Any) -> None:
    assert set(description) == {"/resolve", "/resolve/stream", "/mentions", "/convert", "/health", "/metrics"}
