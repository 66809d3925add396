"""What the cluster has of a batch, kept in memory: objects by kind, put together by group."""

from collections.abc import Iterable, Mapping, Set

from k8s import names, raw
from k8s.manifests import Manifest
from k8s.outcome import ended
from k8s.states import Seen

KINDS = ("Job", "Pod", "Workload")
OPTIONAL = "Workload"  # only where there is Kueue, and only who may read it


class Mirror:
    """Jobs by name, and what each of them owns; `ahead` and `refusals` are asked for besides, by the Job's uid."""

    def __init__(self) -> None:
        self.jobs: dict[str, Manifest] = {}
        self.fetching = False  # whether a Job among them that fetches the batch's posts goes on
        self.jobs_asked = 0.0  # when the last list of Jobs was asked for (time.monotonic)
        self.unsent: Set[str] = frozenset()  # Jobs that somebody here is to send yet
        self.ahead: Mapping[str, int] = {}
        self.refusals: Mapping[str, str] = {}
        self._owned: dict[str, dict[str, dict[str, Manifest]]] = {"Pod": {}, "Workload": {}}  # kind, uid of Job, name

    def replace(self, kind: str, items: Iterable[Manifest], asked: float = 0.0) -> set[str]:
        """All objects of a kind as a list has them; returns the Jobs whose groups may have changed: all."""
        before = set(self.jobs)
        if kind == "Job":
            self.jobs_asked = asked
            self.jobs = {item["metadata"]["name"]: raw.slim(item) for item in items}
            self.fetching = any(names.is_scrape(job) and not ended(job) for job in self.jobs.values())
        else:
            self._owned[kind] = {}
            for item in items:
                self._put(kind, item)
        return before | set(self.jobs)

    def apply(self, kind: str, what: str, item: Manifest) -> set[str]:
        """One change that a watch told; returns the Job that it is about, if it is one of these."""
        name, gone = item["metadata"]["name"], what == "DELETED"
        if kind == "Job":
            if gone:
                self.jobs.pop(name, None)
            else:
                self.jobs[name] = raw.slim(item)
            if names.is_scrape(item):
                self.fetching = not gone and not ended(item)
            return {name}
        if gone:
            self._owned[kind].get(raw.owner(item), {}).pop(name, None)
        else:
            self._put(kind, item)
        return {job for job in [self._job(item)] if job}

    def seen(self, name: str) -> Seen:
        """What there is of a group, by its Job's name."""
        job = self.jobs.get(name)
        if job is None:
            return Seen(unsent=name in self.unsent, fetching=self.fetching)
        uid = job["metadata"]["uid"]
        pods = sorted(self._owned["Pod"].get(uid, {}).values(), key=raw.created)
        workload = next(iter(self._owned["Workload"].get(uid, {}).values()), None)
        return Seen(job, tuple(pods), workload, self.ahead.get(uid), refusal=self.refusals.get(uid, ""))

    def queues(self) -> set[str]:
        """The queues in which workloads of these Jobs wait."""
        uids = {job["metadata"]["uid"] for job in self.jobs.values()}
        workloads = (one for uid in uids for one in self._owned["Workload"].get(uid, {}).values())
        return {one["spec"].get("queueName", "") for one in workloads if not raw.holds(one, "QuotaReserved")} - {""}

    def without_pods(self) -> bool:
        """Whether a Job that should have Pods has none."""
        return any(
            not job["spec"].get("suspend")
            and not job["status"].get("conditions")
            and not self._owned["Pod"].get(job["metadata"]["uid"])
            for job in self.jobs.values()
        )

    def _put(self, kind: str, item: Manifest) -> None:
        self._owned[kind].setdefault(raw.owner(item), {})[item["metadata"]["name"]] = raw.slim(item)

    def _job(self, item: Manifest) -> str:
        owners = item["metadata"].get("ownerReferences") or ()
        name = next((str(each["name"]) for each in owners if each.get("kind") == "Job"), "")
        return name if name in self.jobs else ""
