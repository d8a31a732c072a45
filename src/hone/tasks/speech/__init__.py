"""Speech: recordings to classes or to words; a small network on log-mel spectrograms, Wav2Vec2, Whisper."""
