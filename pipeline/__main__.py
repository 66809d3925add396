"""`python -m pipeline`: makes the bot that `HTCTL_RUN` asks for, and ends with the contract's exit code."""

import contextlib
import logging
import os
import tempfile
import traceback
import warnings
from pathlib import Path

from pipeline import engine, runner
from pipeline.config import ENVIRONMENT, RunConfig
from pipeline.errors import ConfigError, HtctlError, StoreError
from pipeline.identity import bot_id, run_id
from pipeline.layout import RunKeys
from pipeline.progress import Report
from pipeline.store import Store, open_store


def main() -> int:
    """Run, say on one line what went wrong, and return the exit code."""
    quiet()
    report = Report()
    try:
        text = os.environ.get(ENVIRONMENT)
        if text is None:
            raise ConfigError(f"{ENVIRONMENT} is not set; it holds the run's config as JSON (see htctl run)")
        config = RunConfig.from_json(text)
        with tempfile.TemporaryDirectory(prefix="htctl-") as scratch:
            return _run(config, Path(scratch), report)
    except HtctlError as error:
        report.line(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        report.line("stopped; the same command goes on after the last finished stage")
        return 130
    except Exception:  # the one place where an unforeseen fault ends: all of it is shown
        report.line(traceback.format_exc())
        return 1


def quiet() -> None:
    """Keep the libraries' chatter out of a run's output; their errors stay."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)


def _run(config: RunConfig, scratch: Path, report: Report) -> int:
    store = open_store(config.store)
    keys = RunKeys(bot_id(config.source, config.handles), run_id(config))
    report.line(f"{keys.bot}: run {keys.run}")
    try:
        outcome = runner.run(config, store, report, scratch)
        report.line(f"{keys.bot}: {outcome}")
    except HtctlError as error:
        report.said.append(f"error: {error}")
        raise
    finally:
        _keep_log(store, keys.log, report)
    return 0


def _keep_log(store: Store, key: str, report: Report) -> None:
    """Append what was said to the run's log; a store that fails now has already said so."""
    with contextlib.suppress(StoreError):
        earlier = store.read(key)
        text = "".join(f"{line}\n" for line in report.said)
        store.write(key, (earlier.data if earlier else b"") + text.encode())


if __name__ == "__main__":
    engine.leave(main())
