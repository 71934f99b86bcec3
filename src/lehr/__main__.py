"""`python -m lehr` is `lehr`."""

from .cli import main

main()
