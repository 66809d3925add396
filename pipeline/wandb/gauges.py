"""How much of the device a training uses: cheap to ask, from what the process knows of itself."""

import time

import torch

GB = 1 << 30


class Gauges:
    """The share of the CPUs' time since the last look, and the memory of the GPU where there is one."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def read(self) -> dict[str, float]:
        """`cpu_percent` (100: one CPU busy), `cuda_memory_gb`, `cuda_peak_gb`, `cuda_percent` where NVML is there."""
        wall, cpu = time.monotonic(), time.process_time()
        share = 100 * (cpu - self._cpu) / max(wall - self._wall, 1e-6)
        self._wall, self._cpu = wall, cpu
        return {"cpu_percent": round(share, 1), **(_of_cuda() if torch.cuda.is_initialized() else {})}


def _of_cuda() -> dict[str, float]:
    found = {
        "cuda_memory_gb": round(torch.cuda.memory_allocated() / GB, 3),
        "cuda_peak_gb": round(torch.cuda.max_memory_allocated() / GB, 3),
    }
    try:
        return {**found, "cuda_percent": float(torch.cuda.utilization())}
    except Exception:  # NVML's library is no part of torch
        return found
