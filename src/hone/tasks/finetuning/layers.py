"""Which layer of a network a parameter is in, whatever its family calls its layers."""

from __future__ import annotations

import re

from torch import nn

LAYER = re.compile(r"^(?:.*?\.)?(?:layer|layers|h|block|blocks|stages)\.\d+\.")
EMBEDDINGS = re.compile(r"embed")
# What peft puts before each name.
ADAPTED = "base_model.model."


def levels_of(network: nn.Module) -> dict[str, int]:
    """Number the parameters from the bottom up.

    Parameters are registered in the order in which inputs meet them, so a layer's number is that of its appearance:
    an encoder's layers come before its decoder's.

    Args:
        network: A network of transformers', with or without adapters.

    Returns:
        By name: 0 for embeddings and stems, 1 to N for the layers, N + 1 for what follows the last: the head.
    """
    layers: dict[str, int] = {}
    levels: dict[str, int] = {}
    for name, _ in network.named_parameters():
        plain = name.removeprefix(ADAPTED)
        found = LAYER.match(plain)
        if found:
            levels[name] = layers.setdefault(found[0], len(layers) + 1)
        elif not layers or EMBEDDINGS.search(plain):
            levels[name] = 0
        else:
            levels[name] = len(layers) + 1
    return levels


def count_layers(network: nn.Module) -> int:
    """How many layers there are between the embeddings and the head."""
    found = (LAYER.match(name.removeprefix(ADAPTED)) for name, _ in network.named_parameters())
    return len({one[0] for one in found if one})


def freeze_up_to(network: nn.Module, level: int) -> list[nn.Module]:
    """Stop the lowest levels from learning.

    Args:
        network: The network.
        level: The highest that is frozen; -1 freezes nothing.

    Returns:
        The modules in which nothing learns any more.
    """
    levels = levels_of(network)
    for name, parameter in network.named_parameters():
        if levels[name] <= level:
            parameter.requires_grad = False
    return still_modules(network) if level >= 0 else []


def still_modules(network: nn.Module) -> list[nn.Module]:
    """The modules that have parameters, of which none learns."""
    owned = ((module, list(module.parameters())) for module in network.modules())
    return [module for module, own in owned if own and not any(one.requires_grad for one in own)]
