"""Stage 5: the card's samples, and how many of the bot's posts are copies of what it was trained on."""

import time
from typing import Any

import numpy as np

from pipeline.generation import Bot
from pipeline.posts import read_lines
from pipeline.stage import Context, Result
from pipeline.text import similarity


def run(context: Context) -> Result:
    """Draw samples from the bot as it was saved.

    Result: `prompt`, `samples`, `posts_per_second`, and `copies`: of `posts` generated without a prompt,
    how many are a training post word for word (`verbatim`) or nearly so (`near`, the verbatim included).
    """
    wanted = context.config.generate
    bot = Bot(context.local_folder(context.keys.model("")[:-1]))
    started = time.monotonic()
    samples = bot.posts(wanted.prompt, wanted.samples, wanted.seed)
    speed = len(samples) / (time.monotonic() - started)
    free = bot.posts("", wanted.copies, wanted.seed + 1)
    copies = _copies(context, [post for post in free if post])
    context.report.line(
        f"generate: {len(samples)} samples; of {copies['posts']} more posts, {copies['verbatim']} repeat "
        f"a training post word for word, {copies['near']} at least nearly"
    )
    return {
        "prompt": wanted.prompt,
        "samples": samples,
        "posts_per_second": round(speed, 2),
        "copies": copies,
    }


def _copies(context: Context, posts: list[str]) -> dict[str, Any]:
    if not posts:
        return {"posts": 0, "verbatim": 0, "near": 0}
    path = context.local(context.keys.dataset("train.jsonl.gz"))
    wanted = {_folded(post) for post in posts}
    found = {text for record in read_lines(path) if (text := _folded(record["text"])) in wanted}
    verbatim = np.array([_folded(post) in found for post in posts])
    signed = np.concatenate(list(similarity.signatures(posts)))
    known = similarity.signatures(record["text"] for record in read_lines(path))
    near = similarity.nearest(signed, known) >= similarity.ALIKE
    return {"posts": len(posts), "verbatim": int(verbatim.sum()), "near": int((near | verbatim).sum())}


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
