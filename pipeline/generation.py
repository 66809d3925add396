"""Posts from a finished bot, by transformers' own text-generation pipeline: what users of the model get."""

import argparse
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.errors import INTERRUPTED, HtctlError
from pipeline.progress import quiet, share_cores
from pipeline.settings import Generate

AT_ONCE = 50  # posts generated together
SEEDS = 2**32  # as many as transformers' set_seed takes


class Bot:
    """A saved bot, ready to write posts."""

    def __init__(self, folder: Path) -> None:
        import torch
        import transformers

        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._set_seed = transformers.set_seed
        self._pipeline: Any = transformers.pipeline("text-generation", model=str(folder), device=device)

    def posts(self, prompt: str, count: int, seed: int, **options: Any) -> list[str]:
        """`count` posts that start with `prompt`; equal arguments give equal posts on one machine.

        `options` go to transformers' `generate`. A post ends at its first line break, as the recipe's do; one
        in the prompt is a space, as in training. Raises HtctlError where the prompt leaves no room for a post.
        """
        prompt = " ".join(prompt.splitlines())
        used, most = len(self._pipeline.tokenizer(prompt).input_ids), self._pipeline.model.generation_config.max_length
        if used >= most:
            raise HtctlError(f"the prompt is too long: {used} tokens, and this bot's posts have {most} at most with it")
        self._set_seed(seed % SEEDS)
        texts: list[str] = []
        while len(texts) < count:
            number = min(AT_ONCE, count - len(texts))
            found = self._pipeline(prompt, num_return_sequences=number, **options)
            texts += [one["generated_text"] for one in found]
        return [text.strip().partition("\n")[0].strip() for text in texts]


def settings(wanted: Generate, tokenizer: Any) -> Any:
    """How a bot writes when nobody says otherwise: transformers' own form of it."""
    from transformers import GenerationConfig

    end = tokenizer.eos_token_id
    return GenerationConfig(
        do_sample=True,
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        top_k=wanted.top_k,
        min_length=wanted.min_length,
        max_length=min(wanted.max_length, tokenizer.model_max_length),
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )


def main(arguments: list[str]) -> int:
    """`python -m pipeline.generation FOLDER`: posts as lines on stdout, or JSON; how fast, on stderr."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.generation", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompt", default="")
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args(arguments)
    options = {} if wanted.temperature is None else {"temperature": wanted.temperature}
    try:
        share_cores()
        quiet()
        loading = time.monotonic()
        bot = Bot(wanted.folder)
        started = time.monotonic()
        posts = bot.posts(wanted.prompt, wanted.count, wanted.seed, **options)
    except (HtctlError, OSError, ValueError) as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())[:300]}\n")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    seconds = time.monotonic() - started
    speed = f"{len(posts) / seconds:.1f} a second, after {started - loading:.1f} s of loading"
    posts = [_CONTROL.sub("", post) for post in posts]  # nothing that could steer a terminal
    text = json.dumps(posts, ensure_ascii=False, indent=2) if wanted.json else "\n".join(posts)
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stderr.write(f"{len(posts)} posts in {seconds:.1f} s ({speed}), seed {wanted.seed}\n")
    return 0


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
