// SQLite with a write-ahead log and synchronous=FULL; one connection, as it allows one writer.
#include <sqlite3.h>

#include <utility>

#include "bench/peers/peer.h"
#include "wal/base/mutex.h"

namespace spillway::bench {
namespace {

Result<void> result_of(int code, const char* what) {
  if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return {};
  return Error{.code = code == SQLITE_FULL ? Errc::kNoSpace : Errc::kIo, .what = what};
}

class SqlitePeer final : public Peer {
 public:
  static Result<std::unique_ptr<Peer>> open(const std::string& directory) {
    auto opened = std::make_unique<SqlitePeer>();
    TRY(result_of(sqlite3_open((directory + "/events.db").c_str(), &opened->db_), "sqlite: open"));
    for (const char* sql :
         {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
          "CREATE TABLE events(sequence INTEGER PRIMARY KEY, body BLOB)"}) {
      TRY(opened->execute(sql));
    }
    TRY(result_of(sqlite3_prepare_v2(opened->db_, "INSERT INTO events(body) VALUES(?)", -1,
                                     &opened->insert_, nullptr),
                  "sqlite: prepare"));
    return std::unique_ptr<Peer>(std::move(opened));
  }

  ~SqlitePeer() override {
    sqlite3_finalize(insert_);
    sqlite3_close(db_);
  }

  [[nodiscard]] std::string_view name() const override { return "sqlite"; }

  Result<void> put(std::span<const std::string_view> events) override {
    const MutexLock lock(mutex_);
    TRY(execute("BEGIN IMMEDIATE"));
    for (const std::string_view event : events) {
      TRY(result_of(sqlite3_bind_blob64(insert_, 1, event.data(), event.size(), nullptr),
                    "sqlite: bind"));
      const int stepped = sqlite3_step(insert_);
      sqlite3_reset(insert_);
      TRY(result_of(stepped, "sqlite: insert"));
    }
    return execute("COMMIT");
  }

  Result<void> clear() override {
    const MutexLock lock(mutex_);
    TRY(execute("DELETE FROM events"));
    return execute("PRAGMA wal_checkpoint(RESTART)");
  }

 private:
  Result<void> execute(const char* sql) {
    return result_of(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr), sql);
  }

  Mutex mutex_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Peer>> open_sqlite(const std::string& directory) {
  return SqlitePeer::open(directory);
}

}  // namespace spillway::bench
