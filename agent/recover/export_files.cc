// The export formats that are one file: JSON lines and Avro.
#include <sys/random.h>

#include <string>

#include "agent/avro_container.h"
#include "agent/recover/event_format.h"
#include "agent/recover/export_target.h"
#include "agent/recover/new_file.h"
#include "wal/base/check.h"

namespace spillway::agent::recover {
namespace {

class JsonTarget final : public ExportTarget {
 public:
  explicit JsonTarget(const std::string& path) : file_(path) {}

  Result<void> create() override { return file_.create(); }
  Result<void> add(wal::Sequence sequence, const channel::EventView& event) override {
    append_event(EventFormat::kJson, sequence, event, {}, file_.buffer());
    return file_.flush_if_large();
  }
  Result<void> add_undecodable(wal::Sequence sequence, ByteSpan bytes) override {
    append_undecodable(sequence, bytes, file_.buffer());
    return file_.flush_if_large();
  }
  Result<void> finish() override { return file_.sync(); }
  Result<void> publish() override { return file_.publish(); }
  [[nodiscard]] std::uint64_t size_bytes() const override { return file_.size_bytes(); }

 private:
  NewFile file_;
};

AvroContainer::Marker random_marker() {
  AvroContainer::Marker marker{};
  CHECK(getrandom(marker.data(), marker.size(), 0) == static_cast<ssize_t>(marker.size()));
  return marker;
}

class AvroTarget final : public ExportTarget {
 public:
  explicit AvroTarget(const std::string& path) : file_(path), container_(random_marker()) {}

  Result<void> create() override {
    TRY(file_.create());
    container_.append_header(file_.buffer());
    return {};
  }
  Result<void> add(wal::Sequence, const channel::EventView& event) override {
    if (!container_.append(event, file_.buffer())) ++inexact_events_;
    return file_.flush_if_large();
  }
  Result<void> finish() override {
    container_.append_block(file_.buffer());
    return file_.sync();
  }
  Result<void> publish() override { return file_.publish(); }
  [[nodiscard]] std::uint64_t size_bytes() const override { return file_.size_bytes(); }
  [[nodiscard]] std::uint64_t inexact_events() const override { return inexact_events_; }

 private:
  NewFile file_;
  AvroContainer container_;
  std::uint64_t inexact_events_ = 0;
};

}  // namespace

std::unique_ptr<ExportTarget> make_json_target(const std::string& path) {
  return std::make_unique<JsonTarget>(path);
}

std::unique_ptr<ExportTarget> make_avro_target(const std::string& path) {
  return std::make_unique<AvroTarget>(path);
}

}  // namespace spillway::agent::recover
