"""Playing a stream where somebody watches: the engine in a process of its own, and what it leaves for the display."""
