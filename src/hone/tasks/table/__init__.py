"""Tables: CSV and Parquet files, classes or numbers to predict, multilayer perceptrons."""
