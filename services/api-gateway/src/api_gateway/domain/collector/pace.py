"""How often one key may upload: a bucket that refills steadily; time is passed in."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """Buckets by key (the generic cell rate algorithm: one number for each).

    Args:
        per_minute: uploads that a key may send, in the long run.
        burst: uploads that it may send at once after a pause.
    """

    per_minute: float
    burst: int
    _full_at_s: dict[int, float] = field(default_factory=dict)

    def wait_s(self, key_id: int, now_s: float) -> float:
        """Take one upload out of a key's bucket.

        Args:
            key_id: whose.
            now_s: monotonic seconds.

        Returns:
            0.0 when it may come; else how many seconds too early it is, and nothing is taken.
        """
        each_s = 60.0 / self.per_minute
        full_at_s = max(self._full_at_s.get(key_id, now_s), now_s)
        early_s = full_at_s + each_s - now_s - each_s * self.burst
        if early_s > 0:
            return early_s
        self._full_at_s[key_id] = full_at_s + each_s
        return 0.0
