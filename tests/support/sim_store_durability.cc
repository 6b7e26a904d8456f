// The half of SimStore that decides what a power loss leaves.
#include <algorithm>
#include <map>
#include <utility>

#include "tests/support/sim_store.h"
#include "wal/base/check.h"

namespace spillway::test {
namespace {

// A sector caught by the power loss: right 25 %, else garbage 2/3 (all of it or one side), else
// as it was before. The proportions are those of FoundationDB's AsyncFileNonDurable.
void write_torn_sector(SimBytes& bytes, const SimPiece& sector, SimRandom& random) {
  if (random() % 4 == 0) {
    bytes.write(sector.offset, sector.bytes);
    return;
  }
  if (random() % 3 == 0) return;
  std::vector<std::byte> garbage = sector.bytes;
  const std::size_t middle = random() % garbage.size();
  const std::uint64_t side = random() % 3;
  const std::size_t begin = side == 0 ? middle : 0;
  const std::size_t end = side == 1 ? middle : garbage.size();
  for (std::size_t i = begin; i < end; ++i) garbage[i] = static_cast<std::byte>(random());
  bytes.write(sector.offset, garbage);
}

bool is_content(const SimOp& op) {
  return op.kind == SimOpKind::kWrite || op.kind == SimOpKind::kGrow ||
         op.kind == SimOpKind::kShrink;
}

}  // namespace

// Older pending writes to the same place must not come back over a newer durable one.
void SimStore::cut_older(const SimOp& by) {
  for (SimOp& op : pending_) {
    if (op.id >= by.id || op.node != by.node) continue;
    for (const SimPiece& piece : by.pieces) {
      op.pieces = without_range(op.pieces, piece.offset, piece.offset + piece.bytes.size());
    }
  }
}

// What becomes durable behind a cut takes the cut along, even one that a failed sync has doomed:
// both are in the file's one size.
void SimStore::settle_cuts_before(const SimOp& by) {
  std::uint64_t end = by.grows_to_bytes;
  for (const SimPiece& piece : by.pieces) end = std::max(end, piece.offset + piece.bytes.size());
  for (SimOp& op : pending_) {
    if (op.id >= by.id) break;
    if (op.kind != SimOpKind::kShrink || op.node != by.node || op.is_superseded) continue;
    if (end <= op.shrinks_to_bytes) continue;
    make_durable(op);
    op.is_superseded = true;
  }
}

// A name operation doomed by a failed sync must not come back over a newer durable one.
void SimStore::supersede_older_names(const SimOp& by) {
  for (SimOp& op : pending_) {
    const bool is_name = op.kind == SimOpKind::kCreate || op.kind == SimOpKind::kRemove;
    if (is_name && op.id < by.id && op.path == by.path) op.is_superseded = true;
  }
}

void SimStore::make_durable(SimOp& op) {
  switch (op.kind) {
    case SimOpKind::kCreate:
      supersede_older_names(op);
      durable_names_[op.path] = op.node;
      break;
    case SimOpKind::kRemove:
      supersede_older_names(op);
      durable_names_.erase(op.path);
      break;
    case SimOpKind::kShrink:
      for (SimOp& older : pending_) {
        if (older.id >= op.id || older.node != op.node) continue;
        older.pieces = without_range(older.pieces, op.shrinks_to_bytes, UINT64_MAX);
        older.grows_to_bytes = std::min(older.grows_to_bytes, op.shrinks_to_bytes);
      }
      op.node->durable_size_bytes = std::min(op.node->durable_size_bytes, op.shrinks_to_bytes);
      op.node->durable.cut(op.shrinks_to_bytes);
      break;
    case SimOpKind::kGrow:
      settle_cuts_before(op);
      op.node->durable_size_bytes = std::max(op.node->durable_size_bytes, op.grows_to_bytes);
      break;
    case SimOpKind::kWrite:
      settle_cuts_before(op);
      cut_older(op);
      for (const SimPiece& piece : op.pieces) {
        op.node->durable.write(piece.offset, piece.bytes);
        op.node->durable_size_bytes =
            std::max(op.node->durable_size_bytes, piece.offset + piece.bytes.size());
      }
      break;
  }
}

template <class Matches>
void SimStore::settle_all(Matches matches) {
  for (SimOp& op : pending_) {
    if (matches(op)) make_durable(op);
  }
  std::erase_if(pending_, [&matches](const SimOp& op) { return matches(op) || op.is_superseded; });
}

void SimStore::settle(std::uint64_t op_id) {
  settle_all([op_id](const SimOp& op) { return op.id == op_id; });
}

void SimStore::sync_file(const SimNodePtr& node) {
  settle_all([&node](const SimOp& op) {
    return is_content(op) && op.node == node && !op.is_doomed && !op.is_in_flight;
  });
}

void SimStore::forget_cached(const SimNodePtr& node) {
  sync_file(node);
  const auto is_cached_only = [&node](const SimOp& op) {
    return op.kind == SimOpKind::kWrite && op.node == node && op.is_doomed && !op.is_in_flight;
  };
  if (std::none_of(pending_.begin(), pending_.end(), is_cached_only)) return;
  std::erase_if(pending_, is_cached_only);
  node->newest = node->durable;
  for (const SimOp& op : pending_) {
    if (op.node != node) continue;
    if (op.kind == SimOpKind::kShrink) node->newest.cut(op.shrinks_to_bytes);
    for (const SimPiece& piece : op.pieces) node->newest.write(piece.offset, piece.bytes);
  }
}

void SimStore::sync_directory(const std::string& directory) {
  settle_all([&directory](const SimOp& op) {
    const bool is_name = op.kind == SimOpKind::kCreate || op.kind == SimOpKind::kRemove;
    return is_name && is_in_directory(op.path, directory) && !op.is_doomed;
  });
}

void SimStore::fail_sync_file(const SimNodePtr& node) {
  for (SimOp& op : pending_) {
    if (is_content(op) && op.node == node && !op.is_in_flight) op.is_doomed = true;
  }
}

void SimStore::fail_sync_directory(const std::string& directory) {
  for (SimOp& op : pending_) {
    const bool is_name = op.kind == SimOpKind::kCreate || op.kind == SimOpKind::kRemove;
    if (is_name && is_in_directory(op.path, directory)) op.is_doomed = true;
  }
}

SimStore SimStore::after_power_loss(const Survivors& survivors) const {
  SimRandom random(survivors.seed);
  SimStore after;
  after.directories_ = directories_;
  after.durable_names_ = durable_names_;

  // The nodes are shared with the running store until here.
  std::map<SimNodePtr, SimNodePtr> copies;
  const auto copy_of = [&copies](const SimNodePtr& node) {
    SimNodePtr& copy = copies[node];
    if (copy == nullptr) copy = std::make_shared<SimNode>(*node);
    return copy;
  };
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const SimOp& op = pending_[i];
    const Fate fate = i < survivors.fates.size() ? survivors.fates[i] : Fate::kLost;
    if (fate == Fate::kLost) continue;
    const bool is_whole = fate == Fate::kKept || random() % 2 == 0;
    if (op.kind == SimOpKind::kCreate && is_whole) after.durable_names_[op.path] = op.node;
    if (op.kind == SimOpKind::kRemove && is_whole) after.durable_names_.erase(op.path);
    if (op.node == nullptr) continue;
    SimNode& node = *copy_of(op.node);
    if (op.kind == SimOpKind::kShrink && is_whole) {
      node.durable.cut(op.shrinks_to_bytes);
      node.durable_size_bytes = std::min(node.durable_size_bytes, op.shrinks_to_bytes);
    }
    if (op.grows_to_bytes > node.durable_size_bytes && is_whole) {
      node.durable_size_bytes = op.grows_to_bytes;
    }
    for (const SimPiece& piece : fate == Fate::kKept ? op.pieces : sectors_of(op.pieces)) {
      if (fate == Fate::kKept) {
        node.durable.write(piece.offset, piece.bytes);
      } else {
        write_torn_sector(node.durable, piece, random);
      }
    }
  }
  for (auto& entry : after.durable_names_) {
    entry.second = copy_of(entry.second);
    SimNode& node = *entry.second;
    node.durable.cut(node.durable_size_bytes);  // sectors beyond the end were never part of it
    node.newest = node.durable;
    node.newest_size_bytes = node.durable_size_bytes;
  }
  after.newest_names_ = after.durable_names_;
  return after;
}

}  // namespace spillway::test
