"""What each task's split of test is worth without learning anything, measured on the very data that its models get."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torchmetrics import R2Score
from torchmetrics.text import CHRFScore, SacreBLEUScore, WordErrorRate

from hone.tasks.control.models import FIRST_SEEDS
from hone.tasks.control.rollouts import play

EPISODES = 50


def majority(data: Any) -> dict[str, float]:
    """Always answering with the class that train has most often."""
    train, test = _labels(data.train_dataloader()), _labels(data.test_dataloader())
    commonest = torch.bincount(train).argmax()
    return {"test/accuracy": float((test == commonest).float().mean())}


def mean(data: Any) -> dict[str, float]:
    """Always answering with the mean of train."""
    train, test = _labels(data.train_dataloader()), _labels(data.test_dataloader())
    return {"test/r2": float(R2Score()(train.mean().expand(len(test)), test))}


def unigram(data: Any) -> dict[str, float]:
    """Tokens by how often train has them, one more each, whatever came before."""
    counts = torch.ones(data.token_ids["vocab_size"], dtype=torch.float64)
    for _, tokens in data.train_dataloader():
        counts += torch.bincount(tokens.flatten(), minlength=len(counts))
    log_shares = (counts / counts.sum()).log()
    # The first token of a block is given, not said.
    said = torch.cat([log_shares[tokens[:, 1:]].flatten() for _, tokens in data.test_dataloader()])
    return {"test/perplexity": math.exp(-float(said.mean()))}


def copied(data: Any) -> dict[str, float]:
    """Leaving each source as it is."""
    bleu, chrf = SacreBLEUScore(), CHRFScore()
    for inputs, labels in data.test_dataloader():
        sources, targets = data.decode(inputs["input_ids"]), [[one] for one in data.decode(labels)]
        bleu.update(sources, targets)
        chrf.update(sources, targets)
    return {"test/bleu": float(bleu.compute()), "test/chrf": float(chrf.compute())}


def commonest_text(data: Any) -> dict[str, float]:
    """Always writing down what is said most often in train."""
    said = Counter(text for _, labels in data.train_dataloader() for text in data.decode(labels))
    [(commonest, _)] = said.most_common(1)
    wrong = WordErrorRate()
    for _, labels in data.test_dataloader():
        references = data.decode(labels)
        wrong.update([commonest] * len(references), references)
    return {"test/wer": float(wrong.compute())}


def chance(data: Any) -> dict[str, float]:
    """Acting at random in the episodes of the test."""
    random = np.random.default_rng(0)
    played = play(
        data.world, EPISODES, FIRST_SEEDS["test"], lambda going: random.integers(data.num_classes, size=len(going))
    )
    return {"test/return": float(np.mean([one.gain for one in played]))}


def _labels(batches: Any) -> torch.Tensor:
    found: list[Mapping[str, torch.Tensor] | torch.Tensor] = [labels for _, labels in batches]
    return torch.cat(found)
