"""What a batch's own small Job is told to fetch, before anything is trained: its JSON form in `HTCTL_SCRAPE`."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline import schema
from pipeline.errors import ConfigError
from pipeline.handles import wrong_handles
from pipeline.settings import Scrape

ENVIRONMENT = "HTCTL_SCRAPE"


@dataclass(frozen=True)
class Order:
    """Accounts by source, each handle in lower case, and on which terms they are asked for."""

    store: str
    accounts: Mapping[str, tuple[str, ...]]
    scrape: Scrape = field(default_factory=Scrape)
    lease_seconds: float = 60.0

    def to_json(self) -> str:
        """The same order is the same text."""
        data = dataclasses.asdict(self) | {"accounts": {source: list(names) for source, names in self.accounts.items()}}
        return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """The inverse of `to_json`; raises ConfigError where it is none."""
        try:
            data = json.loads(text)
            problems = schema.check(Scrape, data["scrape"])
            names = {source: tuple(map(str, handles)) for source, handles in data["accounts"].items()}
            made = cls(str(data["store"]), names, schema.build(Scrape, data["scrape"]), float(data["lease_seconds"]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(f"{ENVIRONMENT} is no order of htctl submit --scrape-first: {error!r}") from None
        for source, handles in names.items():
            problems += wrong_handles(source, handles)
        if problems:
            raise ConfigError(f"{ENVIRONMENT}: {'; '.join(map(str, problems))}")
        return made
