import subprocess
import sys


def test_python_m_htctl_is_htctl() -> None:
    result = subprocess.run([sys.executable, "-m", "htctl", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("htctl ")
