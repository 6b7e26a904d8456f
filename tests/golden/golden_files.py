#!/usr/bin/python3
"""Channel directories of earlier versions, and whether they are still read as they were written.

  golden_files.py make FOLDER --binary SPILLWAY --channel golden_channel [--only NAME]
  golden_files.py check --binary SPILLWAY --channel golden_channel

A directory is `<name>.tar.gz`; `<name>.jsonl` is what `recover cat --format json` prints, and
`<name>.json` the state and the findings of `recover status --json`. `make` never replaces a file.
"""
import argparse
import gzip
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
KEY = bytes(range(32))  # of the directories that are encrypted: no secret
NAMES = ['clean_stop', 'torn_tail', 'two_segments', 'out_of_order_acks', 'encrypted',
         'large_transaction', 'reclaimed']
BLOCK = 4096


def run(*command, codes=(0,)):
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    if done.returncode not in codes:
        raise AssertionError('%s: exit code %d: %s' % (
            ' '.join(str(word) for word in command), done.returncode,
            done.stderr.decode(errors='replace')))
    return done.stdout.decode()


def key_of(name, home):
    if name != 'encrypted':
        return None
    file = home / 'key'
    file.write_bytes(KEY)
    return file


def listing(binary, path, key):
    keys = ['--key', 'golden=%s' % key] if key else []
    events = run(binary, 'recover', 'cat', path, '--format', 'json', *keys, codes=(0, 1))
    status = json.loads(run(binary, 'recover', 'status', path, '--json', *keys, codes=(0, 1)))
    kept = {'state': status['state'], 'waiting': status['events']['waiting'],
            'end_lsn': status['log']['end_lsn'], 'findings': [
                {field: finding[field] for field in ('kind', 'row', 'segment', 'first_lsn', 'end_lsn')
                 if finding.get(field) is not None} for finding in status['findings']]}
    return events, kept


def tear_last_block(path):
    """Leaves the first half sector of the block that was written last, as a power cut may."""
    blocks = []
    for file in (path / 'data').glob('slot-*.seg'):
        data = file.read_bytes()
        blocks += [(int.from_bytes(data[at + 16:at + 24], 'little'), file, at)
                   for at in range(2 * BLOCK, len(data), BLOCK) if data[at:at + 4] == b'SBLK']
    _, file, at = max(blocks)
    with open(file, 'r+b') as out:
        out.seek(at + 64)
        out.write(bytes(BLOCK - 64))


def pack(path):
    """The same bytes each time: no times, no owners."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w', format=tarfile.USTAR_FORMAT) as tar:
        for file in sorted(path.rglob('*')):
            if not file.is_file() or file.name == 'in_use.lock':
                continue
            entry = tarfile.TarInfo(str(file.relative_to(path)))
            entry.size = file.stat().st_size
            tar.addfile(entry, io.BytesIO(file.read_bytes()))
    return gzip.compress(packed.getvalue(), 9, mtime=0)


def make(args, home):
    folder = pathlib.Path(args.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in args.only or NAMES:
        target = folder / (name + '.tar.gz')
        if target.exists():
            print('%s is there: golden files are never changed' % target)
            return 1
        path, key = home / name, key_of(name, home)
        run(args.channel, 'make', name, path, *([key] if key else []))
        if name == 'torn_tail':
            tear_last_block(path)
        events, kept = listing(args.binary, path, key)
        target.write_bytes(pack(path))
        (folder / (name + '.jsonl')).write_text(events)
        (folder / (name + '.json')).write_text(json.dumps(kept, indent=2) + '\n')
    return 0


def check_one(args, golden, home):
    name = golden.name[:-len('.tar.gz')]
    path, key = home / golden.parent.name / name, key_of(name, home)
    with tarfile.open(golden) as tar:
        tar.extractall(path)
    events, kept = listing(args.binary, path, key)
    if events != golden.with_name(name + '.jsonl').read_text():
        return 'recover cat prints something else:\n' + events
    if kept != json.loads(golden.with_name(name + '.json').read_text()):
        return 'recover status says something else: %s' % kept
    keys = [key] if key else []
    bodies = [json.loads(line)['body'] for line in events.splitlines()]
    if run(args.channel, 'drain', path, *keys).splitlines() != bodies:
        return 'a channel delivers something else'
    if run(args.channel, 'drain', path, *keys):
        return 'a channel delivers again what was acknowledged'
    return ''


def check(args, home):
    goldens = sorted(HERE.glob('v*/*.tar.gz'))
    failed = 0
    for golden in goldens:
        try:
            problem = check_one(args, golden, home)
        except AssertionError as error:
            problem = str(error)
        if problem:
            failed += 1
            print('%s: %s' % (golden.relative_to(HERE), problem))
    missing = [name for name in NAMES if not (HERE / 'v1' / (name + '.tar.gz')).exists()]
    if missing:
        print('missing: %s' % ', '.join(missing))
        failed += 1
    print('%d golden directories, %d wrong' % (len(goldens), failed))
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('what', choices=['make', 'check'])
    parser.add_argument('--binary', required=True)
    parser.add_argument('--channel', required=True)
    parser.add_argument('folder', nargs='?')
    parser.add_argument('--only', action='append', default=[])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        return (make if args.what == 'make' else check)(args, pathlib.Path(home))


if __name__ == '__main__':
    sys.exit(main())
