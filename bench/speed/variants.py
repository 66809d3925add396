"""What is compared, the most wanted first: the budget may end before the list."""

SHAPES = {
    "gpt2": {"n_layer": 12, "n_embd": 768, "n_head": 12},
    "gpt2-medium": {"n_layer": 24, "n_embd": 1024, "n_head": 16},
}
TINY = {"n_layer": 2, "n_embd": 64, "n_head": 2, "n_positions": 64, "vocab_size": 2501}
DEFAULTS = {
    "shape": "gpt2", "batch": 1, "precision": "bf16", "attention": "sdpa", "recipe": False, "tf32": True,
    "rate": 1.372e-4, "lean": False, "head": "full", "pad": 1, "cache": True, "compile": "", "optimizer": "fused",
    "clip": "engine", "graph": False, "before": False, "seeds": 1, "timeout": 90,
}  # fmt: skip
LEAN = {"lean": True, "cache": False}
BEST = {**LEAN, "clip": "torch", "pad": 64}


def variant(name, loop, **chosen):
    return DEFAULTS | {"name": name, "loop": loop} | chosen


def wanted():
    """Every variant in order."""
    medium = {"shape": "gpt2-medium"}
    slow = {"timeout": 180}
    return [
        variant("recipe b1", "trainer", recipe=True, precision="fp32", tf32=False),
        variant("htctl before b1", "htctl", before=True),
        variant("htctl b1", "htctl"),
        variant("trainer best b16", "trainer", batch=16),
        variant("htctl b16", "htctl", batch=16),
        variant("htctl before b16", "htctl", batch=16, before=True),
        variant("plain b16", "plain", batch=16),
        variant("plain lean b16", "plain", batch=16, **LEAN),
        variant("plain lean pad64 b16", "plain", batch=16, pad=64, **LEAN),
        variant("plain lean pad64 chunks b16", "plain", batch=16, pad=64, head="chunks", **LEAN),
        variant("plain lean pad64 chunks16 b16", "plain", batch=16, pad=64, head="chunks16", **LEAN),
        variant("engine best chunks16 b16", "engine", batch=16, head="chunks16", **BEST),
        variant("graph lean pad64 b1", "graph", pad=64, **LEAN),
        variant("graph lean pad64 chunks16 b1", "graph", pad=64, head="chunks16", **LEAN),
        variant("engine graph best b1", "engine", graph=True, **BEST),
        variant("engine best b1", "engine", **BEST),
        variant("plain b1", "plain"),
        variant("resume", "resume", timeout=60),
        variant("quality", "quality", timeout=150),
        variant("plain compiled blocks pad64 b16", "plain", batch=16, pad=64, compile="blocks", **LEAN, **slow),
        variant("trainer best compiled b16", "trainer", batch=16, compile="model", **slow),
        variant("medium recipe b1", "trainer", recipe=True, precision="fp32", tf32=False, **medium),
        variant("medium htctl before b1", "htctl", before=True, **medium),
        variant("medium htctl b1", "htctl", **medium),
        variant("medium trainer best b16", "trainer", batch=16, **medium),
        variant("medium htctl before b16", "htctl", batch=16, before=True, **medium),
        variant("medium htctl b16", "htctl", batch=16, **medium),
        variant("medium engine best chunks16 b16", "engine", batch=16, head="chunks16", **BEST, **medium),
        variant("medium plain compiled blocks pad64 chunks16 b16", "plain", batch=16, pad=64, head="chunks16",
                compile="blocks", **LEAN, **medium, **slow),
        variant("engine best chunks16 b32", "engine", batch=32, head="chunks16", **BEST),
        variant("engine best chunks16 b8", "engine", batch=8, head="chunks16", **BEST),
        variant("engine best chunks16 b4", "engine", batch=4, head="chunks16", **BEST),
        variant("htctl b32", "htctl", batch=32),
        variant("htctl b8", "htctl", batch=8),
        variant("htctl b4", "htctl", batch=4),
        variant("engine compiled blocks chunks16 b16", "engine", batch=16, head="chunks16", compile="blocks",
                **BEST, **slow),
        variant("plain compiled model pad64 b16", "plain", batch=16, pad=64, compile="model", **LEAN, **slow),
        variant("graph lean pad64 b4", "graph", batch=4, pad=64, **LEAN),
        variant("medium graph lean pad64 b1", "graph", pad=64, **LEAN, **medium),
        variant("htctl before eager b16", "htctl", batch=16, attention="eager", before=True),
        variant("plain lean pad128 b16", "plain", batch=16, pad=128, **LEAN),
        variant("plain lean pad64 chunks16 b32", "plain", batch=32, pad=64, head="chunks16", **LEAN),
        variant("medium engine best chunks16 b32", "engine", batch=32, head="chunks16", **BEST, **medium),
        variant("medium trainer best compiled b16", "trainer", batch=16, compile="model", **medium, **slow),
        variant("medium htctl b8", "htctl", batch=8, **medium),
        variant("trainer best b32", "trainer", batch=32),
        variant("trainer bf16 b1", "trainer"),
        variant("plain compiled reduce-overhead b1", "plain", pad=64, compile="reduce-overhead", **LEAN, **slow),
        variant("plain foreach b1", "plain", optimizer="foreach"),
        variant("plain tf32 off b16", "plain", batch=16, tf32=False),
    ]  # fmt: skip
