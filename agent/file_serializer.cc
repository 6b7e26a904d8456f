#include "agent/file_serializer.h"

#include "agent/avro_container.h"
#include "agent/avro_file.h"
#include "agent/serializer.h"

namespace spillway::agent {
namespace {

class TextFileSerializer final : public FileSerializer {
 public:
  TextFileSerializer(std::string_view name, bool appends_newline)
      : serializer_(name, appends_newline) {}

  void append(const channel::EventView& event, std::string& out) override {
    serializer_.append(event, out);
  }

 private:
  const Serializer serializer_;
};

class AvroFileSerializer final : public FileSerializer {
 public:
  AvroFileSerializer(const AvroCodec& codec, std::size_t block_bytes)
      : container_(random_avro_marker(), codec, block_bytes) {}

  void begin(std::string& out) override { container_.append_header(out); }
  void append(const channel::EventView& event, std::string& out) override {
    // Of a header that is no UTF-8 the file has U+FFFD: a map of strings cannot hold it.
    static_cast<void>(container_.append(event, out));
  }
  void end_batch(std::string& out) override { container_.append_block(out); }

 private:
  AvroContainer container_;
};

}  // namespace

Result<FileSerializerOptions> FileSerializerOptions::read(const Config& config,
                                                          std::string_view prefix) {
  const std::string key = std::string(prefix) + "serializer";
  FileSerializerOptions options;
  options.name_ = config.string(key);
  options.is_avro_ = options.name_.find("avro") != std::string::npos;
  options.appends_newline_ = config.boolean(key + ".appendNewline");
  options.block_bytes_ = config.bytes(key + ".syncIntervalBytes");
  TRY_ASSIGN(options.codec_, AvroCodec::named(config.string(key + ".compressionCodec")));
  return options;
}

std::unique_ptr<FileSerializer> FileSerializer::create(const FileSerializerOptions& options) {
  if (options.is_avro_) {
    return std::make_unique<AvroFileSerializer>(options.codec_, options.block_bytes_);
  }
  return std::make_unique<TextFileSerializer>(options.name_, options.appends_newline_);
}

}  // namespace spillway::agent
