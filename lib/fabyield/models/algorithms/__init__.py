"""One module per learner."""
