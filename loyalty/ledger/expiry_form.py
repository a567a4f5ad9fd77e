"""The form of an expiry run: everything that is due at the moment of asking."""

from typing import Any

from loyalty.desk.asking import ChangeForm


class ExpiryRunForm(ChangeForm):
    """Nothing to choose: what has run out is a fact of time."""

    def parameters(self) -> dict[str, Any]:
        """The instant up to which points have run out."""
        return {"as_of": self.at.isoformat()}
