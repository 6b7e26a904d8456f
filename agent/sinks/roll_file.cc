#include "agent/sinks/roll_file.h"

#include <utility>

#include "agent/sinks/confined_directory.h"
#include "wal/base/bytes.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

// Names taken by somebody else that are skipped before giving up.
constexpr int kTakenNamesMax = 10'000;

}  // namespace

RollFile::RollFile(const RollFileOptions& options, std::string place, const Clock& clock)
    : options_(options), clock_(clock), place_(std::move(place)), names_(options.names, clock) {}

Result<void> RollFile::open() {
  TRY_ASSIGN(const io::OwnedFd directory, open_confined(options_.root, place_));
  for (int taken = 0; taken < kTakenNamesMax; ++taken) {
    std::string name = names_.next();
    name += options_.compression.suffix();
    path_ = options_.root + "/" + place_ + (place_.empty() ? "" : "/") + name;
    auto created = io::AppendFile::create_at(directory.get(), name);
    if (created.has_value()) {
      out_ = std::move(created.value());
      serializer_ = FileSerializer::create(options_.serializer);
      opened_at_ns_ = clock_.monotonic_ns();
      size_before_bytes_ = 0;
      has_added_ = is_begun_ = false;
      return {};
    }
    if (created.error().code != Errc::kExists) return created.error();  // Flume would overwrite it
  }
  return Error{.code = Errc::kExists, .what = "every next file name is taken"};
}

void RollFile::add(const channel::EventView& event) {
  CHECK(is_open());
  if (!has_added_) {
    text_.clear();
    if (!is_begun_) serializer_->begin(text_);
    has_added_ = true;
  }
  serializer_->append(event, text_);
}

Result<void> RollFile::write() {
  serializer_->end_batch(text_);
  size_before_bytes_ = out_.size_bytes();
  has_added_ = false;
  const std::string* bytes = &text_;
  if (!options_.compression.is_none()) {
    packed_.clear();
    options_.compression.compress(text_, packed_);
    bytes = &packed_;
  }
  auto appended = out_.append(as_bytes(*bytes));
  if (appended.has_value()) {
    is_begun_ = true;
  } else if (!out_.cut().has_value()) {
    close();  // the next batch must not follow half a line
  }
  return appended;
}

void RollFile::take_back() {
  if (has_added_) {
    serializer_->end_batch(text_);
    has_added_ = false;
    return;
  }
  if (!is_open()) return;
  if (!out_.cut_to(size_before_bytes_).has_value()) return close();
  is_begun_ = size_before_bytes_ > 0;
}

void RollFile::close() {
  out_.close();
  has_added_ = false;
}

}  // namespace spillway::agent
