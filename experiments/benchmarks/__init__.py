"""Speed, measured side by side with PyTorch in one run."""
