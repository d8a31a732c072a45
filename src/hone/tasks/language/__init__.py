"""Language modelling: text files, GPT-2 and its kin, perplexity."""
