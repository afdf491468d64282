"""`python -m app`: the same as the command `contacts`."""

from app.cli import main

main()
