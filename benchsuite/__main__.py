"""`benchsuite` and `python -m benchsuite`."""

import atexit
import os
import sys
from typing import NoReturn

from benchsuite.cli import main


def run() -> NoReturn:
    """Ends the process with the command's exit code, and at once.

    After a history of hundreds of thousands of results a tenth of the time would go into freeing
    them one by one.
    """
    code = main()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        sys.exit(code)  # as ever
    os._exit(code)


if __name__ == "__main__":
    run()
