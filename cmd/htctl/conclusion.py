"""How a batch's Jobs came out: what the store says of those that ended, never an exit code alone."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from htctl import batchrecord, output, published
from htctl.batchrecord import Submitted
from k8s.manifests import Manifest
from k8s.outcome import FAILED
from pipeline.store import Store

AT_ONCE = 8  # requests to the store
NAMED = 10  # failures that are told one by one


def tell(store: Store, wanted: Sequence[Manifest], ended: Mapping[str, str]) -> int:
    """Say how many bots are published and which are not; the exit code: 1 where one is not."""
    groups = [batchrecord.of(manifest) for manifest in wanted]
    failed = list(unmade(store, groups))
    for group in failed[:NAMED]:
        how = ended.get(group.job, "refused")
        output.note(f"{group.bot}: {'failed' if how == FAILED else f'not published ({how})'}")
    more = f" ({len(failed) - NAMED:,} more failed)" if len(failed) > NAMED else ""
    output.note(f"{len(groups) - len(failed):,} of {len(groups):,} bots are published{more}")
    return int(bool(failed))


def unmade(store: Store, groups: Sequence[Submitted]) -> Iterator[Submitted]:
    """Those whose run has not come to its end, as the store has it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = pool.map(lambda group: published.is_made(store, group.bot, group.run), groups)
        yield from (group for group, is_made in zip(groups, made, strict=True) if not is_made)
