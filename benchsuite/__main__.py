"""`python -m benchsuite`."""

import sys

from benchsuite.cli import main

if __name__ == "__main__":
    sys.exit(main())
