#!/usr/bin/python3
"""The engine and a reader that knows only the document agree on what is in a directory.

Directories are made by the engine from seeds, stopped in order or cut off, plain and encrypted; then
some are damaged. `spillway recover cat` and `status` have to say exactly what channel_reader.py says:
which events wait, in which order, where the log ends, what is damaged and by which row.

SPILLWAY_SEED=<n> replays one seed; SPILLWAY_SEED_COUNT=<n> runs n.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

try:
    import xxhash  # noqa: F401
except ImportError:
    print('python3-xxhash is not installed')
    sys.exit(77)

import channel_reader

try:
    import cryptography  # noqa: F401
    HAS_CIPHER = True
except ImportError:
    HAS_CIPHER = False

BLOCK = 4096


def run(*command, codes=(0,)):
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    if done.returncode not in codes:
        raise AssertionError('%s: exit code %d\n%s' % (command, done.returncode,
                                                      done.stderr.decode(errors='replace')))
    return done.stdout.decode()


def blocks(path):
    """Places of everything that looks like a block."""
    places = []
    for file in sorted((path / 'data').glob('slot-*.seg')):
        data = file.read_bytes()
        places += [(file, at) for at in range(2 * BLOCK, len(data), BLOCK)
                   if data[at:at + 4] == b'SBLK']
    return places


def overwrite(file, at, data):
    with open(file, 'r+b') as out:
        out.seek(at)
        out.write(data)


def damage(path, chance):
    """Damages some bytes and says what it did; sometimes nothing."""
    kind = chance.randrange(6)
    places = blocks(path)
    if kind == 0 or not places:
        return 'no damage'
    if kind == 1:
        overwrite(path / 'checkpoint' / 'manifest', chance.randrange(2) * (1 << 20) + 30, b'\x11' * 8)
        return 'a slot of the manifest'
    if chance.randrange(4) > 0:  # mostly near the end, where damage has to be told from a torn write
        places.sort(key=lambda place: place[0].read_bytes()[place[1] + 16:place[1] + 24][::-1])
        places = places[-5:]
    done = []
    for _ in range(chance.randrange(1, 4)):
        file, at = chance.choice(places)
        data = file.read_bytes()
        if kind == 2:
            overwrite(file, at + chance.randrange(64), bytes([chance.randrange(256)]))
        elif kind == 3:
            overwrite(file, at + chance.randrange(8) * 512, bytes(512))
        elif kind == 4:
            overwrite(file, at, bytes(BLOCK))
        else:
            other_file, other = chance.choice(places)
            overwrite(file, at, other_file.read_bytes()[other:other + BLOCK])
        if file.read_bytes() != data:
            done.append('%s %d' % (file.name, at))
    return 'kind %d at %s' % (kind, ', '.join(done))


def wanted(finding):
    """A finding as far as the document defines it."""
    one = {key: finding.get(key) for key in ('kind', 'row', 'segment', 'first_lsn', 'end_lsn')}
    if finding['kind'] == 'lost':
        one['entries'] = (finding['first_sequence'], finding['end_sequence'])
    return {key: value for key, value in one.items() if value is not None}


def compare(binary, path, key):
    try:
        log = channel_reader.Log(channel_reader.Directory(path, [key.read_bytes()] if key else []))
    except channel_reader.Refused:
        return 'refused'
    mine = [channel_reader.event_json(*event) for event in log.pending()]
    keys = ['--key', 'k1=%s' % key] if key else []
    text = run(binary, 'recover', 'cat', path, '--format', 'json', *keys, codes=(0, 1))
    engine = [json.loads(line) for line in text.splitlines()]
    if engine != mine:
        seen = [one['sequence'] for one in engine]
        read = [one['sequence'] for one in mine]
        raise AssertionError('the engine has events %s, the reader %s' % (seen, read))
    status = json.loads(run(binary, 'recover', 'status', path, '--json', *keys, codes=(0, 1)))
    verdict = log.verdict()
    pairs = [
        ('end_lsn', status['log']['end_lsn'], verdict['end_lsn']),
        ('waiting', status['events']['waiting'], verdict['waiting']),
        ('end_sequence', status['events']['end_sequence'], verdict['next_sequence'])
        if verdict['waiting'] and not log.acked.all else ('', 0, 0),
        ('clean', status['state'] == 'clean', verdict['is_clean']),
        ('bookmarks', [[one['source'], one['value']] for one in status['bookmarks']],
         verdict['bookmarks']),
        ('findings', [wanted(one) for one in status['findings']],
         [wanted(one) for one in verdict['findings']]),
    ]
    for name, theirs, ours in pairs:
        if theirs != ours:
            raise AssertionError('%s: the engine says %s, the reader %s' % (name, theirs, ours))
    return 'damaged' if verdict['findings'] else 'sound'


def one_seed(args, seed, home):
    chance = random.Random(seed)
    path = home / ('channel-%d' % seed)
    how = chance.choice(['stop', 'kill'])
    key = None
    if HAS_CIPHER and seed % 4 == 0:
        key = home / 'key'
        key.write_bytes(bytes(range(32)))
    run(args.maker, path, seed, how, *([key] if key else []))
    what = 'nothing yet'
    try:
        outcome = compare(args.binary, path, key)
        what = damage(path, chance)
        return [outcome, compare(args.binary, path, key)]
    except AssertionError as error:
        raise AssertionError('seed %d (replay: SPILLWAY_SEED=%d), %s, %s: %s' % (
            seed, seed, how, what, error)) from error


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--binary', required=True, type=pathlib.Path)
    parser.add_argument('--maker', required=True, type=pathlib.Path)
    parser.add_argument('--seeds', type=int, default=24)
    args = parser.parse_args()
    count = int(os.environ.get('SPILLWAY_SEED_COUNT', args.seeds))
    seeds = range(1, count + 1)
    if 'SPILLWAY_SEED' in os.environ:
        seeds = [int(os.environ['SPILLWAY_SEED'])]
    outcomes = []
    with tempfile.TemporaryDirectory() as home:
        for seed in seeds:
            try:
                outcomes += one_seed(args, seed, pathlib.Path(home))
            except AssertionError as error:
                print(error)
                return 1
    counts = {kind: outcomes.count(kind) for kind in sorted(set(outcomes))}
    print('agreed on %d directories: %s%s' % (
        len(outcomes), counts, '' if HAS_CIPHER else '; none encrypted: no python3-cryptography'))
    if len(outcomes) > 20 and (counts.get('damaged', 0) < 4 or counts.get('sound', 0) < 4):
        print('too few of a kind: this proves nothing')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
