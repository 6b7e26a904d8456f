// RocksDB as a durable queue: the log is synced with every write and recycled, writes are
// pipelined, the memtable is a vector (keys come in order), nothing is compacted.
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <cstdint>
#include <utility>

#include "bench/peers/peer.h"
#include "wal/base/bytes.h"

namespace spillway::bench {
namespace {

Result<void> result_of(const rocksdb::Status& status, const char* what) {
  if (status.ok()) return {};
  return Error{.code = Errc::kIo, .what = what};
}

rocksdb::Options queue_options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.memtable_factory = std::make_shared<rocksdb::VectorRepFactory>();
  options.allow_concurrent_memtable_write = false;  // a vector cannot
  options.enable_pipelined_write = true;
  options.recycle_log_file_num = 4;
  options.write_buffer_size = 256 * kMiB;  // a sample does not flush
  options.max_write_buffer_number = 4;
  options.disable_auto_compactions = true;
  options.compression = rocksdb::kNoCompression;
  return options;
}

class RocksDbPeer final : public Peer {
 public:
  explicit RocksDbPeer(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {
    write_options_.sync = true;
  }

  [[nodiscard]] std::string_view name() const override { return "rocksdb"; }

  Result<void> put(std::span<const std::string_view> events) override {
    rocksdb::WriteBatch batch;
    std::uint64_t sequence = next_.fetch_add(events.size());
    for (const std::string_view event : events) {
      const std::uint64_t key = __builtin_bswap64(sequence++);
      char bytes[sizeof key];
      __builtin_memcpy(bytes, &key, sizeof key);
      batch.Put({bytes, sizeof bytes}, {event.data(), event.size()});
    }
    return result_of(db_->Write(write_options_, &batch), "rocksdb: write");
  }

  Result<void> clear() override {
    TRY(result_of(db_->Flush({}), "rocksdb: flush"));
    return result_of(
        rocksdb::DeleteFilesInRange(db_.get(), db_->DefaultColumnFamily(), nullptr, nullptr),
        "rocksdb: delete files");
  }

 private:
  const std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteOptions write_options_;
  std::atomic<std::uint64_t> next_{0};
};

}  // namespace

Result<std::unique_ptr<Peer>> open_rocksdb(const std::string& directory) {
  rocksdb::DB* db = nullptr;
  TRY(result_of(rocksdb::DB::Open(queue_options(), directory, &db), "rocksdb: open"));
  return std::unique_ptr<Peer>(std::make_unique<RocksDbPeer>(std::unique_ptr<rocksdb::DB>(db)));
}

}  // namespace spillway::bench
