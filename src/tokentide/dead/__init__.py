"""Dead letters for people: which there are, what they hold, and how they are sent once more."""
