"""The choices of fine-tuning: what learns, at which rate, and what is adapted."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

from hone.errors import ModelError, did_you_mean
from hone.tasks.extras import import_extra
from hone.tasks.finetuning.layers import count_layers, freeze_up_to, levels_of

Tune = Literal["full", "head", "lora"]
LORA: Mapping[str, Any] = {"rank": 8, "alpha": 16, "dropout": 0.0, "targets": None}


@dataclass
class Tuning:
    """How a network is fine-tuned.

    Args:
        tune: ``full``: everything learns; ``head``: what follows the last layer; ``lora``: low-rank adapters and the
            head.
        freeze_layers: Leave the embeddings and the first so many layers as they are; 0 freezes nothing.
        layer_decay: Each layer below the head learns at this share of the rate of the one above, in (0, 1].
        lora: ``rank``, ``alpha``, ``dropout`` and ``targets`` (names of modules; null for all linear layers).

    Raises:
        ModelError: A number is out of its range.

    Sources: Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018 (layer-wise rates);
        Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021.
    """

    tune: Tune = "full"
    freeze_layers: int = 0
    layer_decay: float = 1.0
    lora: Mapping[str, Any] | None = None
    num_layers: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.tune not in ("full", "head", "lora"):
            raise ModelError(f"must be full, head or lora, not {self.tune!r}", where="model.tune")
        if not 0 < self.layer_decay <= 1:
            raise ModelError(f"must be in (0, 1], not {self.layer_decay}", where="model.layer_decay")
        strange = next((one for one in self.lora or () if one not in LORA), None)
        if strange is not None:
            raise ModelError(f"no such setting.{did_you_mean(strange, LORA)}", where=f"model.lora.{strange}")
        self.lora = {**LORA, **(self.lora or {})}
        if self.tune == "lora" and self.lora["rank"] < 1:
            raise ModelError(f"must be at least 1, not {self.lora['rank']}", where="model.lora.rank")

    def apply(self, network: nn.Module) -> tuple[nn.Module, list[nn.Module]]:
        """Freeze and adapt.

        Args:
            network: A network of transformers'.

        Returns:
            The network to train, wrapped where it is adapted; and the modules in which nothing learns.

        Raises:
            ModelError: There are fewer layers than are to be frozen, or nothing that can be adapted.
        """
        self.num_layers = count_layers(network)
        if not 0 <= self.freeze_layers <= self.num_layers:
            raise ModelError(f"must be from 0 to {self.num_layers}, not {self.freeze_layers}", "model.freeze_layers")
        if self.tune == "lora":
            network = self._adapted(network)
        lowest = self.num_layers if self.tune == "head" else self.freeze_layers or -1
        return network, freeze_up_to(network, lowest)

    def groups(self, network: nn.Module, learning_rate: float) -> list[dict[str, Any]]:
        """Trainable parameters by learning rate, biases and normalisation without weight decay.

        Args:
            network: What ``apply`` gave.
            learning_rate: The head's.

        Returns:
            Groups as optimizers take them; frozen parameters are in none.
        """
        levels, groups = levels_of(network), dict[tuple[int, bool], list[nn.Parameter]]()
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                # Biases and the weights of normalisation are vectors.
                groups.setdefault((levels[name], parameter.ndim < 2), []).append(parameter)
        return [
            {
                "params": members,
                "lr": learning_rate * self.layer_decay ** (self.num_layers + 1 - level),
                **({"weight_decay": 0.0} if bare else {}),
            }
            for (level, bare), members in groups.items()
        ]

    def _adapted(self, network: nn.Module) -> nn.Module:
        peft = import_extra("peft", "text", "model.tune", ModelError)
        assert self.lora is not None
        heads = _heads(network) or None
        config = peft.LoraConfig(
            r=self.lora["rank"],
            lora_alpha=self.lora["alpha"],
            lora_dropout=self.lora["dropout"],
            target_modules=self.lora["targets"] or "all-linear",
            exclude_modules=heads,
            modules_to_save=heads,
        )
        try:
            with warnings.catch_warnings():
                # It tells of what it sets right by itself, and of what transformers will rename.
                warnings.simplefilter("ignore")
                adapted: nn.Module = peft.get_peft_model(network, config)
        except ValueError as error:
            raise ModelError(f"nothing to adapt: {error}".splitlines()[0], where="model.lora.targets") from None
        return adapted


def _heads(network: nn.Module) -> list[str]:
    """Names of the parts beside the pretrained body: new, so that they learn whole. A tied output layer is none."""
    body = getattr(network, "base_model", network)
    if body is network:
        return []
    tied = getattr(network, "get_output_embeddings", lambda: None)()
    others = (name for name, part in network.named_children() if part is not body and part is not tied)
    return [name for name in others if list(network.get_submodule(name).parameters())]
