"""The parts of a cluster that runs on this machine: killed, and started again. Skips where nobody says how.

HTCTL_CLUSTER_PIDS   the folder that has the process ids of the cluster's parts, each in a file of its name
HTCTL_CLUSTER_UP     the command that starts again what does not run
"""

import os
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.cluster import scene

PIDS, UP = "HTCTL_CLUSTER_PIDS", "HTCTL_CLUSTER_UP"
LONGEST_S = 300
SETTLED_S = 3  # after which a part that will not run by itself has ended
API_SERVER, CONTROLLER_MANAGER, KUBELET = "kube-apiserver", "kube-controller-manager", "kubelet"


def needed() -> None:
    """Skip the test where the cluster's parts are not ours to stop."""
    for name in (PIDS, UP):
        scene.needs(os.environ.get(name), f"{name} is not set: the cluster's parts are not ours to stop")


def known() -> bool:
    """Whether the cluster's parts may be stopped."""
    return PIDS in os.environ and UP in os.environ


def kill(part: str) -> None:
    """End a part as a crash would."""
    pid = _pid(Path(os.environ[PIDS]) / part)
    os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        while _runs(pid):
            time.sleep(0.05)


def start() -> None:
    """Start again what was killed, and wait until all of it answers: what runs in Pods comes back later."""
    command, until = shlex.split(os.environ[UP]), time.monotonic() + LONGEST_S
    while True:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_S)
        time.sleep(SETTLED_S)
        stopped = [path.name for path in Path(os.environ[PIDS]).iterdir() if not _runs(_pid(path))]
        if done.returncode == 0 and not stopped:
            return
        assert time.monotonic() < until, f"{stopped} do not run\n{done.stdout}{done.stderr}"


def _pid(path: Path) -> int:
    return int(path.read_text().split()[0])


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
