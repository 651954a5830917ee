"""The way out of a collector: to Kafka, or into a spool on disk while Kafka is away.

``handing`` takes events in order and gives them to a sender; ``spool`` keeps what nobody takes,
``spool_disk`` is its file; ``wire`` makes the bytes, ``fates`` counts what became of them.
"""
