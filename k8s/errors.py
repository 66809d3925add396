"""What a cluster can answer that is no result, each in one line for a person."""

from pipeline.errors import HtctlError


class ClusterError(HtctlError):
    """The cluster cannot be asked, or refuses."""


class UnauthorizedError(ClusterError):
    """The credentials are wrong or have run out."""


class ForbiddenError(ClusterError):
    """The credentials are good and do not suffice, or a quota or an admission rule refuses."""


class QuotaError(ForbiddenError):
    """The namespace's quota is used up."""


class AlreadyThereError(ClusterError):
    """An object of that name exists."""


class NotThereError(ClusterError):
    """There is no such object, or no such kind."""


class InvalidError(ClusterError):
    """The cluster does not take this very object; it may take others."""


class ConflictError(ClusterError):
    """What is there differs from what was to be there."""


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
    if status == 404 and said.startswith("namespaces "):
        return NotThereError(
            f"{where}: {said}; kubectl create namespace makes one, --namespace or kubernetes.namespace names another"
        )
    if "admission webhook" in said:
        return ForbiddenError(f"{where}: {said}")
    if "exceeded quota" in said:
        return QuotaError(f"{where}: {said}; let Jobs end or be deleted, or have the quota raised")
    kinds: dict[int, type[ClusterError]] = {
        400: InvalidError, 403: ForbiddenError, 404: NotThereError, 410: GoneError, 422: InvalidError
    }  # fmt: skip
    return kinds.get(status, ClusterError)(f"{where}: {said}")
