#include "tests/support/sim_store.h"

#include <algorithm>
#include <utility>

#include "wal/base/check.h"

namespace spillway::test {
namespace {

std::uint64_t end_of(const SimPiece& piece) {
  return piece.offset + piece.bytes.size();
}

bool overlaps(const SimPiece& piece, std::uint64_t begin, std::uint64_t end) {
  return piece.offset < end && begin < end_of(piece);
}

SimPiece part_of(const SimPiece& piece, std::uint64_t begin, std::uint64_t end) {
  const auto first = piece.bytes.begin() + static_cast<std::ptrdiff_t>(begin - piece.offset);
  return {.offset = begin, .bytes = {first, first + static_cast<std::ptrdiff_t>(end - begin)}};
}

}  // namespace

bool is_in_directory(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() + 1 && path.starts_with(directory) &&
         path[directory.size()] == '/' && path.find('/', directory.size() + 1) == std::string::npos;
}

std::vector<SimPiece> without_range(const std::vector<SimPiece>& pieces, std::uint64_t begin,
                                    std::uint64_t end) {
  std::vector<SimPiece> kept;
  for (const SimPiece& piece : pieces) {
    if (!overlaps(piece, begin, end)) {
      kept.push_back(piece);
      continue;
    }
    if (piece.offset < begin) kept.push_back(part_of(piece, piece.offset, begin));
    if (end < end_of(piece)) kept.push_back(part_of(piece, end, end_of(piece)));
  }
  return kept;
}

std::vector<SimPiece> sectors_of(const std::vector<SimPiece>& pieces) {
  std::vector<SimPiece> sectors;
  for (const SimPiece& piece : pieces) {
    std::uint64_t at = piece.offset;
    while (at < end_of(piece)) {
      const std::uint64_t next =
          std::min(align_down(at, kSectorBytes) + kSectorBytes, end_of(piece));
      sectors.push_back(part_of(piece, at, next));
      at = next;
    }
  }
  return sectors;
}

SimNodePtr SimStore::find(const std::string& path) const {
  const auto found = newest_names_.find(path);
  return found == newest_names_.end() ? nullptr : found->second;
}

std::vector<std::string> SimStore::names_in(const std::string& directory) const {
  std::vector<std::string> names;
  for (const auto& entry : newest_names_) {
    if (is_in_directory(entry.first, directory))
      names.push_back(entry.first.substr(directory.size() + 1));
  }
  return names;
}

std::vector<std::string> SimStore::paths() const {
  std::vector<std::string> paths;
  for (const auto& entry : newest_names_) paths.push_back(entry.first);
  return paths;
}

std::uint64_t SimStore::used_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& entry : newest_names_) sum += entry.second->newest_size_bytes;
  return sum;
}

bool SimStore::has_directory(const std::string& path) const {
  return directories_.count(path) != 0;
}

SimNodePtr SimStore::create(const std::string& path) {
  auto node = std::make_shared<SimNode>();
  node->path = path;
  newest_names_[path] = node;
  pending_.push_back({.id = ++last_op_id_, .kind = SimOpKind::kCreate, .path = path, .node = node});
  return node;
}

void SimStore::remove(const std::string& path) {
  CHECK(newest_names_.erase(path) == 1);
  pending_.push_back({.id = ++last_op_id_, .kind = SimOpKind::kRemove, .path = path});
}

void SimStore::grow(const SimNodePtr& node, std::uint64_t size_bytes) {
  if (size_bytes <= node->newest_size_bytes) return;
  node->newest_size_bytes = size_bytes;
  pending_.push_back({.id = ++last_op_id_,
                      .kind = SimOpKind::kGrow,
                      .path = node->path,
                      .node = node,
                      .grows_to_bytes = size_bytes});
}

void SimStore::shrink(const SimNodePtr& node, std::uint64_t size_bytes) {
  if (size_bytes >= node->newest_size_bytes) return;
  node->newest.cut(size_bytes);
  node->newest_size_bytes = size_bytes;
  pending_.push_back({.id = ++last_op_id_,
                      .kind = SimOpKind::kShrink,
                      .path = node->path,
                      .node = node,
                      .shrinks_to_bytes = size_bytes});
}

void SimStore::check_disjoint(const SimNodePtr& node, const std::vector<SimPiece>& pieces) const {
  for (const SimOp& op : pending_) {
    if (op.node != node || !op.is_in_flight) continue;
    // Two writes to one place at the same time have no defined outcome: a bug of the caller.
    for (const SimPiece& old : op.pieces) {
      for (const SimPiece& piece : pieces) CHECK(!overlaps(old, piece.offset, end_of(piece)));
    }
  }
}

std::uint64_t SimStore::add_write(const SimNodePtr& node, std::vector<SimPiece> pieces,
                                  bool is_doomed) {
  check_disjoint(node, pieces);
  SimOp op{.id = ++last_op_id_, .path = node->path, .node = node, .is_doomed = is_doomed};
  for (const SimPiece& piece : pieces) {
    node->newest.write(piece.offset, piece.bytes);
    if (end_of(piece) <= node->newest_size_bytes) continue;
    node->newest_size_bytes = end_of(piece);
    op.grows_to_bytes = end_of(piece);
  }
  op.pieces = std::move(pieces);
  pending_.push_back(std::move(op));
  return last_op_id_;
}

std::uint64_t SimStore::write(const SimNodePtr& node, std::uint64_t offset, ByteSpan bytes) {
  return add_write(node, {{.offset = offset, .bytes = {bytes.begin(), bytes.end()}}},
                   /*is_doomed=*/false);
}

std::uint64_t SimStore::write_part(const SimNodePtr& node, std::uint64_t offset, ByteSpan bytes,
                                   SimRandom& random, bool is_doomed) {
  auto sectors = sectors_of({{.offset = offset, .bytes = {bytes.begin(), bytes.end()}}});
  switch (random() % 4) {
    case 0:
      sectors.clear();
      break;
    case 1:
      break;
    case 2:
      sectors.resize(random() % (sectors.size() + 1));
      break;
    default:
      sectors.erase(std::remove_if(sectors.begin(), sectors.end(),
                                   [&random](const SimPiece&) { return random() % 2 == 0; }),
                    sectors.end());
  }
  return add_write(node, std::move(sectors), is_doomed);
}

void SimStore::set_in_flight(std::uint64_t op_id, bool is_in_flight) {
  for (SimOp& op : pending_) {
    if (op.id == op_id) op.is_in_flight = is_in_flight;
  }
}

void SimStore::put(const std::string& path, ByteSpan bytes) {
  erase(path);
  directories_.insert(path.substr(0, path.rfind('/')));
  auto node = std::make_shared<SimNode>();
  node->path = path;
  node->newest.write(0, bytes);
  node->durable.write(0, bytes);
  node->newest_size_bytes = bytes.size();
  node->durable_size_bytes = bytes.size();
  newest_names_[path] = node;
  durable_names_[path] = std::move(node);
}

void SimStore::erase(const std::string& path) {
  newest_names_.erase(path);
  durable_names_.erase(path);
  std::erase_if(pending_, [&path](const SimOp& op) { return op.path == path; });
}

}  // namespace spillway::test
