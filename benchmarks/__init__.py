"""What the pipeline costs, measured side by side with its rivals. Never shipped to Lambda."""
