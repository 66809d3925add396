"""Makes X API v2 objects from a text file with one post a line: python examples/make_posts.py LINES.txt > OUT.jsonl.gz

How the demo's posts were made from what was written for them. A line may hold `\\n` for a line break.
Ids and times are invented, newest first, a few posts a day; the same lines give the same bytes.
"""

import gzip
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

NEWEST = datetime(2026, 6, 30, 21, 0, tzinfo=UTC)
EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC)  # where X's ids start to count milliseconds


def main(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    rng = random.Random(len(lines))
    time = NEWEST
    out = []
    for line in lines:
        time -= timedelta(seconds=rng.randrange(600, 40_000))
        number = int((time - EPOCH).total_seconds() * 1000) << 22 | rng.randrange(1 << 22)
        post = {
            "id": str(number),
            "text": line.replace("\\n", "\n"),
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "edit_history_tweet_ids": [str(number)],
        }
        if line.startswith("RT @"):
            post["referenced_tweets"] = [{"type": "retweeted", "id": str(number - (1 << 30))}]
        out.append(json.dumps(post, ensure_ascii=False))
    sys.stdout.buffer.write(gzip.compress(("\n".join(out) + "\n").encode(), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
