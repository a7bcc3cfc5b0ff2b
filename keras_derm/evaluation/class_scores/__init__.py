"""What the probabilities of one classifier are worth, overall and by group."""
