"""Prints the events of topics: type, the name that the seeds give it or "-", stream, version and content, one line each.

    python consumer.py orders.events.v1 payments.events.v1

Reads every partition from the beginning to where it ends now, joins no group, and commits nothing. A record that is no
event, because a stranger wrote it, is named on standard error and passed over.
"""

import json
import os
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

PATIENCE = 10.0


def main(topics):
    decode = AvroDeserializer(SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]}))
    consumer = Consumer({
        "bootstrap.servers": os.environ["KAFKA_BROKERS"],
        "group.id": "example",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    })
    unread = {(topic, partition) for topic in topics
              for partition in consumer.list_topics(topic, PATIENCE).topics[topic].partitions}
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in unread])
    try:
        while unread:
            record = consumer.poll(PATIENCE)
            if record is None:
                sys.exit(f"nothing came for {PATIENCE} s, and these are not read to their end: {sorted(unread)}")
            if record.error() is None:
                show(record, decode)
            elif record.error().code() == KafkaError._PARTITION_EOF:
                unread.discard((record.topic(), record.partition()))
            else:
                sys.exit(str(record.error()))
    finally:
        consumer.close()


def show(record, decode):
    try:
        content = decode(record.value(), SerializationContext(record.topic(), MessageField.VALUE))
    except SerializationError as error:
        print(f"{record.topic()}/{record.partition()} at {record.offset()} is no event: {error}", file=sys.stderr)
        return
    headers = dict(record.headers())
    kind, seed_kind = headers["ce_type"].decode(), headers.get("ce_seedtype", b"-").decode()
    stream, version = record.key().decode(), headers["ce_sequence"].decode()
    print(kind, seed_kind, stream, version, json.dumps(content, default=str, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
