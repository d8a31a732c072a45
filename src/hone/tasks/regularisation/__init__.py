"""What keeps a model from learning its training split by heart, beside dropout, L2 and early stopping."""
