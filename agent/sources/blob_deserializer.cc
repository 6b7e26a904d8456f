// Deserializer `BlobDeserializer`: a whole file is one event, or several of maxBlobLength.
#include "agent/sources/deserializer.h"

namespace spillway::agent {
namespace {

class BlobDeserializer final : public Deserializer {
 public:
  BlobDeserializer(std::size_t bytes_max, SpoolInput& input)
      : bytes_max_(bytes_max), input_(input) {}

  Result<std::optional<Event>> next() override {
    TRY_ASSIGN(std::string_view blob, input_.peek(bytes_max_));
    if (blob.empty()) return std::optional<Event>();
    if (blob.size() > bytes_max_) ++cut_count_;
    blob = blob.substr(0, bytes_max_);
    input_.skip(blob.size());
    return std::optional<Event>(Event{.body = blob});
  }

  [[nodiscard]] std::uint64_t offset() const override { return input_.offset(); }

 private:
  const std::size_t bytes_max_;
  SpoolInput& input_;
};

}  // namespace

Result<std::unique_ptr<Deserializer>> make_blob_deserializer(const DeserializerOptions& options,
                                                             SpoolInput& input,
                                                             std::uint64_t offset) {
  input.seek(offset);
  return std::unique_ptr<Deserializer>(
      std::make_unique<BlobDeserializer>(options.blob_bytes_max, input));
}

}  // namespace spillway::agent
