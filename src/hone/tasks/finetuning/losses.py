"""The loss of models that say one token after another."""

from __future__ import annotations

from torch import Tensor, nn

from hone.errors import ModelError

# Labels that count for nothing, by transformers' convention.
IGNORED = -100


class TokenLoss(nn.Module):
    """Mean cross-entropy of tokens, padding left out.

    Args:
        label_smoothing: Share of each label that is spread over the vocabulary, in [0, 1).

    Raises:
        ModelError: It is out of its range.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise ModelError(f"must be in [0, 1), not {label_smoothing}", where="model.label_smoothing")
        self.smoothing = label_smoothing

    def forward(self, logits: Tensor, tokens: Tensor) -> Tensor:
        """Compare logits of shape (batch, tokens, vocabulary) with tokens of shape (batch, tokens)."""
        flat, wanted = logits.flatten(0, 1), tokens.flatten()
        return nn.functional.cross_entropy(flat, wanted, ignore_index=IGNORED, label_smoothing=self.smoothing)
