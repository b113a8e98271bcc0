"""The three published neural networks: training, model files, metrics, plots and records."""
