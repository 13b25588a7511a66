"""The doors to the street: every socket, and nothing but."""
