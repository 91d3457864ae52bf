"""Prints the first events of a topic: type, stream, version and content, one line each.

    python consumer.py orders.events.v1 10

Reads every partition from the beginning, joins no group, commits nothing, and ends after so many events, or when none
came for ten seconds.
"""

import json
import os
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

PATIENCE = 10.0


def main(topic, count):
    registry = SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]})
    decode = AvroDeserializer(registry, conf={"subject.name.strategy": topic_record_subject_name_strategy})
    consumer = Consumer({
        "bootstrap.servers": os.environ["KAFKA_BROKERS"],
        "group.id": "example",
        "enable.auto.commit": False,
    })
    partitions = consumer.list_topics(topic, PATIENCE).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    try:
        for _ in range(count):
            record = consumer.poll(PATIENCE)
            if record is None:
                return
            if record.error():
                sys.exit(str(record.error()))
            headers = dict(record.headers())
            content = decode(record.value(), SerializationContext(topic, MessageField.VALUE))
            stream, version = record.key().decode(), headers["ce_sequence"].decode()
            print(headers["ce_type"].decode(), stream, version, json.dumps(content, default=str, ensure_ascii=False))
    finally:
        consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
