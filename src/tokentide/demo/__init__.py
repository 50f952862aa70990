"""The demonstration: realistic traffic, sent through the real parts, and the proof that every call was counted once."""
