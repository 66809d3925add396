import subprocess
import sys

CODE = """
import sys, time
from pipeline.training.watchdog import Watchdog

def sleeps(seconds):
    time.sleep(seconds)

with Watchdog(0.5, sys.stderr) as dog:
    for _ in range(10):
        sleeps(0.1)
        dog.beat()
sleeps(0.7)
print("over", flush=True)
with Watchdog(0.5, sys.stderr):
    sleeps(60)
"""


def test_who_is_silent_for_too_long_ends_with_its_stacks() -> None:
    """And not who is not, nor who is done."""
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=50)
    assert (ran.returncode, ran.stdout) == (1, "over\n")
    assert ran.stderr.startswith("Timeout (0:00:00.5")
    assert "in sleeps\n" in ran.stderr
