-- How far the tables are: a reader that loads them in one transaction with this knows from which
-- record on to follow Kafka, with nothing missed in between.

CREATE VIEW telemetry_v1.kafka_offset AS
SELECT consumer_group, topic, partition, next_offset, moved_at FROM telemetry.kafka_offset;
GRANT SELECT ON telemetry_v1.kafka_offset TO minestream_writer, minestream_reader;
