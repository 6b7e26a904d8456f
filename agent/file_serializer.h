// FileSerializer: events as the contents of a file, in one of Flume's forms.
//
// One per file: text, header_and_text, or an Avro container file. The sink owns the file, decides
// when to write, and writes a batch as one piece that ends where a reader can stop.
// Source: Flume user guide, "Event Serializers".
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "agent/avro_codec.h"
#include "agent/config.h"
#include "channel/event.h"
#include "wal/base/result.h"

namespace spillway::agent {

/// Immutable; thread-safe.
class FileSerializerOptions {
 public:
  /// Names accepted for a `serializer` option, as OptionSpec::choices.
  static constexpr std::string_view kChoices =
      "text|header_and_text|avro_event|"
      "org.apache.flume.serialization.bodytexteventserializer$builder|"
      "org.apache.flume.serialization.headerandbodytexteventserializer$builder|"
      "org.apache.flume.serialization.flumeeventavroeventserializer$builder";

  /// From `<prefix>serializer` and the keys below it. kUnsupported: a codec this build lacks.
  static Result<FileSerializerOptions> read(const Config& config, std::string_view prefix);

  [[nodiscard]] bool is_avro() const { return is_avro_; }

 private:
  friend class FileSerializer;

  std::string name_;
  bool is_avro_ = false;
  bool appends_newline_ = true;
  AvroCodec codec_;
  std::size_t block_bytes_ = 0;
};

/// Not thread-safe.
class FileSerializer {
 public:
  FileSerializer() = default;
  FileSerializer(const FileSerializer&) = delete;
  FileSerializer& operator=(const FileSerializer&) = delete;
  virtual ~FileSerializer() = default;

  static std::unique_ptr<FileSerializer> create(const FileSerializerOptions& options);

  /// What the file begins with.
  virtual void begin(std::string& /*out*/) {}
  virtual void append(const channel::EventView& event, std::string& out) = 0;
  /// Ends what append() has begun: `out` is then whole.
  virtual void end_batch(std::string& /*out*/) {}
};

}  // namespace spillway::agent
