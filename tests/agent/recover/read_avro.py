#!/usr/bin/python3
"""Prints the events of an Avro container file, one JSON object per line, read by Apache Avro.

usage: read_avro.py FILE. Exit code 77: python3-avro is not installed.
"""

import base64
import json
import sys

try:
    from avro.datafile import DataFileReader
    from avro.io import DatumReader
except ImportError:
    sys.exit(77)

with open(sys.argv[1], "rb") as file:
    for event in DataFileReader(file, DatumReader()):
        print(json.dumps({"headers": event["headers"],
                          "body": base64.b64encode(event["body"]).decode()}))
