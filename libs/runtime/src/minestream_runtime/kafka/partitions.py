"""Which partition a key belongs to, by the rule that every producer of ours follows."""

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, count: int) -> int:
    """The partition that Java's default partitioner (murmur2) gives a key.

    librdkafka's default is another one, so a foreign producer may put a key elsewhere.

    Args:
        key: the record's key.
        count: how many partitions the topic has.
    """
    return int(murmur2(key) & 0x7FFF_FFFF) % count
