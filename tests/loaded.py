"""What the server of `warm.py` loads: all that runs import by and by, and what their libraries read from files once."""

import importlib

import py3langid

from pipeline.plan import STAGES

MODULES = ["torch", "transformers", "deepspeed", "wandb", "pipeline.runner", "pipeline.joining", "pipeline.store.s3"]
MODULES += [f"pipeline.stages.{name}" for name in STAGES]
MODULES += ["transformers.models.gpt2.modeling_gpt2", "transformers.pipelines", "transformers.conversion_mapping"]
MODULES += ["deepspeed.module_inject.auto_ep_layer", "deepspeed.runtime.zero.muon.muon_optimizer", "torch.profiler"]
MODULES += ["matplotlib.figure", "matplotlib.backends.backend_agg", "PIL.ImageDraw", "PIL.ImageFont", "fontTools.ttLib"]
MODULES += ["deepspeed.ops.op_builder.all_ops", "transformers.pipelines.text_generation", "transformers.optimization"]
MODULES += [f"pipeline.training.{name}" for name in ("kernels", "rank", "ranks", "universal")]

for name in MODULES:
    importlib.import_module(name)
py3langid.classify("its model is read now")
