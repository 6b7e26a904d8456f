// LMDB with its default, full durability; events are appended under ascending integer keys. One
// writer at a time, by design.
#include <lmdb.h>

#include <cstdint>
#include <utility>

#include "bench/peers/peer.h"
#include "wal/base/bytes.h"

namespace spillway::bench {
namespace {

constexpr std::size_t kMapBytes = 4096 * kMiB;

Result<void> result_of(int code, const char* what) {
  if (code == MDB_SUCCESS) return {};
  return Error{.code = code == MDB_MAP_FULL ? Errc::kNoSpace : Errc::kIo,
               .os_error = code > 0 ? code : 0,
               .what = what};
}

/// Aborts unless committed.
class Transaction {
 public:
  explicit Transaction(MDB_env* env) { begun_ = mdb_txn_begin(env, nullptr, 0, &handle_); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (handle_ != nullptr) mdb_txn_abort(handle_);
  }

  [[nodiscard]] int begun() const { return begun_; }
  [[nodiscard]] MDB_txn* handle() const { return handle_; }
  int commit() { return mdb_txn_commit(std::exchange(handle_, nullptr)); }

 private:
  MDB_txn* handle_ = nullptr;
  int begun_ = 0;
};

class LmdbPeer final : public Peer {
 public:
  static Result<std::unique_ptr<Peer>> open(const std::string& directory) {
    auto opened = std::make_unique<LmdbPeer>();
    TRY(result_of(mdb_env_create(&opened->env_), "lmdb: create"));
    TRY(result_of(mdb_env_set_mapsize(opened->env_, kMapBytes), "lmdb: map size"));
    TRY(result_of(mdb_env_open(opened->env_, directory.c_str(), 0, 0640), "lmdb: open"));
    Transaction transaction(opened->env_);
    TRY(result_of(transaction.begun(), "lmdb: begin"));
    TRY(result_of(mdb_dbi_open(transaction.handle(), nullptr, MDB_INTEGERKEY, &opened->table_),
                  "lmdb: open table"));
    TRY(result_of(transaction.commit(), "lmdb: commit"));
    return std::unique_ptr<Peer>(std::move(opened));
  }

  ~LmdbPeer() override {
    if (env_ != nullptr) mdb_env_close(env_);
  }

  [[nodiscard]] std::string_view name() const override { return "lmdb"; }

  Result<void> put(std::span<const std::string_view> events) override {
    Transaction transaction(env_);  // waits for the other writers
    TRY(result_of(transaction.begun(), "lmdb: begin"));
    for (const std::string_view event : events) {
      std::size_t key = next_++;
      MDB_val key_val{.mv_size = sizeof key, .mv_data = &key};
      MDB_val value{.mv_size = event.size(), .mv_data = const_cast<char*>(event.data())};
      TRY(result_of(mdb_put(transaction.handle(), table_, &key_val, &value, MDB_APPEND),
                    "lmdb: put"));
    }
    return result_of(transaction.commit(), "lmdb: commit");
  }

  Result<void> clear() override {
    Transaction transaction(env_);
    TRY(result_of(transaction.begun(), "lmdb: begin"));
    TRY(result_of(mdb_drop(transaction.handle(), table_, 0), "lmdb: drop"));
    return result_of(transaction.commit(), "lmdb: commit");
  }

 private:
  MDB_env* env_ = nullptr;
  MDB_dbi table_ = 0;
  std::size_t next_ = 1;  // changed in a transaction only
};

}  // namespace

Result<std::unique_ptr<Peer>> open_lmdb(const std::string& directory) {
  return LmdbPeer::open(directory);
}

}  // namespace spillway::bench
