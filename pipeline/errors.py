"""The one error base class and the exit codes that the container promises to its Job.

An error is raised where it is found, with what is wrong, where, and what to do, and is printed once,
at the top. Its exit code tells the Job whether trying again can help.
"""

INTERRUPTED = 130  # Ctrl-C, as shells say it


class HtctlError(Exception):
    """A fault that a person can act on; the message is one line."""

    exit_code = 1


class ConfigError(HtctlError):
    """What was asked for is wrong; the same config will fail again."""

    exit_code = 64


class TooFewPostsError(HtctlError):
    """There are not enough posts to train on."""

    exit_code = 65


class AccountError(HtctlError):
    """The account does not exist, is suspended or is protected."""

    exit_code = 66


class TooDearError(HtctlError):
    """To go on would cost more than was allowed."""


class GaveUpError(HtctlError):
    """The run has been tried as often, or for as long, as it may be."""

    exit_code = 68


class SourceRefusedError(HtctlError):
    """The source refuses for good, for instance because its credits are used up."""

    exit_code = 69


class TryLaterError(HtctlError):
    """Stopped after saving its work, or told to come back later."""

    exit_code = 75


class StoppedError(TryLaterError):
    """Told to stop, by SIGTERM."""


class BusyError(TryLaterError):
    """Another process is making this very run."""


class LeaseLostError(TryLaterError):
    """Another process has taken this run over; nothing more may be written."""


class CredentialError(HtctlError):
    """A credential was refused."""

    exit_code = 77


class StoreError(HtctlError):
    """The store cannot be read or written."""


def told(error: BaseException) -> tuple[int, str]:
    """The exit code that an error means, and what is said of it: a line, or all of it for one nobody foresaw."""
    if isinstance(error, HtctlError):
        return error.exit_code, f"error: {error}"
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "stopped; the same command goes on from here"
    import traceback  # here, since this file is on the way of htctl --help

    return HtctlError.exit_code, "".join(traceback.format_exception(error)).rstrip()


def reason(said: str) -> str:
    """What `told` says as one line: of an error that nobody foresaw its last."""
    return said.rpartition("\n")[2].removeprefix("error: ")
