"""What can go wrong through the user's input, as exceptions whose text is shown as it is."""

CANNOT_TELL = 125  # of `ab --bisect`: git skips the commit, any other code from 1 to 127 blames it


class BenchsuiteError(Exception):
    """A failure that is explained to the user in one sentence, without a traceback."""


class BadInput(BenchsuiteError):
    """Bad usage or bad input (exit code 2); the text names the thing, its value and the fix."""


class MissingPackage(BadInput):
    """A needed package is not installed; the text ends with the pip line that brings it."""

    def __init__(self, package: str, *, needed_for: str, extra: str = "bench") -> None:
        super().__init__(
            f"{needed_for} needs the package {package}, which is not installed: "
            f"pip install 'benchsuite[{extra}]'"
        )
        self.package = package


class NotMeasurable(BenchsuiteError):
    """A quantity cannot be had here; the text is the reason stored beside the missing value."""


class Interrupted(BenchsuiteError):
    """The user stopped the run; what was measured is stored."""


def one_line(error: BaseException) -> str:
    """An exception's text as one line; its type where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
