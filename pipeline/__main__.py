"""`python -m pipeline`: makes the bot that `HTCTL_RUN` asks for, and ends with the contract's exit code."""

import contextlib
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from pipeline.config import ENVIRONMENT, RunConfig
from pipeline.errors import INTERRUPTED, ConfigError, HtctlError, StoreError
from pipeline.identity import bot_id, run_id
from pipeline.layout import RunKeys
from pipeline.progress import Report, quiet, share_cores
from pipeline.stopping import terminated
from pipeline.store import Store, open_store


def main() -> int:
    """Run, say on one line what went wrong, and return the exit code."""
    report = Report()
    try:
        text = os.environ.get(ENVIRONMENT)
        if text is None:
            raise ConfigError(f"{ENVIRONMENT} is not set; it holds the run's config as JSON (see htctl run)")
        config = RunConfig.from_json(text)
        store = open_store(config.store)
    except HtctlError as error:
        report.line(f"error: {error}")
        return error.exit_code
    keys = RunKeys(bot_id(config.source, config.handles), run_id(config))
    code = _run(config, store, keys, report)
    _keep_log(store, keys.log, report)
    return code


def _run(config: RunConfig, store: Store, keys: RunKeys, report: Report) -> int:
    """Make the bot; everything that can go wrong ends here, said and with its exit code."""
    try:
        signal.signal(signal.SIGTERM, terminated)
        report.line(f"{keys.bot}: run {keys.run}")
        with tempfile.TemporaryDirectory(prefix="htctl-") as scratch:
            share_cores()
            quiet()
            from pipeline import runner  # only now: it loads torch, which takes seconds in which Ctrl-C counts too

            outcome = runner.run(config, store, report, Path(scratch))
        report.line(f"{keys.bot}: {outcome}")
    except HtctlError as error:
        report.line(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        report.line("stopped; the same command goes on from here")
        return INTERRUPTED
    except Exception:
        report.line(traceback.format_exc().rstrip())
        return HtctlError.exit_code
    return 0


def _keep_log(store: Store, key: str, report: Report) -> None:
    """Append what was said to the run's log; a store that fails now has already said so."""
    with contextlib.suppress(StoreError):
        earlier = store.read(key)
        text = "".join(f"{line}\n" for line in report.said)
        store.write(key, (earlier.data if earlier else b"") + text.encode())


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
