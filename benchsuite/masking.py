"""What must not be stored, exported or shown: passwords in a database's URL."""

from __future__ import annotations

import re

_BEFORE_HOST = re.compile(r"(://[^:/@\s]*):[^@\s]*@")
_IN_QUERY = re.compile(r"([?&]password=)[^&\s'\"]*")


def without_password(text: str) -> str:
    """A database's URL, or a command line that has one, with `***` in the password's place."""
    return _IN_QUERY.sub(r"\1***", _BEFORE_HOST.sub(r"\1:***@", text))
