"""Digests of what went into a training and of what came out, and how torch stood meanwhile."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import Dataset

from hone.provenance.digests import file_digest

KEPT = "_hone_digests"
# How deep in a data module's attributes arrays are looked for.
DEPTH = 4
MOST_FILES = 2_000
# Attributes of Lightning's own and of this module's.
SKIPPED = ("trainer", "_hparams", "_hparams_initial", "_device", "_dtype", KEPT)


def data_digests(data: pl.LightningDataModule) -> dict[str, str]:
    """Content digest of each file or array that a data module works on.

    A module knows best, and says so by ``content_digest()``. In any other, arrays, tensors and names of files are
    looked for among its attributes.

    Args:
        data: Set up.

    Returns:
        Digests by file or attribute, worked out once for each module.
    """
    kept = vars(data).get(KEPT)
    if kept is None:
        own = getattr(data, "content_digest", None)
        kept = vars(data)[KEPT] = dict(own() if callable(own) else _found(data))
    return dict(kept)


def model_digests(model: pl.LightningModule) -> dict[str, str]:
    """Content digest of each file of pretrained weights, of a model that offers ``content_digest()``."""
    own = getattr(model, "content_digest", None)
    return dict(own()) if callable(own) else {}


def weights_digest(model: torch.nn.Module) -> str:
    """SHA-256 over names, types, shapes and bytes of all that a model keeps.

    On one core 0.7 GB a second, on as many as the trial has threads.

    Returns:
        The digest; empty where this process does not hold the whole of the weights.
    """
    state = model.state_dict()
    if any(not _is_whole(one) for one in state.values()):
        return ""
    with ThreadPoolExecutor(max(1, torch.get_num_threads())) as threads:
        digests = list(threads.map(_digest_of, state.values()))
    whole = hashlib.sha256()
    for name, digest in zip(state, digests, strict=True):
        whole.update(f"{name} {digest}\n".encode())
    return whole.hexdigest()


def torch_state() -> dict[str, Any]:
    """What of torch's settings in this process changes what it computes."""
    state: dict[str, Any] = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "matmul_precision": torch.get_float32_matmul_precision(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        devices = range(torch.cuda.device_count())
        state["cuda"] = torch.version.cuda
        state["cudnn"] = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        state["gpus"] = [torch.cuda.get_device_name(one) for one in devices]
    return state


def _is_whole(value: Any) -> bool:
    return not isinstance(value, torch.Tensor) or (
        type(value) in (torch.Tensor, torch.nn.Parameter) and _is_plain(value)
    )


def _is_plain(tensor: torch.Tensor) -> bool:
    return tensor.layout is torch.strided and not tensor.is_meta and not tensor.is_quantized


def _digest_of(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value) if value.dtype.kind in "biufc" else repr(value.tolist())
    if not isinstance(value, torch.Tensor):
        return hashlib.sha256(repr(value).encode()).hexdigest()
    plain = value.detach().cpu().contiguous()
    digest = hashlib.sha256(f"{plain.dtype} {tuple(plain.shape)} ".encode())
    # As bytes, since NumPy has no bfloat16.
    digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _found(data: pl.LightningDataModule) -> dict[str, str]:
    attributes = {name: value for name, value in vars(data).items() if name not in SKIPPED}
    return {name: _digest_of_part(one) for name, one in _parts(attributes, "", DEPTH)}


def _digest_of_part(part: Any) -> str:
    if isinstance(part, Path):
        if part.is_file():
            return file_digest(part)
        files = sorted(one for one in part.rglob("*") if one.is_file())
        lines = "".join(f"{file_digest(one)} {one.relative_to(part)}\n" for one in files)
        return hashlib.sha256(lines.encode()).hexdigest()
    return _digest_of(part)


def _parts(node: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Arrays, and files that are named, below a node."""
    if isinstance(node, torch.Tensor | np.ndarray):
        if not isinstance(node, torch.Tensor) or _is_plain(node):
            yield name, node
    elif isinstance(node, str | Path):
        if path := _existing(node):
            yield str(node), path
    elif depth and isinstance(node, Mapping):
        for key, value in node.items():
            yield from _parts(value, f"{name}.{key}" if name else str(key), depth - 1)
    elif depth and isinstance(node, list | tuple):
        for number, value in enumerate(node[:DEPTH]):
            yield from _parts(value, f"{name}[{number}]", depth - 1)
    elif depth and isinstance(node, Dataset):
        yield from _parts(vars(node), name, depth - 1)


def _existing(name: str | Path) -> Path | None:
    """A file, or a folder of not too many files."""
    try:
        path = Path(name).expanduser()
        if path.is_file():
            return path
        if len(path.parts) < 2 or not path.is_dir():
            return None
        if next(itertools.islice(path.rglob("*"), MOST_FILES, None), None) is not None:
            return None
    except (OSError, ValueError, RuntimeError):
        return None
    return path
