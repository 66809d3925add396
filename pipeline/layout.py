"""Where everything lies in the store: the one place that spells its keys."""

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.basemodels import BOT, is_bot


class Place(NamedTuple):
    """Where a key lies: the bot and the run that it belongs to (each empty where none), and the rest of it."""

    bot: str
    run: str
    rest: str


def place(key: str) -> Place:
    """A key taken apart."""
    top, *inner = key.split("/")
    if top != "bots" or len(inner) < 2:
        return Place("", "", key)
    bot, *inner = inner
    if inner[0] == "runs" and len(inner) > 2:
        return Place(bot, inner[1], "/".join(inner[2:]))
    return Place(bot, "", "/".join(inner))


def posts_files() -> str:
    """The prefix of all posts that were given as files."""
    return "posts/file/"


def posts_file(sha256: str, name: str) -> str:
    """A part of a posts file that was given as a file: `data` (its bytes) or `index.json` (written last)."""
    return f"posts/file/{sha256}/{name}"


def accounts(source: str) -> str:
    """The prefix of all accounts whose posts were asked of a source."""
    return f"posts/{source}/"


@dataclass(frozen=True)
class AccountKeys:
    """The keys of an account's posts at a source, shared by all groups and batches."""

    source: str
    handle: str

    @property
    def base(self) -> str:
        """The account's folder, without a slash at its end."""
        return f"{accounts(self.source)}{self.handle.lower()}"

    @property
    def index(self) -> str:
        """What is known of the account, and how far its posts are fetched."""
        return f"{self.base}/index.json"

    @property
    def lease(self) -> str:
        """Who fetches it just now."""
        return f"{self.base}/lease.json"

    @property
    def profile(self) -> str:
        """The answer to the look-up, as it came."""
        return f"{self.base}/profile.json.gz"

    def page(self, number: int) -> str:
        """An answer of posts, as it came; numbered in the order in which they were asked for."""
        return f"{self.base}/pages/{number:06}.json.gz"


def bots() -> str:
    """The prefix of all bots."""
    return "bots/"


def latest(bot: str) -> str:
    """The pointer to a bot's current run."""
    return f"bots/{bot}/latest.json"


def batch(name: str) -> str:
    """What was submitted as a batch: its bots, their runs and Jobs."""
    return f"batches/{name}/batch.json"


ADOPTED = "adopted"  # the runs of bots that were made elsewhere: adopted-<8 hex of what was taken in>


def is_adopted(base_model: str) -> bool:
    """Whether a base model is a bot of the store that was made elsewhere."""
    return is_bot(base_model) and base_model.rpartition("/")[2].startswith(f"{ADOPTED}-")


def base_bot(base_model: str) -> "RunKeys":
    """Where the bot lies that a base model `bot:ID/RUN` names."""
    bot, _, run = base_model.removeprefix(BOT).partition("/")
    return RunKeys(bot, run)


@dataclass(frozen=True)
class RunKeys:
    """The keys of one run of one bot."""

    bot: str
    run: str

    @property
    def base(self) -> str:
        """The prefix of the run, without a slash at its end."""
        return f"bots/{self.bot}/runs/{self.run}"

    @property
    def config(self) -> str:
        """What was asked, and the versions that did it."""
        return f"{self.base}/config.json"

    @property
    def lease(self) -> str:
        """Who makes the run just now, and how far it is."""
        return f"{self.base}/lease.json"

    @property
    def attempts(self) -> str:
        """Every attempt at the run: where, when, how it ended, what was lost."""
        return f"{self.base}/attempts.json"

    @property
    def log(self) -> str:
        """What the run printed."""
        return f"{self.base}/log.txt"

    @property
    def tracker(self) -> str:
        """The W&B runs of this run: their ids, where they are to be seen, what of them is recorded."""
        return f"{self.base}/wandb.json"

    def tracked(self, name: str) -> str:
        """W&B's own files, a folder for each attempt that recorded any: `<attempt>/...`."""
        return f"{self.base}/wandb/{name}"

    def stage(self, name: str) -> str:
        """A stage's marker: there means complete."""
        return f"{self.base}/stages/{name}.json"

    def posts(self, name: str) -> str:
        """Posts of this run: read, kept, dropped."""
        return f"{self.base}/posts/{name}"

    def dataset(self, name: str) -> str:
        """What the model is trained on and measured with."""
        return f"{self.base}/dataset/{name}"

    def checkpoint(self, name: str) -> str:
        """A training under way: `<step>/...`, and `<step>.json` written last."""
        return f"{self.base}/checkpoints/{name}"

    @property
    def base_model(self) -> str:
        """The run's bot as the base model of another run."""
        return f"{BOT}{self.bot}/{self.run}"

    def model(self, name: str) -> str:
        """What `from_pretrained` and a hub take as it is."""
        return f"{self.base}/model/{name}"
