"""What a cluster can answer that is no result, each in one line for a person."""

from pipeline.errors import HtctlError


class ClusterError(HtctlError):
    """The cluster cannot be asked, or refuses."""


class UnauthorizedError(ClusterError):
    """The credentials are wrong or have run out."""


class ForbiddenError(ClusterError):
    """The credentials are good and do not suffice, or a quota or an admission rule refuses."""


class AlreadyThereError(ClusterError):
    """An object of that name exists."""


class NotThereError(ClusterError):
    """There is no such object, or no such kind."""


class GoneError(ClusterError):
    """The cluster no longer knows the version that a watch or a list was to go on from: list anew."""


def refusal(status: int, where: str, answer: dict[str, object], host: str) -> ClusterError:
    """The error that an HTTP status and the server's own Status object mean."""
    said = str(answer.get("message") or f"HTTP {status}")
    if status == 401:
        return UnauthorizedError(
            f"the cluster at {host} refuses the credentials of your kubeconfig (run out?): {said}; log in again"
        )
    if status == 409 and answer.get("reason") == "AlreadyExists":
        return AlreadyThereError(f"{where}: {said}")
    kinds: dict[int, type[ClusterError]] = {403: ForbiddenError, 404: NotThereError, 410: GoneError}
    return kinds.get(status, ClusterError)(f"{where}: {said}")
