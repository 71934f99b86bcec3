"""What a reader says of a file that it cannot read, or not all of."""

from __future__ import annotations


class FormatError(ValueError):
    """A file is not in the format it was read as; the message says where, what was found and what was expected."""

    @classmethod
    def at(cls, name: str, line: int | None, *, found: str, expected: str) -> FormatError:
        """The error at a line (counted from 1) of the file `name`; None where no line is at fault."""
        where = name if line is None else f"{name}, line {line}"
        return cls(f"{where}: found {found}, expected {expected}")


class FormatWarning(UserWarning):
    """A file says what a document has no room for; the message says what was left out, and how often."""
