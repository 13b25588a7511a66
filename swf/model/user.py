"""Who may use the operator's window, and what for."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody may do: a viewer looks, an operator acts, an admin changes the rules and says who may do what."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def reaches(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)
