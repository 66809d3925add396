"""`python -m pipeline`: makes the bot of `HTCTL_RUN`, or fetches what `HTCTL_SCRAPE` names; ends by the contract."""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

from pipeline import joining, nodes, order
from pipeline.config import ENVIRONMENT, TERMINATION, RunConfig
from pipeline.errors import ConfigError, reason, told
from pipeline.identity import bot_of, run_id
from pipeline.progress import Report, quiet, share_cores
from pipeline.stopping import listen
from pipeline.store import open_store

LONGEST_REASON = 1000  # characters; Kubernetes keeps 4,096 bytes


def main() -> int:
    """Run, say on one line what went wrong, and return the exit code."""
    report = Report()
    try:
        listen()
        if order.ENVIRONMENT in os.environ:
            return _fetch(order.Order.from_json(os.environ[order.ENVIRONMENT]), report)
        text = os.environ.get(ENVIRONMENT)
        if text is None:
            raise ConfigError(f"{ENVIRONMENT} is not set; it holds the run's config as JSON (see htctl run)")
        config = RunConfig.from_json(text)
        report.line(f"{bot_of(config)}: run {run_id(config)}")
        with tempfile.TemporaryDirectory(prefix="htctl-") as scratch:
            share_cores()
            quiet()
            outcome = _make(config, report, Path(scratch))
    except BaseException as error:
        code, line = told(error)
        report.line(line)
        _leave_word(code, line, report)
        return code
    _leave_word(0, outcome, report)
    return 0


def _make(config: RunConfig, report: Report, scratch: Path) -> str:
    """Make the bot, or take part where this is a further node; returns the outcome in words."""
    node, store = nodes.here(), open_store(config.store)
    if not node.is_first:
        return joining.run(config, store, report, scratch, node)
    from pipeline import runner  # only now: it loads torch, which takes seconds in which Ctrl-C counts too

    return runner.run(config, store, report, scratch)


def _fetch(asked: order.Order, report: Report) -> int:
    """Fetch posts alone; the last word is the last thing that was wrong."""
    from pipeline import scraping

    code = scraping.fulfil(asked, report)
    wrong = [line for _, _, line in (said.partition(" ") for said in report.said) if line.startswith("error: ")]
    more = f" (and {len(wrong) - 1:,} more; htctl logs tells)" if wrong[1:] else ""
    _leave_word(code, f"{wrong[-1]}{more}" if code and wrong else "all posts are in the store", report)
    return code


def _leave_word(code: int, line: str, report: Report) -> None:
    """The outcome or reason as one line of JSON where Kubernetes looks for it: in the termination message."""
    path = Path(os.environ.get(TERMINATION, ""))
    if path.name:
        word = {"code": code, "reason": reason(line)[:LONGEST_REASON], "stage": report.now.get("stage", "")}
        with contextlib.suppress(OSError):  # the log has it too
            path.write_text(json.dumps(word, ensure_ascii=False), encoding="utf-8")


def _leave(code: int) -> None:
    """End the process now, with everything printed but without interpreter shutdown.

    After all is done, one of gloo's threads can abort that shutdown (pytorch issue 190489), and a finished
    run would look failed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
