// What a simulated disk holds: what is durable, and what a power loss may still take.
//
// The model: a write is pending until a durable write completes or its file is synced; names are
// pending until their directory is synced; a grown size is pending until its file is synced or a
// durable write lands beyond the old size; a cut is pending until its file is synced or something
// behind it is durable, because a file has one size. Reads see the newest. After a failed sync,
// what was pending can never be made durable by a later sync, although reads still show it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/sim_bytes.h"
#include "tests/support/sim_call.h"
#include "tests/support/survivors.h"
#include "wal/base/bytes.h"

namespace spillway::test {

inline constexpr std::size_t kSectorBytes = 512;

/// A file without its name.
struct SimNode {
  std::string path;  // where it was created, for messages
  SimBytes newest;
  SimBytes durable;
  std::uint64_t newest_size_bytes = 0;
  std::uint64_t durable_size_bytes = 0;
};
using SimNodePtr = std::shared_ptr<SimNode>;

/// Bytes of a pending write; later durable writes cut holes into it.
struct SimPiece {
  std::uint64_t offset = 0;
  std::vector<std::byte> bytes;
};

/// One operation that a power loss may undo.
struct SimOp {
  std::uint64_t id = 0;  // in order of submission
  SimOpKind kind = SimOpKind::kWrite;
  std::string path = {};
  SimNodePtr node = nullptr;           // none for kRemove
  std::vector<SimPiece> pieces = {};   // kWrite
  std::uint64_t grows_to_bytes = 0;    // kGrow, and kWrite beyond the end; 0: does not
  std::uint64_t shrinks_to_bytes = 0;  // kShrink
  bool is_in_flight = false;           // in a WriteQueue
  bool is_doomed = false;              // no sync makes it durable any more
  bool is_superseded = false;          // a later operation on the same name is durable
};

using SimRandom = std::mt19937_64;

/// Whether `path` is a file right inside `directory`.
bool is_in_directory(const std::string& path, const std::string& directory);

/// `pieces` cut along the device's sectors: the unit that is written whole or not at all.
std::vector<SimPiece> sectors_of(const std::vector<SimPiece>& pieces);

/// `pieces` less the bytes from `begin` to `end`.
std::vector<SimPiece> without_range(const std::vector<SimPiece>& pieces, std::uint64_t begin,
                                    std::uint64_t end);

/// Not thread-safe: SimDisk locks around it. Paths are `directory/name`.
class SimStore {
 public:
  // Names, as the running system sees them.
  [[nodiscard]] SimNodePtr find(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> names_in(const std::string& directory) const;
  [[nodiscard]] std::vector<std::string> paths() const;
  [[nodiscard]] std::uint64_t used_bytes() const;
  [[nodiscard]] bool has_directory(const std::string& path) const;
  void add_directory(const std::string& path) { directories_.insert(path); }

  // Pending operations.
  SimNodePtr create(const std::string& path);
  void remove(const std::string& path);
  void grow(const SimNodePtr& node, std::uint64_t size_bytes);
  void shrink(const SimNodePtr& node, std::uint64_t size_bytes);
  std::uint64_t write(const SimNodePtr& node, std::uint64_t offset, ByteSpan bytes);

  /// A write that fails: none, all, the first or any of its sectors get through. With a page cache
  /// they are `is_doomed`: readable, and not even a sync brings them to the device.
  std::uint64_t write_part(const SimNodePtr& node, std::uint64_t offset, ByteSpan bytes,
                           SimRandom& random, bool is_doomed);

  /// Makes durable what can be, then shows what the device holds in place of doomed writes.
  void forget_cached(const SimNodePtr& node);

  /// Between submission to a WriteQueue and completion there.
  void set_in_flight(std::uint64_t op_id, bool is_in_flight);

  // What makes them durable.
  void settle(std::uint64_t op_id);
  void sync_file(const SimNodePtr& node);
  void sync_directory(const std::string& directory);
  void fail_sync_file(const SimNodePtr& node);
  void fail_sync_directory(const std::string& directory);

  [[nodiscard]] const std::vector<SimOp>& pending() const { return pending_; }

  /// The store after a power loss: everything in it is durable.
  [[nodiscard]] SimStore after_power_loss(const Survivors& survivors) const;

  /// Replaces file and contents behind everybody's back, durably.
  void put(const std::string& path, ByteSpan bytes);
  void erase(const std::string& path);

 private:
  using Names = std::map<std::string, SimNodePtr>;

  template <class Matches>
  void settle_all(Matches matches);
  void make_durable(SimOp& op);
  void cut_older(const SimOp& by);
  void settle_cuts_before(const SimOp& by);
  void supersede_older_names(const SimOp& by);
  void check_disjoint(const SimNodePtr& node, const std::vector<SimPiece>& pieces) const;
  std::uint64_t add_write(const SimNodePtr& node, std::vector<SimPiece> pieces, bool is_doomed);

  std::set<std::string> directories_;
  Names newest_names_;
  Names durable_names_;
  std::vector<SimOp> pending_;  // by id
  std::uint64_t last_op_id_ = 0;
};

}  // namespace spillway::test
