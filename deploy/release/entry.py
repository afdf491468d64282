"""Where the program in the binary begins."""

import os
import sys

# The name that the user called, for the commands that messages suggest.
sys.argv[0] = os.environ.pop("CONTACTS_PROGRAM", sys.argv[0])

from app.cli import main  # noqa: E402

main()
