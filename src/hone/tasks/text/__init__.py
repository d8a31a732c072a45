"""Text classification: files or hub data sets, a BiLSTM, pretrained encoders."""
