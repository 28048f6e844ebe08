"""Whether every image was scored with the weights that its batch was handed in for."""

from __future__ import annotations

from collections.abc import Mapping

from models.errors import ProofBroken


class BatchWeights:
    """Takes every event in order. What does not name its weights, as events of older releases, passes."""

    def __init__(self) -> None:
        self._expected: dict[str, tuple[int, str | int]] = {}

    def take(self, seq: int, body: Mapping[str, str | int]) -> None:
        """Raises ProofBroken naming the decision and the hand-in that disagree."""
        weights, batch = body.get("weights"), str(body["batch"])
        if weights is None:
            return
        if body["event"] == "batch.submitted":
            self._expected[batch] = seq, weights
        elif body["event"] == "image.decided" and batch in self._expected:
            handed_in, expected = self._expected[batch]
            if weights != expected:
                raise ProofBroken(
                    f"audit event {seq}: image {body['image']} was scored with other weights than batch {batch} was "
                    f"handed in for: expected SHA-256 {expected} (audit event {handed_in}), received {weights}"
                )
