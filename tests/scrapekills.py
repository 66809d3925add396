"""A timeline of 3,240 posts fetched by processes that are killed at random moments, until one gets to its end."""

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pipeline import accounts, pages
from pipeline.sources.x import X
from pipeline.store import open_store
from tests import xserver

POSTS, PAGES = 3240, 33
PROGRAM = [sys.executable, "-m", "pipeline.scraping", "--source", "x"]
SPARE_S = 0.03  # longer than an answer takes to be kept


def kill_round(address: str, rng: random.Random) -> dict[str, Any]:
    """One to three kills, then to the end; `wrong` says what is not as it must be."""
    with xserver.running(cap=POSTS, delay=0.004) as server:
        server.account("alice", xserver.posts(POSTS))
        kills = rng.randint(1, 3)
        at = [_start_and_kill(server, address, rng) for _ in range(kills)]
        whole = _start(server, address).wait()
        again = _start(server, address).wait()  # asks nothing
        store = open_store(address)
        account = accounts.read(store, "x", "alice")
        found = [post.id for post in pages.posts(X(""), "alice", store, account)] if account else []
        given = server.pages()
        wrong = [
            text
            for text, is_so in {
                "exit code": (whole, again) != (0, 0),
                "posts": found != [post["id"] for post in server.posts["alice"]],
                "pages": len(given) != PAGES,
                "a page too often": max(given.values()) > 1 + kills or given.total() > PAGES + kills,
                "look-ups": server.count("user") > 1 + kills,
            }.items()
            if is_so
        ]
        return {"kills": kills, "killed_at": at, "again": given.total() - PAGES, "wrong": wrong}


def _start(server: xserver.Server, address: str) -> "subprocess.Popen[bytes]":
    environment = {"X_BEARER_TOKEN": xserver.TOKEN, "HTCTL_X_API": server.url, "PYTHONPATH": ":".join(sys.path)}
    command = [*PROGRAM, "--store", address, "alice"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[1])


def _start_and_kill(server: xserver.Server, address: str, rng: random.Random) -> int:
    """Kill a process at a random moment after a random answer; returns how many answers there were by then."""
    process = _start(server, address)
    until = len(server.asked) + rng.randint(0, PAGES)
    while len(server.asked) < until and process.poll() is None:
        time.sleep(0.001)
    time.sleep(rng.random() * SPARE_S)
    process.kill()
    process.wait()
    return len(server.asked)
