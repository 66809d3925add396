"""How a Job has ended, by its conditions: which of them are there, never in which order."""

from k8s import raw
from k8s.manifests import Manifest

COMPLETE, FAILED = "complete", "failed"
_CONDITIONS = {"Complete": COMPLETE, "Failed": FAILED}


def ended(job: Manifest) -> str:
    """`complete` or `failed`; empty while the Job goes on."""
    return next((outcome for name, outcome in _CONDITIONS.items() if raw.holds(job, name)), "")


def is_deleted(job: Manifest) -> bool:
    """Whether a Job is being deleted: it is there only until its Pods are gone."""
    return bool(job["metadata"].get("deletionTimestamp"))
