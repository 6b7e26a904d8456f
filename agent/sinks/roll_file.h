// RollFile: the file in hand of one place that a rolling sink writes to, and the series it is in.
//
// Takes a batch in three steps: add() events, write() them in one piece, and if another place of
// the batch failed, take_back() what was written. When to roll is the sink's business.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/file_compression.h"
#include "agent/file_serializer.h"
#include "agent/sinks/roll_path.h"
#include "channel/event.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/io/append_file.h"

namespace spillway::agent {

struct RollFileOptions {
  std::string root;  // the sink's directory
  RollPathOptions names;
  FileSerializerOptions serializer;
  FileCompression compression;
};

/// Not thread-safe.
class RollFile {
 public:
  /// `place`: a confined_path below the root. `options` and `clock` outlive it.
  RollFile(const RollFileOptions& options, std::string place, const Clock& clock);

  [[nodiscard]] bool is_open() const { return out_.is_open(); }
  [[nodiscard]] std::uint64_t size_bytes() const { return out_.size_bytes(); }
  [[nodiscard]] std::uint64_t opened_at_ns() const { return opened_at_ns_; }

  /// For messages.
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Creates the next file of the series; never writes to one that is there already.
  Result<void> open();

  /// Adds an event to what write() will write. The file must be open.
  void add(const channel::EventView& event);
  [[nodiscard]] bool has_added() const { return has_added_; }

  /// Appends what was added. On an error nothing of it remains, or the file is closed.
  Result<void> write();

  /// Removes what the last write() appended, or forgets what was added since.
  void take_back();

  Result<void> sync() { return out_.sync(); }
  void close();

 private:
  const RollFileOptions& options_;
  const Clock& clock_;
  const std::string place_;

  RollPath names_;
  std::string path_;
  io::AppendFile out_;
  std::unique_ptr<FileSerializer> serializer_;
  std::uint64_t opened_at_ns_ = 0;
  std::uint64_t size_before_bytes_ = 0;  // the last write()
  bool has_added_ = false;
  bool is_begun_ = false;  // the serializer's beginning is in the file
  std::string text_;       // of the batch
  std::string packed_;     // scratch
};

}  // namespace spillway::agent
