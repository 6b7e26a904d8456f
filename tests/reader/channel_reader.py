#!/usr/bin/python3
"""Reads the directory of a file channel without any of the product's code.

Written from docs/format.md, and from "Recovery" in docs/durability.md for what a damaged log means:
where this program and the product differ, one of them or the document is wrong.

  channel_reader.py DIRECTORY [--key FILE] [--verdict]

Prints the events that wait, one JSON object per line as `spillway recover cat --format json` does;
with --verdict one object that says where the log ends and what was found.
"""
import argparse
import base64
import json
import pathlib
import struct
import sys

import xxhash

from protobuf_fields import fields, numbers

BLOCK = 4096
DATA_OFFSET = 2 * BLOCK
MANIFEST_SLOT = 1 << 20
LIMIT = 1 << 62


class Refused(Exception):
    """The directory cannot be read, and why."""


def xxh3(data, seed=0):
    return xxhash.xxh3_64_intdigest(data, seed)


# ---- structures

def bookmark(data):
    message = dict(fields(data))
    return message[1], message.get(2, b'')


class Manifest:
    def __init__(self, data):
        magic, version, flags, self.generation, size, _ = struct.unpack_from('<IHHQII', data)
        self.channel = data[24:40]
        payload = data[64:64 + size]
        is_intact = (magic == 0x4E414D53 and version == 1 and flags & ~1 == 0 and
                     len(payload) == size and
                     struct.unpack_from('<Q', data, 56)[0] == xxh3(data[:56] + payload))
        if not is_intact:
            raise ValueError('no manifest')
        scalars = {}
        self.segments = []
        self.acked = []
        self.bookmarks = []
        for number, value in fields(payload):
            if number == 7:
                row = numbers(value)
                self.acked.append((row.get(1, 0), row.get(1, 0) + row.get(2, 0)))
            elif number == 10:
                self.segments.append(Segment.listed(numbers(value)))
            elif number == 12:
                self.bookmarks.append(bookmark(value))
            else:
                scalars[number] = value
        self.end_lsn = scalars.get(1, 0)
        self.next_sequence = scalars.get(2, 0)
        self.chain_hash = scalars.get(3, 0)
        self.last_segment = scalars.get(4, 0)
        self.is_clean = bool(scalars.get(5, 0))
        self.acked.append((0, scalars.get(6, 0)))


class Segment:
    """Where the blocks of a segment lie, from the manifest or from its header."""

    @classmethod
    def listed(cls, row):
        self = cls()
        self.number, self.slot, self.nonce = row.get(1, 0), row.get(2, 0), row.get(3, 0)
        self.slot_bytes, self.first_lsn = row.get(4, 0), row.get(5, 0)
        self.first_sequence = row.get(6, 0)
        self.end_lsn, self.end_sequence = row.get(7, 0), row.get(8, 0)
        self.key_id = row.get(9, 0)
        self.is_complete = True
        return self

    @classmethod
    def headed(cls, slot, front):
        """The newest of the two copies; None when neither is intact."""
        newest = None
        for copy in (0, BLOCK):
            data = front[copy:copy + BLOCK]
            if len(data) < 192:
                continue
            magic, version, flags = struct.unpack_from('<IHH', data)
            values = struct.unpack_from('<13Q', data, 24)
            if magic != 0x47455353 or version != 1 or flags & ~1 or values[-1] != xxh3(data[:120]):
                continue
            self = cls()
            self.slot = slot
            self.channel = data[8:24]
            (self.number, self.nonce, self.first_lsn, self.first_sequence, self.slot_bytes,
             self.predecessor, self.predecessor_hash, self.acked_below, _, self.key_id, alias_hash,
             _, _) = values
            if self.key_id and alias_hash != xxh3(data[128:192]):
                continue
            self.end_lsn, self.end_sequence = self.first_lsn, self.first_sequence
            self.is_complete = False
            if newest is None or newest.number < self.number:
                newest = self
        return newest

    @property
    def limit_lsn(self):
        return self.first_lsn + self.slot_bytes - DATA_OFFSET


class Block:
    def __init__(self, header, payload):
        (_, _, self.flags, self.nonce, self.lsn, self.durable_lsn, self.first_sequence, size,
         self.count, self.previous_hash, self.hash) = header
        self.end_lsn = self.lsn + (64 + size + BLOCK - 1) // BLOCK * BLOCK
        self.end_sequence = self.first_sequence + self.count
        self.entries, self.acked, self.bookmarks = [], [], []
        for number, value in fields(payload):
            if number == 1:
                self.entries += [entry for field, entry in fields(value) if field == 1]
            elif number == 2:
                row = numbers(value)
                self.acked.append((row.get(1, 0), row.get(1, 0) + row.get(2, 0)))
            elif number == 3:
                self.bookmarks.append(bookmark(value))
        if len(self.entries) != self.count:
            raise ValueError('another number of entries')


class Ranges:
    """Sequences that are acknowledged."""

    def __init__(self, ranges):
        self.all = set()
        self.below = 1
        for one in ranges:
            self.add(one)

    def add(self, one):
        first, end = max(one[0], self.below), one[1]
        if first == self.below:
            self.below = max(self.below, end)
        else:
            self.all.update(range(first, end))
        while self.below in self.all:
            self.all.discard(self.below)
            self.below += 1

    def __contains__(self, sequence):
        return sequence < self.below or sequence in self.all


# ---- encryption

class Keys:
    """Master keys by their ids, and the key of a segment made from them."""

    def __init__(self, secrets):
        self.secrets = {self.id_of(secret): secret for secret in secrets}

    @staticmethod
    def derive(secret, salt, info, size):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
        return HKDF(algorithm=hashes.SHA256(), length=size, salt=salt, info=info).derive(secret)

    @classmethod
    def id_of(cls, secret):
        made = cls.derive(secret, None, b'spillway key id', 8)
        return struct.unpack('<Q', made)[0] or 1

    def open(self, segment, channel, head, lsn, payload):
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        secret = self.secrets.get(segment.key_id)
        if secret is None:
            raise Refused('the key %016x is missing' % segment.key_id)
        info = b'spillway segment' + struct.pack('<QQ', segment.number, segment.nonce)
        key = AESGCM(self.derive(secret, channel, info, 32))
        try:
            return key.decrypt(bytes(4) + struct.pack('<Q', lsn), payload, head[:56])
        except InvalidTag as error:
            raise ValueError('forged') from error


# ---- the directory

class Directory:
    def __init__(self, path, secrets=()):
        path = pathlib.Path(path)
        self.keys = Keys(secrets)
        manifest = path / 'checkpoint' / 'manifest'
        self.manifest_bytes = manifest.read_bytes() if manifest.exists() else b''
        self.slots = {}
        for file in sorted((path / 'data').glob('slot-*.seg')):
            self.slots[int(file.name[5:-4])] = file.read_bytes()
        self.findings = []
        self.channel = b''

    def manifests(self):
        intact = []
        for slot in (0, MANIFEST_SLOT):
            data = self.manifest_bytes[slot:slot + MANIFEST_SLOT]
            try:
                intact.append(Manifest(data))
            except (ValueError, IndexError, struct.error):
                pass
        return sorted(intact, key=lambda one: one.generation)

    def block(self, segment, lsn):
        """(state, block) at an address: 'valid', 'blank' or 'damaged'."""
        slot = self.slots.get(segment.slot, b'')
        if lsn >= segment.limit_lsn:
            return 'blank', None
        at = DATA_OFFSET + lsn - segment.first_lsn
        head = slot[at:at + 64]
        if len(head) < 64:
            return 'blank', None
        header = struct.unpack('<IHHQQQQIIQQ', head)
        magic, version, flags, nonce, own_lsn, durable_lsn, _, size = header[:8]
        if nonce != segment.nonce:
            return 'blank', None
        payload = slot[at + 64:at + 64 + size]
        is_sound = (magic == 0x4B4C4253 and version == 1 and flags & ~3 == 0 and own_lsn == lsn and
                    durable_lsn <= lsn and bool(flags & 2) == bool(segment.key_id) and
                    lsn + 64 + size <= segment.limit_lsn and len(payload) == size and
                    header[10] == xxh3(head[:56] + payload, self.seed()))
        if not is_sound:
            return 'damaged', None
        try:
            if segment.key_id:
                payload = self.keys.open(segment, self.channel, head, lsn, payload)
            return 'valid', Block(header, payload)
        except (ValueError, IndexError, struct.error):
            return 'damaged', None

    def seed(self):
        low, high = struct.unpack('<QQ', self.channel)
        return low ^ high

    def valid_after(self, segment, lsn, end):
        for at in range(lsn + BLOCK, min(end, segment.limit_lsn), BLOCK):
            state, block = self.block(segment, at)
            if state == 'valid':
                yield block


class Log:
    """What recovery makes of a directory."""

    def __init__(self, directory):
        self.directory = directory
        manifests = directory.manifests()
        if not manifests:
            raise Refused('without an intact manifest this program reads nothing')
        manifest = manifests[-1]
        directory.channel = manifest.channel
        self.lsn, self.sequence = manifest.end_lsn, manifest.next_sequence
        self.chain_hash = manifest.chain_hash
        self.acked = Ranges(sorted(manifest.acked))
        self.bookmarks = manifest.bookmarks
        self.findings = []
        self.is_clean = manifest.is_clean and len(manifests) == 2
        self.segments = list(manifest.segments)
        if self.segments:
            self.segments[-1].is_complete = False  # the log ended there, and may have gone on
        if len(manifests) < 2 and manifest.generation > 1:
            self.findings.append({'kind': 'manifest_damaged'})
        newer = self.newer_segments(manifest)
        if self.is_clean and not newer:
            return
        self.is_clean = False
        self.segments += newer
        self.scan()

    def newer_segments(self, manifest):
        found = {}
        for slot, data in self.directory.slots.items():
            segment = Segment.headed(slot, data[:DATA_OFFSET])
            if segment is not None and segment.channel == manifest.channel:
                found[segment.number] = segment
        chain = []
        number = max(found, default=0)
        while number > manifest.last_segment and number in found:
            chain.insert(0, found[number])
            number = found[number].predecessor
        return chain

    def scan(self):
        if not self.segments:
            return
        at = 0
        while at + 1 < len(self.segments) and self.segments[at + 1].first_lsn <= self.lsn:
            at += 1
        is_chained = True
        unfinished = None  # where a transaction over several blocks begins
        while True:
            segment = self.segments[at]
            following = self.segments[at + 1] if at + 1 < len(self.segments) else None
            if following is not None and self.lsn == following.first_lsn:
                self.finish(segment)
                at += 1
                continue
            end = segment.limit_lsn
            if following is not None:
                end = min(end, following.first_lsn)
            state, block = self.directory.block(segment, self.lsn)
            is_in_place = (state == 'valid' and block.first_sequence == self.sequence and
                           block.end_lsn <= end)
            follows = is_in_place and (not is_chained or block.previous_hash == self.chain_hash)
            if follows or is_in_place and self.evidence(segment, end, at)[1]:
                if block.flags & 1 and unfinished is None:
                    unfinished = (at, self.lsn, self.sequence)
                if not block.flags & 1:
                    unfinished = None
                self.accept(block)
                is_chained = True
                continue
            state = 'damaged' if state == 'valid' else state
            later, is_proven = self.evidence(segment, end, at)
            if is_proven and later is not None:
                self.lose('corrupt_block', segment, later.lsn, later.first_sequence)
            elif is_proven and following is not None:
                self.lose('corrupt_tail', segment, following.first_lsn, following.first_sequence)
                self.finish(segment)
                at += 1
            else:
                self.end(state, later, unfinished, at)
                return
            is_chained = False
            unfinished = None

    def evidence(self, segment, end, at):
        first = None
        for block in self.directory.valid_after(segment, self.lsn, end):
            if block.first_sequence < self.sequence:
                continue
            first = first or block
            if block.durable_lsn > self.lsn:
                return first, True
        for later in self.segments[at + 1:]:
            blocks = [self.directory.block(later, later.first_lsn)[1]]
            blocks += list(self.directory.valid_after(later, later.first_lsn, LIMIT))[:1]
            known = [block for block in blocks if block is not None]
            if known and known[0].durable_lsn > self.lsn:
                return first, True
        return first, False

    def accept(self, block):
        self.lsn, self.sequence = block.end_lsn, block.end_sequence
        self.chain_hash = block.hash
        for one in block.acked:
            if one[1] <= self.sequence:
                self.acked.add(one)
        for key, value in block.bookmarks:
            others = [one for one in self.bookmarks if one[0] != key]
            self.bookmarks = others[-15:] + [(key, value)]

    def lose(self, row, segment, lsn, sequence):
        sequence = max(self.sequence, sequence)
        self.findings.append({'kind': 'lost', 'row': row, 'segment': segment.number,
                              'first_lsn': self.lsn, 'end_lsn': lsn,
                              'first_sequence': self.sequence, 'end_sequence': sequence})
        self.lsn, self.sequence = lsn, sequence

    def finish(self, segment):
        if not segment.is_complete:
            segment.end_lsn, segment.end_sequence = self.lsn, self.sequence

    def end(self, state, later, unfinished, at):
        found = self.lsn
        if unfinished is not None:
            at, self.lsn, self.sequence = unfinished
        segment = self.segments[at]
        segment.end_lsn, segment.end_sequence = self.lsn, self.sequence
        del self.segments[at + 1:]
        if later is not None:
            row = 'blank_before_unacknowledged' if state == 'blank' else 'torn_before_unacknowledged'
        else:
            row = 'clean_end' if state == 'blank' else 'torn_tail'
        if state == 'damaged' or later is not None or unfinished is not None:
            self.findings.append({'kind': 'torn_tail', 'row': row, 'segment': segment.number,
                                  'first_lsn': self.lsn, 'end_lsn': found})

    def pending(self):
        """Pairs of sequence and encoded event; what is damaged is passed over."""
        for finding in self.findings:
            if finding['kind'] == 'lost':
                self.acked.add((finding['first_sequence'], finding['end_sequence']))
        for segment in self.segments:
            lsn, sequence = segment.first_lsn, segment.first_sequence
            while lsn < segment.end_lsn:
                _, block = self.directory.block(segment, lsn)
                if block is None or block.first_sequence != sequence or \
                        block.end_lsn > segment.end_lsn:
                    block = next((later for later in
                                  self.directory.valid_after(segment, lsn, segment.end_lsn)
                                  if later.first_sequence >= sequence and
                                  later.end_sequence <= segment.end_sequence), None)
                    if block is None:
                        break
                for index, entry in enumerate(block.entries):
                    if block.first_sequence + index not in self.acked:
                        yield block.first_sequence + index, entry
                lsn, sequence = block.end_lsn, block.end_sequence

    def verdict(self):
        waiting = sum(1 for sequence in range(self.acked.below, self.sequence)
                      if sequence not in self.acked)
        return {'end_lsn': self.lsn, 'next_sequence': self.sequence, 'waiting': waiting,
                'is_clean': self.is_clean, 'findings': self.findings,
                'bookmarks': [[key.decode(), value.decode()] for key, value in self.bookmarks]}


# ---- events as JSON

def text_or_none(data):
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError:
        return None


def event_json(sequence, entry):
    headers, body = [], b''
    for number, value in fields(entry):
        if number == 1:
            pair = numbers(value)
            headers.append((bytes(pair.get(1, b'')), bytes(pair.get(2, b''))))
        elif number == 2:
            body = bytes(value)
    line = {'sequence': sequence}
    texts = [(text_or_none(key), text_or_none(value)) for key, value in headers]
    is_plain = all(key is not None and value is not None for key, value in texts)
    if is_plain and len({key for key, _ in texts}) == len(texts):
        line['headers'] = dict(texts)
    else:
        line['headers_base64'] = [[base64.b64encode(part).decode() for part in pair]
                                  for pair in headers]
    if text_or_none(body) is None:
        line['body_base64'] = base64.b64encode(body).decode()
    else:
        line['body'] = body.decode()
    return line


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('directory')
    parser.add_argument('--key', action='append', default=[])
    parser.add_argument('--verdict', action='store_true')
    args = parser.parse_args()
    try:
        secrets = [pathlib.Path(file).read_bytes() for file in args.key]
        log = Log(Directory(args.directory, secrets))
        if args.verdict:
            print(json.dumps(log.verdict()))
            return 0
        for sequence, entry in log.pending():
            print(json.dumps(event_json(sequence, entry), ensure_ascii=False))
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
