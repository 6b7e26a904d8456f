"""The log as docs/durability.md describes it, small enough to look at every state.

One writer hands over blocks, up to three of them in flight, their writes complete in any order and
are acknowledged in the order of the log; each block says how far the log was durable when it was
built. There are two slots of two blocks. A crash leaves any of the unfinished writes whole, torn or
not at all, and may damage one acknowledged block; then recovery reads what is left, decides as the
recovery table does, and the log goes on in a new segment, in a slot that may hold old blocks. The
last thing recovery does, and the only one it writes, is the manifest: a crash before that leaves
what the crash before it has left, so crash and recovery are one step.

A block takes one address, so an address is an index into `history`, the log as it should be.

Rules can be broken by name, to see that the properties notice (BROKEN below).
"""
import collections
import gc
import itertools

SLOTS = 2
IN_FLIGHT_MAX = 3

# What can be broken, and the property that must notice.
BROKEN = {
    'ack_before_sync': 'NoAckedLoss',
    'ack_out_of_order': 'NoAckedLoss',
    'no_watermark': 'CorruptionNeverCalledTorn',
    'always_torn': 'CorruptionNeverCalledTorn',
    'first_of_successor': 'CorruptionNeverCalledTorn',
    'ignore_gap': 'PrefixRecovery',
    'no_nonce': 'NoResurrection',
    'append_to_open_segment': 'NoResurrection',
}

# Takes more blocks, and minutes.
BROKEN_SLOWLY = {'recycle_before_manifest': 'NoAckedLoss'}

# Nonce, address and sealing say all that the chain of hashes says, unless a write goes astray.
REDUNDANT = ('no_chain',)

Block = collections.namedtuple('Block', 'nonce lsn durable id previous is_whole')
Segment = collections.namedtuple('Segment', 'number slot nonce first predecessor')
Manifest = collections.namedtuple('Manifest', 'end chain table last_number first')
Write = collections.namedtuple('Write', 'slot cell block is_done')
# What a crash leaves.
Disk = collections.namedtuple('Disk', 'headers cells manifest')
# What the process knows. `current`: the segment that is written to, or None.
Running = collections.namedtuple('Running', 'table current durable in_flight')
# What only we know.
Ghost = collections.namedtuple('Ghost', 'history acked discarded damaged next_id next_nonce crashes')
State = collections.namedtuple('State', 'disk running ghost')
Recovered = collections.namedtuple('Recovered', 'end table read lost')

NONE = -1


class Violation(Exception):
    """A property does not hold; the first argument is its name."""


class Model:
    def __init__(self, broken=(), ids=5, crashes=2, cells=2):
        self.broken = set(broken)
        self.ids, self.crashes, self.cells = ids, crashes, cells

    def start(self):
        cells = tuple((None,) * self.cells for _ in range(SLOTS))
        disk = Disk((None,) * SLOTS, cells, Manifest(0, NONE, (), 0, 0))
        return State(disk, Running((), None, 0, ()), Ghost((), frozenset(), frozenset(), None, 0, 1, 0))

    # ---- what may happen

    def successors(self, state):
        yield from self.begin_segment(state)
        yield from self.hand_over(state)
        yield from self.complete(state)
        yield from self.checkpoint(state)
        yield from self.reclaim(state)
        if state.ghost.crashes < self.crashes:
            yield from self.crash(state)

    def begin_segment(self, state):
        disk, running, ghost = state
        if running.current is not None and self.cell_of(running, ghost) < self.cells:
            return
        used = {segment.slot for segment in running.table}
        if 'recycle_before_manifest' not in self.broken:
            used |= {segment.slot for segment in disk.manifest.table}
        for slot in range(SLOTS):
            if slot in used:
                continue
            known = [segment.number for segment in disk.headers + running.table if segment]
            number = max(known + [disk.manifest.last_number]) + 1
            before = running.table[-1].number if running.table else 0
            nonce = 0 if 'no_nonce' in self.broken else ghost.next_nonce
            segment = Segment(number, slot, nonce, len(ghost.history), before)
            yield 'begin segment %d in slot %d' % (number, slot), State(
                disk._replace(headers=put(disk.headers, slot, segment)),
                running._replace(table=running.table + (segment,), current=segment),
                ghost._replace(next_nonce=ghost.next_nonce + 1))
            return  # the slots are alike

    def cell_of(self, running, ghost):
        return len(ghost.history) - running.current.first

    def hand_over(self, state):
        disk, running, ghost = state
        if running.current is None or len(running.in_flight) == IN_FLIGHT_MAX:
            return
        cell = self.cell_of(running, ghost)
        if cell >= self.cells or ghost.next_id == self.ids:
            return
        previous = ghost.history[-1] if ghost.history else NONE
        durable = 0 if 'no_watermark' in self.broken else running.durable
        block = Block(running.current.nonce, len(ghost.history), durable, ghost.next_id, previous, True)
        write = Write(running.current.slot, cell, block, False)
        acked = ghost.acked | {block.id} if 'ack_before_sync' in self.broken else ghost.acked
        yield 'hand over %d' % block.id, State(
            disk, running._replace(in_flight=running.in_flight + (write,)),
            ghost._replace(history=ghost.history + (block.id,), next_id=ghost.next_id + 1,
                           acked=acked))

    def complete(self, state):
        disk, running, ghost = state
        for index, write in enumerate(running.in_flight):
            if write.is_done:
                continue
            writes = put(running.in_flight, index, write._replace(is_done=True))
            acked, durable = set(ghost.acked), running.durable
            if 'ack_out_of_order' in self.broken:
                acked.add(write.block.id)
            while writes and writes[0].is_done:
                acked.add(writes[0].block.id)
                durable = writes[0].block.lsn + 1
                writes = writes[1:]
            yield 'complete %d' % write.block.id, State(
                store(disk, write), running._replace(in_flight=writes, durable=durable),
                ghost._replace(acked=frozenset(acked)))

    def checkpoint(self, state):
        disk, running, ghost = state
        manifest = self.manifest_of(running, ghost, disk)
        if manifest != disk.manifest:
            yield 'checkpoint', State(disk._replace(manifest=manifest), running, ghost)

    @staticmethod
    def manifest_of(running, ghost, disk):
        table = tuple(one for one in running.table if one.first <= running.durable)
        chain = ghost.history[running.durable - 1] if running.durable else NONE
        numbers = [one.number for one in table] + [disk.manifest.last_number]
        first = table[0].first if table else running.durable
        return Manifest(running.durable, chain, table, max(numbers), first)

    def reclaim(self, state):
        """The oldest segment is finished and drained: the manifest goes first, then the slot."""
        disk, running, ghost = state
        if len(running.table) < 2 and (not running.table or running.table[0] == running.current):
            return
        end = running.table[1].first if len(running.table) > 1 else len(ghost.history)
        if running.durable < end:
            return
        table = running.table[1:]
        running = running._replace(table=table)
        if 'recycle_before_manifest' not in self.broken:
            disk = disk._replace(manifest=self.manifest_of(running, ghost, disk))
        yield 'reclaim', State(disk, running, ghost)

    def crash(self, state):
        disk, running, ghost = state
        unfinished = [write for write in running.in_flight if not write.is_done]
        damageable = [None]
        if ghost.damaged is None and running.table:
            damageable += [one for one in range(running.table[0].first, len(ghost.history))
                           if ghost.history[one] in ghost.acked and
                           all(write.block.lsn != one for write in unfinished)]
        for fates in itertools.product(('lost', 'whole', 'torn'), repeat=len(unfinished)):
            left = disk
            for write, fate in zip(unfinished, fates):
                if fate != 'lost':
                    left = store(left, write._replace(
                        block=write.block._replace(is_whole=fate == 'whole')))
            for lsn in damageable:
                after, seen = left, ghost._replace(crashes=ghost.crashes + 1)
                if lsn is not None:
                    after = self.damage(left, running, lsn)
                    seen = seen._replace(damaged=ghost.history[lsn])
                yield ('crash, unfinished %s, damaged %s' % (list(fates), lsn),
                       self.recover_and_go_on(after, seen))

    @staticmethod
    def damage(disk, running, lsn):
        segment = [one for one in running.table if one.first <= lsn][-1]
        cell = lsn - segment.first
        block = disk.cells[segment.slot][cell]
        write = Write(segment.slot, cell, block._replace(is_whole=False), True)
        return store(disk, write)

    # ---- recovery

    def at(self, disk, segment, lsn):
        """'valid', 'blank' or 'damaged', and the block."""
        cell = lsn - segment.first
        block = disk.cells[segment.slot][cell] if cell < self.cells else None
        if block is None or block.nonce != segment.nonce:
            return 'blank', None
        if not block.is_whole or block.lsn != lsn:
            return 'damaged', None
        return 'valid', block

    def chain_of(self, disk):
        """The segments of the log: those of the manifest, and the newer ones that lead to them."""
        manifest = disk.manifest
        found = {one.number: one for one in disk.headers if one}
        newer, number = [], max(found, default=0)
        last = manifest.table[-1].number if manifest.table else 0
        while number > manifest.last_number and number in found:
            newer.insert(0, found[number])
            number = found[number].predecessor
            if number == last:
                break
        recycled = {one.slot for one in disk.headers
                    if one and any(row.slot == one.slot and row.number < one.number
                                   for row in manifest.table)}
        listed = [one for one in manifest.table if one.slot not in recycled]
        return listed + newer

    def recover(self, disk):
        manifest = disk.manifest
        chain = self.chain_of(disk)
        read, lost = {}, set()
        lsn, previous = manifest.first, None
        if chain:
            lsn = max(lsn, chain[0].first)
        index = 0
        while index < len(chain):
            segment = chain[index]
            following = chain[index + 1] if index + 1 < len(chain) else None
            if following is not None and lsn >= following.first:
                index += 1
                continue
            state, block = self.at(disk, segment, lsn)
            is_chained = previous is None or 'no_chain' in self.broken or \
                (block is not None and block.previous == previous)
            if state == 'valid' and is_chained:
                read[lsn] = block.id
                lsn, previous = lsn + 1, block.id
                continue
            later = self.later(disk, segment, lsn, following)
            if self.is_proven(disk, chain[index + 1:], lsn, later):
                if state == 'valid':  # only the chain speaks against it
                    read[lsn] = block.id
                    lsn, previous = lsn + 1, block.id
                    continue
                skip_to = later[0].lsn if later else \
                    following.first if following else max(manifest.end, lsn + 1)
                lost |= set(range(lsn, skip_to))
                lsn, previous = skip_to, None
                if not later and following is None:
                    break
                continue
            if 'ignore_gap' in self.broken and later:
                lsn, previous = later[0].lsn, None
                continue
            break
        table = tuple(one for one in chain if one.first <= lsn)
        return Recovered(lsn, table, read, frozenset(lost))

    def later(self, disk, segment, lsn, following):
        end = segment.first + self.cells
        if following is not None:
            end = min(end, following.first)
        found = [self.at(disk, segment, one)[1] for one in range(lsn + 1, end)]
        return [block for block in found if block is not None]

    def is_proven(self, disk, successors, lsn, later):
        if 'always_torn' in self.broken:
            return False
        if disk.manifest.end > lsn or any(block.durable > lsn for block in later):
            return True
        for segment in successors:
            found = [self.at(disk, segment, segment.first + cell)[1] for cell in range(self.cells)]
            known = [block for block in found if block is not None]
            if 'first_of_successor' in self.broken:
                known = known[:1]
            if any(block.durable > lsn for block in known):
                return True
        return False

    def recover_and_go_on(self, disk, ghost):
        recovered = self.recover(disk)
        self.check(disk, ghost, recovered)
        end = recovered.end
        history = list(ghost.history[:end])
        discarded = ghost.discarded | set(ghost.history[end:])
        current = None
        if 'append_to_open_segment' in self.broken and recovered.table and \
                end - recovered.table[-1].first < self.cells:
            current = recovered.table[-1]
        running = Running(recovered.table, current, end, ())
        ghost = ghost._replace(history=tuple(history), discarded=frozenset(discarded))
        # A manifest that is not clean is written before anything is appended.
        # It knows all segments there have been: what is discarded here is never looked at again.
        manifest = self.manifest_of(running, ghost, disk)
        numbers = [one.number for one in disk.headers if one] + [manifest.last_number]
        manifest = manifest._replace(last_number=max(numbers))
        return State(disk._replace(manifest=manifest), running, ghost)

    # ---- properties

    @staticmethod
    def check(disk, ghost, recovered):
        for lsn, one in sorted(recovered.read.items()):
            if one in ghost.discarded:
                raise Violation('NoResurrection', one)
            if lsn >= len(ghost.history) or ghost.history[lsn] != one:
                raise Violation('PrefixRecovery', one)
        first = min(recovered.read, default=recovered.end)
        for lsn in range(first, recovered.end):
            if lsn not in recovered.read and lsn not in recovered.lost:
                raise Violation('PrefixRecovery', lsn)
        kept_from = recovered.table[0].first if recovered.table else recovered.end
        for lsn in recovered.lost:
            if kept_from <= lsn < len(ghost.history) and ghost.history[lsn] != ghost.damaged and \
                    ghost.history[lsn] in ghost.acked:
                raise Violation('NoAckedLoss', lsn)
        for lsn, one in enumerate(ghost.history):
            if one not in ghost.acked or lsn < kept_from:
                continue
            if one == ghost.damaged:
                if lsn >= recovered.end and has_evidence(disk, ghost, lsn):
                    raise Violation('CorruptionNeverCalledTorn', one)
            elif lsn not in recovered.read and not is_behind_damage(ghost, lsn):
                raise Violation('NoAckedLoss', one)


def is_behind_damage(ghost, lsn):
    """The window that remains: what proves a damaged block durable comes with a later block."""
    return ghost.damaged in ghost.history and ghost.history.index(ghost.damaged) < lsn


def has_evidence(disk, ghost, lsn):
    """Somebody knew that the block at `lsn` was durable, and what he wrote has survived."""
    later = set(ghost.history[lsn + 1:]) & ghost.acked
    return disk.manifest.end > lsn or len(later) >= IN_FLIGHT_MAX


def put(values, index, value):
    return values[:index] + (value,) + values[index + 1:]


def store(disk, write):
    cells = put(disk.cells[write.slot], write.cell, write.block)
    return disk._replace(cells=put(disk.cells, write.slot, cells))


def explore(model):
    """Breadth first; the number of states, and the shortest way to a violation or None."""
    gc.disable()  # there are no cycles, and looking for them takes a quarter of the time
    start = model.start()
    came_from = {start: None}
    queue = collections.deque([start])
    while queue:
        state = queue.popleft()
        try:
            for action, after in model.successors(state):
                if after not in came_from:
                    came_from[after] = (state, action)
                    queue.append(after)
        except Violation as violation:
            steps = []
            while came_from[state] is not None:
                state, action = came_from[state]
                steps.insert(0, action)
            return len(came_from), (violation.args[0], steps)
    return len(came_from), None
