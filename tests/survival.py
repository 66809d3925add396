"""Rounds in which a run is killed, or stopped and overtaken, while somebody reads its bot; what must hold is checked.

The runs are whole processes of the pipeline (its `main`, every stage, the real store), started from a server
process that has loaded the libraries once (`warm.py`), so that a round takes seconds.
"""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import layout
from pipeline.config import ENVIRONMENT, RunConfig
from pipeline.identity import run_id
from pipeline.layout import RunKeys
from pipeline.lease import State
from pipeline.plan import STAGES
from pipeline.store import Store, disk, local_folder, open_store
from pipeline.store.folder import HIDDEN
from pipeline.store.objects import read_json
from tests import factories
from tests.warm import context

BOT = "alice"
WAIT_S = 300  # for one process: what takes longer hangs
SPAN_S = 2  # of the leases in rounds with a process that is stopped
OF_TODAY = ("README.md", "metrics.json")  # what tells times differs from run to run

Digests = dict[str, str]


def _main(config: str, environment: dict[str, str], said: str) -> None:
    from pipeline.__main__ import main

    os.environ.update({**environment, ENVIRONMENT: config})
    handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(handle, stream)
    os._exit(main())


@dataclass(frozen=True)
class Scene:
    """A bot that is published, another run of it that is to be made, and what that run's files are if unbroken."""

    folder: Path
    old: RunConfig
    new: RunConfig
    expected: Digests
    seconds: dict[str, float]  # that each stage of the unbroken run took

    def lay(self, address: str) -> Store:
        """A new store with the posts and the old bot."""
        store, first = open_store(address), open_store(str(self.folder / "store"))
        for entry in first.list(""):
            if f"/runs/{run_id(self.new)}/" not in entry.key and not entry.key.endswith("latest.json"):
                store.upload(first.local(entry.key, self.folder), entry.key)
        store.write(layout.latest(BOT), (self.folder / "old-latest.json").read_bytes())
        return store

    def start(self, address: str, said: Path, **limits: float) -> Any:
        """A process that makes the new run."""
        config = json.loads(self.new.to_json()) | {"store": address, "limits": limits}
        passed = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        process = context().Process(target=_main, args=(json.dumps(config), passed, str(said)))
        process.start()
        return process

    @property
    def keys(self) -> RunKeys:
        return RunKeys(BOT, run_id(self.new))


def prepare(folder: Path) -> Scene:
    """Make the old bot and, unbroken, the new one."""
    from htctl import postsfiles

    folder.mkdir(parents=True, exist_ok=True)
    store = open_store(str(folder / "store"))
    posts = {BOT: postsfiles.keep(store, factories.write_posts(folder / "alice.jsonl", factories.sentences(100)))}
    settings = {"store": store.address, "handles": [BOT], "posts": posts}
    old = factories.run_config(**factories.small_settings(seed=1), **settings)
    new = factories.run_config(**factories.small_settings(checkpoint_minutes=0), **settings)
    scene = Scene(folder, old, new, {}, {})
    for config in (old, new):
        if config is new:
            shutil.copyfile(folder / "store" / layout.latest(BOT), folder / "old-latest.json")
        process = Scene(folder, old, config, {}, {}).start(store.address, folder / "said")
        process.join()
        assert process.exitcode == 0, (folder / "said").read_text()
    seconds = {name: read_json(store, scene.keys.stage(name))["seconds"] for name in STAGES}
    return Scene(folder, old, new, digests(store, scene.keys), seconds)


def digests(store: Store, keys: RunKeys) -> Digests:
    """The SHA-256 of every file that the posts, the config and the seed decide."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for part in (keys.posts(""), keys.dataset(""), keys.model("")):
            for entry in store.list(part):
                if not entry.key.endswith(OF_TODAY):
                    data = store.local(entry.key, Path(scratch)).read_bytes()
                    found[entry.key] = hashlib.sha256(data).hexdigest()
    return found


def everything(store: Store, *apart: str) -> Digests:
    """The SHA-256 of every object of the bot, those of the new run whose keys have one of `apart` in them left out."""
    own = ("log.txt", "attempts.json", "lease.json", *apart)
    keys = [entry.key for entry in store.list(f"{layout.bots()}{BOT}/") if not any(part in entry.key for part in own)]
    found = {key: store.read(key) for key in keys}
    return {key: hashlib.sha256(value.data).hexdigest() if value else "" for key, value in found.items()}


def _read(address: str, environment: dict[str, str], began: Any, stop: Any, told: Any) -> None:
    """A reader: loads the bot that the pointer names, again and again; tells how often, and what was wrong."""
    import torch
    import transformers
    from transformers import AutoModelForCausalLM

    os.environ.update(environment)
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    store, seen, faults, loads = open_store(address), {}, [], 0
    while not stop.is_set():
        run = read_json(store, layout.latest(BOT)).get("run", "no pointer")
        try:
            with tempfile.TemporaryDirectory() as scratch:
                found = local_folder(store, RunKeys(BOT, run).model("").rstrip("/"), Path(scratch))
                AutoModelForCausalLM.from_pretrained(found)(torch.tensor([[1, 2, 3]]))
                weights = hashlib.sha256((found / "model.safetensors").read_bytes()).hexdigest()
            if seen.setdefault(run, weights) != weights:
                faults.append(f"{run} changed")
        except Exception as error:  # whatever it is, it is what a reader met
            faults.append(f"{run}: {error!r}")
        loads += 1
        began.set()
        time.sleep(0.2)
    told.put({"seen": seen, "faults": faults, "loads": loads})


@contextlib.contextmanager
def reader(address: str, found: dict[str, Any]) -> Iterator[None]:
    """Somebody reads the bot while the block runs; `found` gets the weights seen by run, and the faults."""
    made = context()
    began, stop, told = made.Event(), made.Event(), made.Queue()
    passed = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    process = made.Process(target=_read, args=(address, passed, began, stop, told))
    process.start()
    try:
        assert began.wait(WAIT_S), "the reader did not begin"
        yield
    finally:
        stop.set()
        found |= told.get(timeout=120)
        process.join()


def kill_round(scene: Scene, address: str, chance: random.Random) -> dict[str, Any]:
    """Kill a run at a random moment of a random stage, up to three times, and have it made to the end.

    Returns what happened; `wrong` lists what must not be: half a bot seen, a marked stage done again, another end.
    """
    store, found, said = scene.lay(address), {}, scene.folder / f"said-{chance.random()}"
    kills: list[str] = []
    wrong: list[str] = []
    marked: dict[str, bytes] = {}
    wanted = chance.choice((1, 2, 3))
    with reader(address, found):
        for _ in range(wanted + 1):
            process = scene.start(address, said)
            if len(kills) < wanted:
                left = [name for name in STAGES if name not in marked] or ["publish"]
                _until(scene, store, process, chance.choice(left), chance)
                if process.exitcode is None:
                    os.kill(process.pid, signal.SIGKILL)
                    kills.append("")
            _join(process)
            wrong += _changed(store, scene.keys, marked)
            if kills and not kills[-1]:
                kills[-1] = next((name for name in STAGES if name not in marked), "the end")
            if process.exitcode == 0:
                break
            if process.exitcode != -signal.SIGKILL:
                wrong.append(f"exit code {process.exitcode}: {said.read_text()[-500:]}")
    wrong += [] if process.exitcode == 0 else ["it did not end"]
    wrong += _ends_as_it_should(store, scene, found)
    said.unlink()
    return {"killed_in": kills, "loads": found["loads"], "bots_seen": len(found["seen"]), "wrong": wrong}


def signal_round(
    scene: Scene, address: str, signum: signal.Signals, stage: str, chance: random.Random
) -> dict[str, Any]:
    """Ctrl-C or SIGTERM somewhere in a stage, then the run to its end; returns the first process's exit code."""
    store, found, said = scene.lay(address), {}, scene.folder / f"said-{chance.random()}"
    marked: dict[str, bytes] = {}
    with reader(address, found):
        first = scene.start(address, said)
        _until(scene, store, first, stage, chance, 1 / 2)  # this run may be quicker than the scene's was
        if first.exitcode is None:
            os.kill(first.pid, signum)
        _join(first)
        wrong = _changed(store, scene.keys, marked)
        second = scene.start(address, said)
        _join(second)
        wrong += _changed(store, scene.keys, marked)
    wrong += [] if second.exitcode == 0 else [f"the second ended with {second.exitcode}: {said.read_text()[-500:]}"]
    wrong += _ends_as_it_should(store, scene, found)
    return {"first": first.exitcode, "said": said.read_text(), "wrong": wrong}


def _join(process: Any) -> None:
    """Wait for a process; one that hangs is ended and the round fails."""
    process.join(WAIT_S)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"a process hung for {WAIT_S} s")


def stop_round(scene: Scene, address: str, chance: random.Random) -> dict[str, Any]:
    """Stop a run (SIGSTOP) at a random moment for longer than its lease, have another make it, let the first go on."""
    store, found = scene.lay(address), {}
    said = [scene.folder / f"said-{turn}-{chance.random()}" for turn in (1, 2)]
    wrong = []
    with reader(address, found):
        first = scene.start(address, said[0], lease_seconds=SPAN_S)
        _until(scene, store, first, chance.choice(STAGES), chance)
        while first.exitcode is None:
            os.kill(first.pid, signal.SIGSTOP)
            if not _holds_a_lock(store):
                break
            os.kill(first.pid, signal.SIGCONT)  # there, others are told to try later: tests/pipeline/store
            time.sleep(chance.uniform(0, 0.01))
        stage = next((name for name in STAGES if not store.exists(scene.keys.stage(name))), "the end")
        time.sleep(SPAN_S)  # on this machine a lease that was renewed just now counts as held
        second = scene.start(address, said[1], lease_seconds=SPAN_S)
        _join(second)
        if second.exitcode:
            wrong.append(f"the second ended with {second.exitcode}: {said[1].read_text()[-500:]}")
        overtaken = not store.exists(scene.keys.lease) or State.parse(_data(store, scene.keys.lease)).generation > 1
        # One that had published before it was stopped still holds its lease, and may clean up after itself.
        apart = () if overtaken else ("/checkpoints/", "/stages/publish.json")
        before = everything(store, *apart)
        if first.exitcode is None:
            os.kill(first.pid, signal.SIGCONT)
        first.join(60)
        if first.exitcode is None:
            wrong.append("the first did not end by itself")
            first.kill()
        elif first.exitcode not in (0, 75):
            wrong.append(f"the first ended with {first.exitcode}: {said[0].read_text()[-500:]}")
        after = everything(store, *apart)
        changed = _differing(before, after)
        # A part of a checkpoint that the other one has deleted meanwhile looks like one that was never there: the
        # write under way gets through. It has no marker, so nobody believes it; gc takes it away.
        strays = [key for key in changed if key not in before and _is_unmarked(store, scene.keys, key)]
        wrong += [f"{key} changed" for key in changed if key not in strays]
    wrong += _ends_as_it_should(store, scene, found)
    for path in said:
        path.unlink(missing_ok=True)
    return {"stopped_in": stage, "first": first.exitcode, "strays": len(strays), "wrong": wrong}


def _holds_a_lock(store: Store) -> bool:
    """Whether somebody is between the two ends of a write to a store in a folder."""
    for path in Path(store.address).glob(f"{HIDDEN}/*.lock"):
        try:
            with disk.locked(path, 0):
                pass
        except disk.HeldError:
            return True
    return False


def _until(scene: Scene, store: Store, process: Any, stage: str, chance: random.Random, part: float = 1) -> None:
    """Wait until a process is somewhere in a stage, in the first `part` of it, or has ended."""
    before = STAGES.index(stage) - 1
    begins = scene.keys.config if before < 0 else scene.keys.stage(STAGES[before])
    while process.exitcode is None and not store.exists(begins):
        time.sleep(0.005)
    process.join(chance.uniform(0, part * scene.seconds[stage]))


def _changed(store: Store, keys: RunKeys, marked: dict[str, bytes]) -> list[str]:
    """The stages that were marked before and have another marker now; notes the markers that are there now."""
    wrong = []
    for name in STAGES[:-1]:  # publish alone is always done again: the pointer may have moved
        found = store.read(keys.stage(name))
        if name in marked and (found is None or found.data != marked[name]):
            wrong.append(f"{name} was done twice")
        if found:
            marked[name] = found.data
    return wrong


def _ends_as_it_should(store: Store, scene: Scene, found: dict[str, Any]) -> list[str]:
    """What is wrong at the end: another bot than the unbroken run's, another pointer, a reader that met a fault."""
    wrong = [f"a reader met {fault}" for fault in found["faults"]]
    wrong += [f"{key} is another" for key in _differing(digests(store, scene.keys), scene.expected)]
    if read_json(store, layout.latest(BOT)).get("run") != scene.keys.run:
        wrong.append("the pointer does not name the run")
    known = {run_id(scene.old), run_id(scene.new)}
    wrong += [f"a reader saw {run}" for run in found["seen"] if run not in known]
    return wrong


def _is_unmarked(store: Store, keys: RunKeys, key: str) -> bool:
    """Whether a key is a part of a checkpoint that has no marker."""
    prefix = keys.checkpoint("")
    step, slash, _ = key.removeprefix(prefix).partition("/")
    return key.startswith(prefix) and bool(slash) and not store.exists(keys.checkpoint(f"{step}.json"))


def _differing(one: Digests, other: Digests) -> list[str]:
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def _data(store: Store, key: str) -> bytes:
    found = store.read(key)
    assert found is not None
    return found.data
