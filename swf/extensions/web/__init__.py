"""The operator's window: pages that show what came, what became of it, and why; and the same for programs."""
