"""A network of transformers', from a hub name, a local folder, or from scratch by its architecture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from hone.errors import ModelError, did_you_mean
from hone.tasks.finetuning.layers import count_layers, levels_of
from hone.tasks.pretrained import load_pretrained


def load_network(
    auto: str,
    pretrained: str | None,
    architecture: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    *,
    dropout: float | None = None,
    token_ids: Mapping[str, int] | None = None,
    extra: str = "text",
) -> nn.Module:
    """Load a network for training.

    Args:
        auto: Name of the Auto class, such as ``AutoModelForSequenceClassification``.
        pretrained: A hub name or a local folder with weights as safetensors; None for new weights.
        architecture: ``model_type`` and any settings of that family's config, for new weights; without ``model_type``,
            settings that replace those of a pretrained model.
        settings: Settings of the task, such as ``num_labels``.
        dropout: Replaces each rate of the config; None keeps them.
        token_ids: Size of the vocabulary and special tokens of the data, by the names that configs have for them.
        extra: The extra of hone that brings what this needs.

    Returns:
        The network, in training mode and float32.

    Raises:
        ModelError: There is no such model, or it cannot be built.
    """
    given = dict(architecture or {})

    def load(place: str) -> nn.Module:
        import transformers

        kind = getattr(transformers, auto)
        if pretrained is not None:
            # A whole architecture is that of new weights, as configs have it beside ``pretrained: null``.
            replaced = {} if "model_type" in given else given
            config = transformers.AutoConfig.from_pretrained(place, **{**replaced, **settings})
            _complete_tokens(config, token_ids)
            _set_dropout(config, dropout)
            # A classifier's head for other classes than these is left behind.
            options = {"use_safetensors": True, "ignore_mismatched_sizes": "num_labels" in settings}
            network, loaded = kind.from_pretrained(place, config=config, output_loading_info=True, **options)
            _check_sizes(network, loaded["mismatched_keys"])
        else:
            _check_family(str(given["model_type"]), transformers.CONFIG_MAPPING)
            config = transformers.AutoConfig.for_model(**{**(token_ids or {}), **given, **settings})
            _set_dropout(config, dropout)
            network = kind.from_config(config)
        # It comes as it is meant to be used, not to be trained, and maybe in half precision.
        trained: nn.Module = network.float().train()
        return trained

    if pretrained is not None:
        return load_pretrained(load, pretrained, ModelError, "model.pretrained", extra)
    if "model_type" not in given:
        raise ModelError("name a hub model or a folder here, or a family by model.architecture", "model.pretrained")
    return load_pretrained(load, str(given["model_type"]), ModelError, "model.architecture", extra, named=False)


def _check_family(family: str, known: Iterable[str]) -> None:
    if family not in known:
        near = did_you_mean(family, known)
        raise ModelError(f"transformers has no family {family!r}.{near}", where="model.architecture.model_type")


def _check_sizes(network: nn.Module, mismatched: Iterable[Any]) -> None:
    """Refuse weights of which more than the head was left behind."""
    levels, most = levels_of(network), count_layers(network)
    for name, found, wanted in sorted(mismatched, key=str):
        if levels.get(name, most + 1) <= most:
            raise ModelError(f"{name} is {tuple(found)}, not {tuple(wanted)}", where="model.architecture")


def _complete_tokens(config: Any, token_ids: Mapping[str, int] | None) -> None:
    """Say which token is padding where a pretrained config does not: GPT-2 has none."""
    for name, number in (token_ids or {}).items():
        if name == "pad_token_id" and getattr(config, name, None) is None:
            setattr(config, name, number)


def _set_dropout(config: Any, dropout: float | None) -> None:
    """Replace each rate of a config: BERT, DistilBERT, GPT-2 and others name theirs differently."""
    rates = [name for name, value in vars(config).items() if _is_rate(name) and isinstance(value, int | float)]
    for name in rates if dropout is not None else ():
        setattr(config, name, dropout)


def _is_rate(name: str) -> bool:
    return "dropout" in name or name.endswith("pdrop")
