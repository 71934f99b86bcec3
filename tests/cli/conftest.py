"""Commands as they are typed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from lehr.cli import main


@pytest.fixture
def lehr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Type `lehr` and arguments; what it prints, or what it says when it fails."""

    def typed(*arguments: object, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["lehr", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        assert (end.value.code or 0) == status
        printed = capsys.readouterr()
        return printed.err if status else printed.out

    return typed
