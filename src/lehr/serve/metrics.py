"""What the service counts, in the format of Prometheus: requests, seconds and words, and nothing of a text."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """The counters of one service; `waiting` tells how many steps of work wait."""

    def __init__(self, waiting: Callable[[], float]) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("lehr_requests", "Requests answered.", ["path", "status"], registry=registry)
        self.seconds = Histogram(
            "lehr_request_seconds", "Seconds from request to answer.", ["path"], buckets=_SECONDS, registry=registry
        )
        self.open = Gauge("lehr_requests_open", "Requests that are worked on or wait.", registry=registry)
        self.words = Counter("lehr_words", "Words resolved.", registry=registry)
        self.mentions = Counter("lehr_mentions", "Mentions found.", registry=registry)
        Gauge("lehr_steps_waiting", "Steps of work that wait for a thread.", registry=registry).set_function(waiting)

    def text(self) -> bytes:
        return generate_latest(self.registry)
