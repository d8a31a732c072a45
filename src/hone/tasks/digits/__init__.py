"""Scikit-learn's handwritten digits: small, real and always there."""
