"""The states of a batch's groups, kept up to date from the mirror and the store; tells which of them changed."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from k8s import phases, raw
from k8s.mirror import Mirror
from k8s.states import Ask, Facts, Group, GroupState, Phase, Seen

Wanted = Sequence[tuple[Group, Ask]]
Read = Callable[[Wanted], Mapping[str, Facts | None]]  # by the Job's name; None: the store gave no answer
Keep = Callable[[Group], bool]


def everything(group: Group) -> bool:  # noqa: ARG001 - a Keep
    """No group is left out."""
    return True


class Board:
    """Groups by their Jobs' names: those that the store knows of, and those whose Jobs are there."""

    def __init__(self, known: Iterable[Group], read: Read, keep: Keep = everything, *, asked: bool = True) -> None:
        self.states: dict[str, GroupState] = {}
        self._groups = {group.job: group for group in known if keep(group)}
        self._ended: set[str] = set()  # uids of Jobs
        self._read, self._keep, self._asked = read, keep, asked

    def update(self, mirror: Mirror, changed: Iterable[str] | None = None) -> list[GroupState]:
        """States anew, of all groups or of the Jobs that changed; returns those that say something else than before."""
        for name in mirror.jobs if changed is None else set(changed) & mirror.jobs.keys():
            group = raw.group(mirror.jobs[name])  # made again with another config, it is another run
            if self._keep(group) and mirror.jobs[name]["metadata"]["uid"] not in self._ended:
                self._groups[name] = group
        names = self._groups if changed is None else [name for name in changed if name in self._groups]
        return self._set({name: self._seen(mirror, name) for name in names})

    def refresh(self, mirror: Mirror) -> list[GroupState]:
        """States anew of those that change without the cluster saying so: at work, waiting in a queue, unknown."""
        moving = (Phase.RUNNING, Phase.STARTING, Phase.PULLING, Phase.QUEUED, Phase.PREEMPTED, Phase.UNKNOWN)
        names = [name for name, state in self.states.items() if state.phase in moving]
        return self._set({name: self._seen(mirror, name) for name in names})

    def fail(self, name: str, uid: str, detail: str) -> GroupState:
        """A group whose Job, that very one, was ended from here, and why."""
        self._ended.add(uid)
        self.states[name] = state = GroupState(self._groups.pop(name), Phase.FAILED, detail)
        return state

    def _seen(self, mirror: Mirror, name: str) -> Seen:
        return mirror.seen(name) if self._asked else Seen(asked=False)

    def _set(self, seen: Mapping[str, Seen]) -> list[GroupState]:
        asks = {name: phases.ask(each) for name, each in seen.items()}
        facts = self._read([(self._groups[name], ask) for name, ask in asks.items() if ask is not Ask.NOTHING])
        now, told = time.time(), []
        for name, each in seen.items():
            state = phases.state(self._groups[name], each, facts.get(name), now)
            before = self.states.get(name)
            self.states[name] = state
            if before is None or _says(before) != _says(state):
                told.append(state)
        return told


def _says(state: GroupState) -> tuple[object, ...]:
    """What a person is told when it changes; how far a stage is changes all the time."""
    return state.phase, state.stage, state.detail
