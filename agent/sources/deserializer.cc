#include "agent/sources/deserializer.h"

namespace spillway::agent {

Result<std::unique_ptr<Deserializer>> make_deserializer(const DeserializerOptions& options,
                                                        SpoolInput& input, std::uint64_t offset) {
  switch (options.kind) {
    case DeserializerOptions::Kind::kAvro:
      return make_avro_deserializer(options, input, offset);
    case DeserializerOptions::Kind::kBlob:
      return make_blob_deserializer(options, input, offset);
    case DeserializerOptions::Kind::kLine:
      break;
  }
  return make_line_deserializer(options, input, offset);
}

}  // namespace spillway::agent
