"""When steps end: the time of the measured ones, and a profile of the last few."""

import time

import torch

WARM_UP = 10  # steps that do not count, fewer where there are few
PROFILED = 3  # steps at the end that are profiled and do not count either
TOP = 12


class Clock:
    """Told of every step that ended; steps are counted from 1."""

    def __init__(self, steps):
        self.last, self.stop = steps, steps - min(PROFILED, steps // 4)
        self.warm = min(WARM_UP, max(1, steps // 4), steps - 1)
        self.cuda = torch.cuda.is_available()
        self.profile = {}
        self.marks = {0: self._time()}

    def now(self, step):
        if step in (1, self.warm, self.stop):
            self.marks[step] = self._time()
        if self.last > self.stop == step:
            self._start()
        elif self.last > self.stop and step == self.last:
            self._end()

    def told(self, tokens_a_step):
        """Times, in the units of their names."""
        measured = self.stop - self.warm
        seconds = (self.marks[self.stop] - self.marks[self.warm]) / measured
        told = {"first_step_s": round(self.marks[1] - self.marks[0], 2), "steps_measured": measured,
                "step_ms": round(1000 * seconds, 2), "tokens_a_second": round(tokens_a_step / seconds)}  # fmt: skip
        if busy := self.profile.get("busy_ms_a_step"):
            told["gpu_idle_share"] = round(max(0.0, 1 - busy / (1000 * seconds)), 3)
        return told | {"profile": self.profile}

    def _time(self):
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter()

    def _start(self):
        activity = torch.profiler.ProfilerActivity
        self.running = torch.profiler.profile(activities=[activity.CUDA if self.cuda else activity.CPU])
        try:
            self.running.__enter__()
        except Exception as error:
            self.running, self.profile = None, {"failed": f"{type(error).__name__}: {error}"[:300]}

    def _end(self):
        self._time()
        if not self.running:
            return
        try:
            self.running.__exit__(None, None, None)
            self.profile = summary(self.running, self.last - self.stop, self.cuda)
        except Exception as error:
            self.profile = {"failed": f"{type(error).__name__}: {error}"[:300]}


def summary(profile, steps, cuda):
    """The operations that took most, and for how long the GPU had one at all, per step."""
    spans, times = [], {}
    for event in profile.events():
        on_gpu = event.device_type == torch.autograd.DeviceType.CUDA
        if (
            on_gpu != cuda
            or getattr(event, "is_user_annotation", False)
            or event.name.startswith(("Optim", "Profiler"))
        ):
            continue
        spans.append((event.time_range.start, event.time_range.end))
        took = spans[-1][1] - spans[-1][0] if cuda else event.self_cpu_time_total
        count, total = times.get(event.name, (0, 0))
        times[event.name] = (count + 1, total + took)
    busy, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        busy += max(0.0, end - max(start, until))
        until = max(until, end)
    all_of_it = sum(total for _, total in times.values()) or 1
    top = sorted(times.items(), key=lambda pair: -pair[1][1])[:TOP]
    return {
        "busy_ms_a_step": round(busy / 1000 / steps, 3) if cuda else None,
        "operations_a_step": round(len(spans) / steps),
        "top": [
            {"name": name[:90], "share": round(total / all_of_it, 3), "ms_a_step": round(total / 1000 / steps, 3),
             "calls_a_step": round(count / steps, 1)}
            for name, (count, total) in top
        ],
    }  # fmt: skip
