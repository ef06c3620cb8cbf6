"""What a plan must meet, and the words in which it is refused."""
