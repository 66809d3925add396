"""The loss curve as a picture."""

from pathlib import Path
from typing import Any

SIZE_IN = (7.0, 4.0)


def draw(history: list[dict[str, Any]], title: str, kept: int, path: Path) -> None:
    """Training loss by step, and held-out loss where it was measured, as a PNG.

    `history` has records with `step` and `loss` or `validation_loss` (nats per token); `kept` is the epoch whose
    weights are the bot's.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_IN, dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for key, label, style in (("loss", "training", "-"), ("validation_loss", "validation", "o--")):
        points = [(record["step"], record[key]) for record in history if key in record]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label, linewidth=1.2, markersize=4)
    for record in history:
        if record.get("epoch") == kept:
            axes.axvline(record["step"], color="grey", linewidth=0.8, label=f"kept: epoch {kept}")
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats per token)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)
