"""A checkpoint of another number of processes, in DeepSpeed's universal form, which any number can go on from."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.errors import HtctlError

ENGINE, UNIVERSAL = "engine", "universal"


def fit(folder: Path, kept: dict[str, Any], processes: int, say: Callable[[str], None]) -> None:
    """Put the form for `processes` beside what is in the folder, where what is there does not fit them.

    `kept` says how it was kept: `zero`, the stage, and `processes`. At stage 0 every process holds all.
    """
    before = kept.get("processes", 1)
    if not kept.get("zero", 0) or before == processes:
        return
    say(f"train: a checkpoint of {before} processes is laid out anew for {processes}")
    command = [sys.executable, "-P", "-m", "deepspeed.checkpoint.ds_to_universal", "--inject_missing_state"]
    places = ["--input_folder", str(folder / ENGINE), "--output_folder", str(folder / UNIVERSAL)]
    workers = ["--num_extract_workers", "1", "--num_merge_workers", "1"]
    ran = subprocess.run([*command, *places, *workers], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise HtctlError(f"the checkpoint cannot be laid out anew: {ran.stderr.strip().rpartition(chr(10))[2]}")
