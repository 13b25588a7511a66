"""The pages, one module each: `routes` gives what it answers."""
