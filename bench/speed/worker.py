"""One variant in a process of its own: made ready, measured when told to go, its result as one line of JSON."""

import contextlib
import json
import os
import resource
import sys
import time


def work(variant, file, blocks, tiny):
    """Everything that needs no GPU, then a wait for a line on stdin, then the rest."""
    with os.fdopen(os.dup(1), "w") as pipe, contextlib.redirect_stdout(sys.stderr):
        from pipeline import progress

        progress.share_cores()
        made = ready(variant, file, blocks, tiny)
        print("ready", file=pipe, flush=True)
        deadline = time.monotonic() + float(sys.stdin.readline())
        print(json.dumps(measured(variant, *made, lambda: time.monotonic() < deadline)), file=pipe, flush=True)
    sys.stderr.flush()
    os._exit(0)  # a thread of gloo can abort the interpreter's end


def ready(variant, file, blocks, tiny):
    """(model on the CPU, arrays of the data file, blocks); imports are over when this is."""
    os.environ.setdefault("DS_BUILD_OPS", "0")
    import data
    import deepspeed  # noqa: F401
    import numpy as np
    import sides  # noqa: F401
    import torch
    import transformers
    import variants

    from pipeline import progress

    progress.quiet()
    arrays = dict(np.load(file))
    if tiny:
        arrays |= {name: part[:2500] for name, part in arrays.items() if name.startswith("four")}
    end = int(arrays["end"])
    shape = variants.TINY if tiny else variants.SHAPES[variant["shape"]]
    torch.manual_seed(0)
    config = transformers.GPT2Config(**shape, bos_token_id=end, eos_token_id=end)
    model = transformers.GPT2LMHeadModel(config)
    if variant["attention"] != "sdpa":
        model.set_attn_implementation(variant["attention"])
    size = config.n_positions
    return model, arrays, data.blocks(arrays["speed"][: blocks * size + 1], size)


def measured(variant, model, arrays, parts, left):
    import quality
    import resume
    import sides
    import torch
    from clock import Clock

    torch.set_float32_matmul_precision("high" if variant["tf32"] else "highest")
    told = {"name": variant["name"], "settings": chosen(variant)}
    started = time.perf_counter()
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.init()
        torch.cuda.reset_peak_memory_stats()
    torch.manual_seed(0)
    if variant["loop"] == "quality":
        found = quality.measure(variant, model, arrays, lambda *what: scored(*what, arrays), parts[0].shape[1], left)
        return told | {"quality": found, "took_s": round(time.perf_counter() - started, 1)}
    if variant["loop"] == "resume":
        return told | resume.measure(variant, model, parts)
    inputs, targets = parts
    clock = Clock(sides.steps(variant, inputs))
    sides.train(variant, model, inputs, targets, clock)
    told |= clock.told(variant["batch"] * inputs.shape[1])
    told |= {"steps": clock.last, "tokens": int(inputs.size), "epochs": round(inputs.size / int(arrays["epoch"]), 2)}
    told |= memory(cuda) | use(model, told["tokens_a_second"], inputs.shape[1])
    told["heldout_bits_per_byte"] = scored(model, 0, arrays)
    return told | {"took_s": round(time.perf_counter() - started, 1)}


def chosen(variant):
    """What differs from the defaults."""
    import variants

    return {key: value for key, value in variant.items() if value != variants.DEFAULTS.get(key, variant["name"])}


def scored(model, number, arrays):
    """Held-out bits per byte, in fp32 without tf32, by the pipeline's own measure; nothing is compiled for it."""
    import data
    import torch

    from pipeline.training import heldout

    torch.set_float32_matmul_precision("highest")
    ids, size = data.heldout(arrays, number)
    with torch.compiler.set_stance("force_eager"):
        score = heldout.score(model, ids, int(arrays["end"]), size)
    return round(score.bits_per_byte, 4)


def memory(cuda):
    import torch

    if not cuda:
        return {"peak_mib_of_the_process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    peak = (torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved())
    return {"peak_mib_allocated_and_reserved": [round(value / 2**20) for value in peak]}


PEAK = 989.4e12  # dense bf16, H100 and H200 SXM


def use(model, tokens_a_second, length):
    """Model FLOPs utilization: (6 N + 12 L d T) tokens/s over the peak; N without position embeddings."""
    import torch

    config = model.config
    positions = model.transformer.wpe.weight.numel()
    parameters = sum(weights.numel() for weights in model.parameters())
    flops = 6 * (parameters - positions) + 12 * config.n_layer * config.n_embd * length
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    known = name.startswith(("NVIDIA H100 80GB HBM3", "NVIDIA H200")) and "NVL" not in name
    return {"parameters": parameters, "tflops_a_second": round(flops * tokens_a_second / 1e12, 1),
            "mfu": round(flops * tokens_a_second / PEAK, 4) if known else None}  # fmt: skip
