"""Stage 2: training text from posts, with every dropped post and its reason kept beside it."""

import itertools
from collections import Counter
from collections.abc import Iterator

from pipeline.errors import TooFewPostsError
from pipeline.posts import line_writer, read_lines, read_posts
from pipeline.stage import Context, Result
from pipeline.text import cleaning, language

SEPARATOR = len("<|endoftext|>")  # the recipe counts it between posts


def run(context: Context) -> Result:
    """Apply the rules to every post.

    Result: `handles` (for each: downloaded, retweets, short, kept, characters) with downloaded - retweets
    - short = kept, and `languages`. A handle with too little text raises TooFewPostsError.
    """
    rules = cleaning.rules(context.config.clean)
    handles = {handle: _clean(context, handle, rules) for handle in context.config.handles}
    for handle, found in handles.items():
        _judge(context, handle, found)
    return {"handles": handles, "languages": language.languages(_some_of_each(context))}


def _clean(context: Context, handle: str, rules: list[cleaning.Rule]) -> Result:
    name = handle.lower()
    dropped: Counter[str] = Counter()
    kept = characters = 0
    with (
        context.writing(context.keys.posts(f"{name}.kept.jsonl.gz")) as kept_path,
        context.writing(context.keys.posts(f"{name}.dropped.jsonl.gz")) as dropped_path,
        line_writer(kept_path) as keep,
        line_writer(dropped_path) as drop,
    ):
        for post in read_posts(context.local(context.keys.posts(f"{name}.jsonl.gz"))):
            result = cleaning.clean(post, rules)
            if isinstance(result, cleaning.Drop):
                dropped[result.reason] += 1
                drop({"id": post.id, "reason": result.reason, "detail": result.detail, "text": post.text})
            else:
                kept, characters = kept + 1, characters + len(result)
                keep({"id": post.id, "lang": post.lang, "text": result})
    return {
        "downloaded": kept + dropped.total(),
        "retweets": dropped["retweet"],
        "short": dropped["short"],
        "kept": kept,
        "characters": characters + SEPARATOR * max(kept - 1, 0),
    }


def _judge(context: Context, handle: str, found: Result) -> None:
    """Refuse or warn by the recipe's measure: the characters of the kept posts joined by the end token."""
    kept, characters = found["kept"], found["characters"]
    counts = "{downloaded:,} posts - {retweets:,} retweets - {short:,} short = {kept:,} kept".format(**found)
    context.report.line(f"clean: @{handle}: {counts}")
    least, wanted = context.config.clean.min_characters, context.config.clean.warn_characters
    if not found["downloaded"]:
        raise TooFewPostsError(f"@{handle}: there are no posts to train on")
    if characters < least or not kept:
        lower = " or clean.min_characters lower" if kept else ""
        raise TooFewPostsError(
            f"@{handle}: too few posts to train on: {counts}, with {characters:,} characters; "
            f"{least:,} are needed{_about(least, kept, characters)}{lower}"
        )
    if characters < wanted:
        context.report.line(
            f"warning: @{handle} has {characters:,} characters in {kept:,} posts; "
            f"below {wanted:,}{_about(wanted, kept, characters)} a bot tends to repeat its posts"
        )


def _about(characters: int, kept: int, has: int) -> str:
    return f" (about {-(-characters * kept // has):,} posts like these)" if kept else ""


def _some_of_each(context: Context) -> Iterator[tuple[str, str]]:
    """(text, language as told) of kept posts, as many of each handle as the language needs at most."""
    share = language.SAMPLE // len(context.config.handles)
    for handle in context.config.handles:
        kept = read_lines(context.local(context.keys.posts(f"{handle.lower()}.kept.jsonl.gz")))
        for record in itertools.islice(kept, share):
            yield record["text"], record["lang"]
