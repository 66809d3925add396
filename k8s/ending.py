"""Why a group failed, in a line: from the container's last word, the node, the Job, or the store's record."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from k8s import raw
from k8s.manifests import GIVE_UP, Manifest
from k8s.states import Facts
from pipeline.attempts import VANISHED

REFUSED = 77  # a credential
KILLED = 128 + 9
HINT = "in a Job it comes from a Secret: kubernetes.secrets: [NAME] (htctl doctor looks)"
FAILED = ("Failed", "FailureTarget")  # FailureTarget comes first, while Pods still end


class End(NamedTuple):
    """The reason, and the exit code and stage where they are known."""

    reason: str
    code: int | None = None
    stage: str = ""


def of_job(job: Manifest, pods: Iterable[Manifest], facts: Facts | None) -> End:
    """Of a Job that has failed; it alone knows of a limit in time, all else the last Pod or the store knows better."""
    failed = next((raw.condition(job, kind) for kind in FAILED if raw.holds(job, kind)), {})
    why = str(failed.get("reason", ""))
    known = last(pods) or recorded(facts)
    if why == "DeadlineExceeded":
        seconds = job["spec"].get("activeDeadlineSeconds")
        ended = End(f"stopped after {seconds} s, the Job's activeDeadlineSeconds; what it saved is kept")
        return ended._replace(stage=known.stage) if known else ended
    if known is None:
        return End(f"{why}: {failed.get('message', '')}".strip(": ") or "failed; neither a Pod nor the store says why")
    if why == "BackoffLimitExceeded" and job["spec"].get("backoffLimit"):
        tries = int(job["spec"]["backoffLimit"]) + 1
        return known._replace(reason=f"{known.reason} (at the last of {tries} tries)")
    return known


def last(pods: Iterable[Manifest]) -> End | None:
    """Why the last Pod that failed did so."""
    failed = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Failed"]
    return of_pod(max(failed, key=lambda pod: raw.end(pod) or raw.created(pod))) if failed else None


def of_pod(pod: Manifest) -> End:
    """Why a Pod failed."""
    ended = raw.container(pod).get("terminated") or {}
    code, why = ended.get("exitCode"), ended.get("reason", "")
    word = left_word(raw.message(pod))
    limit = raw.limit(pod.get("spec") or {}, "memory")
    if why == "OOMKilled":
        return End(out_of_memory(limit), code, word.stage)
    status = pod.get("status") or {}
    if status.get("reason"):  # Evicted, NodeLost, Shutdown ...
        return End(f"{status['reason']}: {raw.line(status.get('message'))}", code, word.stage)
    by_signal = code is not None and 128 < code < 160
    if word.reason and (word.code is not None or not by_signal):  # the log's last line is no reason for a signal
        return End(_told(word.reason, code), code, word.stage)
    moved = raw.condition(pod, "DisruptionTarget")
    if moved.get("status") == "True":
        return End(f"{moved.get('reason')}: {raw.line(moved.get('message'))}", code)
    if code is None:
        return End(VANISHED)
    if code == KILLED and why == "Error":  # containerd tells of the end before it hears of the kernel's reason
        return End(f"killed by signal 9 and nobody says why: most likely {out_of_memory(limit)}", code)
    killed = f"killed by signal {code - 128}" if by_signal else f"exit code {code}"
    return End(f"{killed}{'' if why in ('', 'Error') else f' ({why})'}; its log may say more (htctl logs)", code)


def left_word(message: str) -> End:
    """The container's termination message: the pipeline's JSON, else the last line of its log."""
    try:
        word = json.loads(message)
        return End(raw.line(word["reason"]), int(word["code"]), str(word.get("stage", "")))
    except (ValueError, TypeError, KeyError):
        lines = [line.strip() for line in message.splitlines() if line.strip()]
        return End(lines[-1].removeprefix("error: ") if lines else "")


def recorded(facts: Facts | None) -> End | None:
    """Why the last attempt ended, by the store's record; None where there is none or it ended well."""
    records = facts.attempts if facts else ()
    if not records or records[-1].get("exit_code") == 0:
        return None
    record: Mapping[str, Any] = records[-1]
    if "ended" not in record:
        return End(VANISHED)
    code = record.get("exit_code")
    return End(_told(str(record.get("reason") or VANISHED), code), code, str(record.get("stage", "")))


def _told(reason: str, code: int | None) -> str:
    """A reason, with what mends it where it lies in the Job."""
    return f"{reason}; {HINT}" if code == REFUSED else reason


def is_final(end: End | None) -> bool:
    """Whether an attempt's end means that the run failed, even where its Job is gone: not stopped, not vanished."""
    return end is not None and (end.code in GIVE_UP or end.code not in (None, 0, 75, 130, KILLED, 143))


def out_of_memory(limit: str) -> str:
    """What to ask for instead."""
    more = doubled(limit)
    ask = f"--set resources.memory={more}" if more else "more resources.memory"
    return f"out of memory{f' at its limit of {limit}' if limit else ''}; ask for more: {ask}, or a smaller batch_size"


def doubled(limit: str) -> str:
    """Twice a quantity of memory, in the same unit; empty where it is not a plain one."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([KMGT]i?)?", limit)
    return f"{2 * float(found[1]):g}{found[2] or ''}" if found else ""
