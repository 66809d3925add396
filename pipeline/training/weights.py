"""A trained model as `from_pretrained` takes it, written a tensor at a time: no second copy of it is ever in memory."""

import contextlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from pipeline.training.group import ALONE, Group

FILE = "model.safetensors"
# The format's names (https://github.com/huggingface/safetensors, "Format").
DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.bool: "BOOL",
}


def save(model: Any, folder: Path, group: Group = ALONE) -> None:
    """Write `config.json`, `generation_config.json` and the whole weights, the bytes that `save_pretrained` writes.

    At ZeRO stage 3 each of a group has a part of every tensor, so all call this; the first one writes.
    """
    tensors = dict(sorted(_tensors(model), key=lambda named: (-named[1].element_size(), named[0])))
    with contextlib.ExitStack() as stack:
        file = None
        if group.is_first:
            _describe(model, folder)
            file = stack.enter_context((folder / FILE).open("wb"))
            file.write(_header(tensors))
        for tensor in tensors.values():
            with whole(tensor):
                if file:
                    file.write(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)


def is_parted(model: Any) -> bool:
    """Whether each of a group has a part of the weights only: ZeRO stage 3 leaves empty tensors between steps."""
    return any(hasattr(weights, "ds_id") for weights in model.parameters())


def whole(tensor: Tensor) -> contextlib.AbstractContextManager[None]:
    """A block in which all of a tensor is here, in every one of its group."""
    if not hasattr(tensor, "ds_id"):
        return contextlib.nullcontext()
    import deepspeed

    return cast(contextlib.AbstractContextManager[None], deepspeed.zero.GatheredParameters([tensor]))


def _tensors(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Each once, under its first name: an output layer that shares the input's weights is not written."""
    seen: set[int] = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield name, tensor


def _describe(model: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model.config.dtype = str(model.dtype).removeprefix("torch.")
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    if model.can_generate():
        model.generation_config.save_pretrained(folder)


def _header(tensors: dict[str, Tensor]) -> bytes:
    """The file's head: eight bytes with its length, then what lies where, as JSON."""
    shapes = {name: tuple(getattr(tensor, "ds_shape", tensor.shape)) for name, tensor in tensors.items()}
    sizes = [tensor.element_size() * torch.Size(shapes[name]).numel() for name, tensor in tensors.items()]
    ends = list(itertools.accumulate(sizes, initial=0))
    told: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for (name, tensor), offsets in zip(tensors.items(), itertools.pairwise(ends), strict=True):
        told[name] = {"dtype": DTYPES[tensor.dtype], "shape": shapes[name], "data_offsets": offsets}
    text = json.dumps(told, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
