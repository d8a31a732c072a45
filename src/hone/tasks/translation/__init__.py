"""Translation and other texts from texts: Marian, T5; lines of two files that belong together."""
