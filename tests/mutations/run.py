#!/usr/bin/python3
"""Breaks the engine in one way after the other and expects the named test to notice: SOURCE BUILD [NAME…]

Works on a copy of the committed and changed sources in BUILD; only what a mutation touches is compiled
again. With --names the list alone is looked at, in seconds: SOURCE has each mutation's lines once, and
BUILD, a build of it, has the tests.
"""
import collections
import os
import pathlib
import shutil
import subprocess
import sys

Mutation = collections.namedtuple('Mutation', 'name file old new target arguments')

MUTATIONS = [
    Mutation('write_without_flush', 'wal/log_pipeline.cc',
             'place.bytes, options_.block_durability)', 'place.bytes, io::Durability::kNone)',
             'tests/crash/crash_points_test', ['--gtest_filter=*.Puts/Plain']),
    Mutation('failed_write_counts_as_done', 'wal/log_pipeline.cc',
             'batch.is_written = outcome.has_value();', 'batch.is_written = true;',
             'tests/wal_test', []),
    Mutation('no_watermark', 'wal/log_pipeline.cc',
             '(is_synced ? durable_end_.lsn : synced_lsn_).value;', 'is_synced ? 0 : 0;',
             'tests/wal_test', []),
    Mutation('recycle_without_nonce', 'wal/segment_writer.cc',
             '.nonce = nonces_() | 1U,', '.nonce = 1U,',
             'tests/wal_test', []),
    Mutation('first_of_successor', 'checkpoint/tail_scan.cc',
             'TRY_ASSIGN(at, reader.find_valid_after(*at, segment.limit_lsn()));', 'break;',
             'tests/promise_test', ['--gtest_filter=TailEvidenceTest.*']),
    Mutation('damage_is_called_torn', 'wal/recovery_table.cc',
             '{"corrupt_block", ScanAction::kSkipToBlock}', '{"corrupt_block", ScanAction::kEndLog}',
             'tests/wal_format_test', ['--gtest_filter=RecoveryTableTest.*']),
    Mutation('hash_not_checked', 'wal/block.cc',
             'return block_hash(bytes, header.payload_bytes, seed) == header.hash;',
             'return block_hash(bytes, header.payload_bytes, seed) != 0;',
             'tests/wal_test', []),
    Mutation('manifest_not_flushed', 'checkpoint/manifest_store.cc',
             'io::Durability::kDurable', 'io::Durability::kNone',
             'tests/checkpoint_test', ['--gtest_filter=ManifestStoreTest.*']),
    Mutation('older_manifest_slot_kept', 'checkpoint/manifest_store.cc',
             'best->generation < slot->generation', 'best->generation > slot->generation',
             'tests/checkpoint_test', ['--gtest_filter=ManifestStoreTest.*']),
    Mutation('slot_name_not_synced', 'wal/slot_files.cc',
             '  TRY(file.sync());\n  return directory.sync();',
             '  static_cast<void>(directory);\n  return file.sync();',
             'tests/crash/crash_points_test', ['--gtest_filter=*.FirstStart/Plain:*.Puts/Plain']),
    Mutation('bookmark_of_the_tail_ignored', 'checkpoint/tail_scan.cc',
             'log_.bookmarks.set(record->bookmark);', '',
             'tests/crash/crash_points_test', ['--gtest_filter=*.Puts/Plain']),
    Mutation('bookmark_not_in_the_manifest', 'channel/file_channel_checkpoints.cc',
             'manifest.bookmarks = std::move(durable.bookmarks);', '',
             'tests/durability_test', ['--gtest_filter=BookmarkTest.*']),
]


def copy_sources(source, copy):
    listed = subprocess.run(['git', '-C', source, 'ls-files', '-z', '-co', '--exclude-standard'],
                            check=True, capture_output=True).stdout
    for name in listed.decode().split('\0'):
        if not name or not (source / name).is_file():
            continue
        target = copy / name
        data = (source / name).read_bytes()
        if target.exists() and target.read_bytes() == data:
            continue  # keeps its time: nothing to compile again
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        shutil.copymode(source / name, target)


def build(copy, targets):
    environment = dict(os.environ, CCACHE_NOHASHDIR='1')
    if not (copy / 'build' / 'build.ninja').exists():
        subprocess.run(['meson', 'setup', copy / 'build', copy], check=True, env=environment,
                       stdout=subprocess.DEVNULL)
    done = subprocess.run(['ninja', '-C', copy / 'build', *targets], env=environment, check=False,
                          capture_output=True, text=True)
    return done.returncode == 0, done.stdout[-2000:]


def passes(copy, mutation):
    done = subprocess.run([copy / 'build' / mutation.target, *mutation.arguments], check=False,
                          capture_output=True, timeout=900)
    return done.returncode == 0 and b'Running 0 tests' not in done.stdout


def notices(copy, mutation):
    """'' when the test fails, as it should."""
    file = copy / mutation.file
    text = file.read_text()
    if text.count(mutation.old) != 1:
        return 'its lines are there %d times' % text.count(mutation.old)
    file.write_text(text.replace(mutation.old, mutation.new))
    try:
        is_built, output = build(copy, [mutation.target])
        if not is_built:
            return 'does not compile: ' + output
        return 'GOES UNNOTICED' if passes(copy, mutation) else ''
    finally:
        file.write_text(text)


def misnamed(source, build_dir, mutation):
    """'' when the mutation's lines and its tests are there."""
    count = (source / mutation.file).read_text().count(mutation.old)
    if count != 1:
        return 'its lines are there %d times' % count
    listed = subprocess.run(
        [build_dir / mutation.target, '--gtest_list_tests', *mutation.arguments],
        check=True, capture_output=True, text=True).stdout
    is_any = any(line.startswith('  ') for line in listed.splitlines())
    return '' if is_any else 'no test has the name ' + ' '.join(mutation.arguments)


def check_names(source, build_dir):
    problems = [(one.name, misnamed(source, build_dir, one)) for one in MUTATIONS]
    for name, problem in problems:
        print('%-28s %s' % (name, problem or 'ok'))
    return 1 if any(problem for _, problem in problems) else 0


def main():
    if sys.argv[1] == '--names':
        return check_names(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    source, copy = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    wanted = [one for one in MUTATIONS if one.name in sys.argv[3:] or not sys.argv[3:]]
    copy.mkdir(parents=True, exist_ok=True)
    copy_sources(source, copy)
    is_built, output = build(copy, sorted({one.target for one in wanted}))
    if not is_built:
        print('does not compile unchanged: ' + output)
        return 1
    failed = 0
    for mutation in wanted:
        build(copy, [mutation.target])  # as it is, behind the mutation before
        problem = '' if passes(copy, mutation) else 'the test fails without it'
        problem = problem or notices(copy, mutation)
        failed += bool(problem)
        print('%-28s %s' % (mutation.name, problem or 'noticed by ' + mutation.target), flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
