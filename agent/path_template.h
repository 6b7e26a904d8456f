// PathTemplate: a path with escapes for headers and times, compiled once.
//
// Rendering is text only: nothing is created, and what a header says cannot leave the place in the
// path it was put at. Where rendered paths may lead is the sink's business.
// Source: Flume 1.11, BucketPath; names of days and months are English.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "channel/event.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"

namespace spillway::agent {

struct PathTemplateOptions {
  bool is_utc = false;           // else the process's time zone
  bool uses_local_time = false;  // the time of rendering rather than header timestamp
};

/// Not thread-safe: keeps what it rendered last.
class PathTemplate {
 public:
  /// Bytes of a header's value that are put into a path.
  static constexpr std::size_t kHeaderBytesMax = 200;

  /// kBadConfig with the offset of an escape that does not exist.
  static Result<PathTemplate> compile(std::string_view text, const PathTemplateOptions& options,
                                      const Clock& clock);

  /// Appends the path of `event`. False: it has no usable header `timestamp`, which the path asks
  /// for; the time of rendering was taken.
  bool append(const channel::EventView& event, std::string& out);

 private:
  enum class Kind : std::uint8_t { kText, kHeader, kTime, kMillis, kSeconds };

  struct Part {
    Kind kind = Kind::kText;
    std::string text;        // literal, or format of strftime(3)
    std::size_t header = 0;  // index in headers_
    // A time's text is made once, with the literals around it, for the seconds it holds for.
    bool shows_seconds = false;
    std::int64_t rendered_begin = 0;
    std::int64_t rendered_end = 0;  // not included
    std::string rendered = {};
  };

  struct Header {
    std::string key;
    std::string_view value = {};  // of the event in hand
  };

  PathTemplate(const PathTemplateOptions& options, const Clock& clock);

  void add_header(std::string_view key);
  Result<void> add_letter(char letter, std::size_t at);
  Result<void> add_host(std::string_view name, std::size_t at);
  void add_text(std::string_view text);
  void add_time(std::string_view format);
  void render_time(Part& part, std::int64_t second) const;
  void find_values(const channel::EventView& event);
  bool find_time(std::int64_t& time_ms);
  bool remembered_time(std::int64_t& time_ms);

  PathTemplateOptions options_;
  const Clock* clock_;
  std::vector<Part> parts_;
  std::vector<Header> headers_;  // each once; the first is `timestamp`
  bool has_time_ = false;

  static constexpr std::size_t kVaryingDigits = 4;  // ten seconds
  static constexpr std::int64_t kVaryingMillis = 10'000;
  std::string time_text_;          // the last timestamp that was read as a number from 0 on
  std::int64_t time_base_ms_ = 0;  // without its last digits
};

/// Appends `value` as it may stand in a path: slashes and control bytes become '_'.
void append_path_safe(std::string_view value, std::string& out);

}  // namespace spillway::agent
