"""Groups of handles that share accounts, fetched by many processes at once: each page is asked for once."""

import itertools
import json
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipeline import accounts, pages
from pipeline.sources.x import X
from pipeline.store import open_store
from tests import xserver

# A worker: of each line of handles it fetches one after the other, as a run's first stage does.
WORKER = """
import json, sys
from pipeline import fetching, sources
from pipeline.progress import Report
from pipeline.store import open_store
from pipeline.terms import Terms
store, source, report = open_store(sys.argv[1]), sources.opened("x", print), Report()
for line in sys.stdin:
    for handle in json.loads(line):
        fetching.fetch(source, handle, store, Terms(), report)
    sys.stdout.write("done\\n")
    sys.stdout.flush()
"""


def race(address: str, *, groups: int, handles: int, workers: int, posts: int) -> dict[str, Any]:
    """So many groups of one to three handles, taken by the workers as they come free; `wrong` says what is amiss."""
    rng = random.Random(groups)
    names = [f"handle{number}" for number in range(handles)]
    wanted = [rng.sample(names, rng.randint(1, 3)) for _ in range(groups)]
    with xserver.running(cap=posts, delay=0.002) as server:
        for name in names:
            server.account(name, xserver.posts(posts))
        began, queue = time.monotonic(), iter(wanted)
        with ThreadPoolExecutor(workers) as pool:
            codes = list(pool.map(lambda _: _work(server, address, queue), range(workers)))
        used = sorted(set(itertools.chain(*wanted)))
        store, whole = open_store(address), 0
        for name in used:
            account = accounts.read(store, "x", name)
            found = [post.id for post in pages.posts(X(""), name, store, account)] if account else []
            whole += found == [post["id"] for post in server.posts[name]]
        given = server.pages()
        facts = {"accounts": len(used), "pages": len(given), "asked": given.total(), "look_ups": server.count("user")}
        wrong = [] if codes == [0] * workers else [f"exit codes {codes}"]
        wrong += [] if whole == len(used) else [f"{len(used) - whole} accounts are not whole"]
        wrong += [] if given.total() == len(given) == len(used) * -(-posts // 100) else ["a page twice, or never"]
        wrong += [] if server.count("user") == len(used) else ["a look-up twice"]
        return {**facts, "seconds": round(time.monotonic() - began, 1), "wrong": wrong}


def _work(server: xserver.Server, address: str, queue: Any) -> int:
    """A worker process, fed with groups until there are no more."""
    environment = {"X_BEARER_TOKEN": xserver.TOKEN, "HTCTL_X_API": server.url, "PYTHONPATH": ":".join(sys.path)}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", WORKER, address]
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        command, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, cwd=root
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for group in queue:
            process.stdin.write(json.dumps(group) + "\n")
            process.stdin.flush()
            if not process.stdout.readline():
                break
        process.stdin.close()
        return process.wait()
