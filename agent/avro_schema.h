// AvroSchema: as much of an Avro schema as it takes to find the end of a value and to name the
// schema by its fingerprint.
//
// Source: Apache Avro 1.11 specification, "Schema Declaration", "Transforming into Parsing
// Canonical Form", "Schema Fingerprints".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/avro_wire.h"
#include "wal/base/result.h"

namespace spillway::agent {

/// Immutable; thread-safe.
class AvroSchema {
 public:
  /// kCorrupt when `json` is no schema; anything may be given.
  static Result<AvroSchema> parse(std::string_view json);

  /// Moves `input` behind one value. False: it holds none, one nested too deeply, or one of more
  /// parts than `parts_left`, which is what bounds the work: a few bytes can say "a billion times
  /// nothing". Counts down what it took.
  [[nodiscard]] bool skip_value(AvroInput& input, std::uint64_t& parts_left) const;

  /// Enough parts for the values in that many bytes, unless somebody plays tricks.
  static std::uint64_t parts_in(std::size_t bytes) { return 1'000'000 + 64 * std::uint64_t{bytes}; }

  /// The Parsing Canonical Form: equal for schemas that read the same bytes alike. Names stand in
  /// it as they are, as in Java Avro, also those that no JSON text could hold.
  [[nodiscard]] const std::string& canonical() const { return canonical_; }

  /// CRC-64-AVRO of that form.
  [[nodiscard]] std::uint64_t fingerprint() const;

 private:
  friend class AvroSchemaReader;

  enum class Type : std::uint8_t {
    kNull,
    kBoolean,
    kInt,  // and long, enum: one variable-length number
    kFloat,
    kDouble,
    kBytes,  // and string
    kFixed,
    kRecord,
    kUnion,
    kArray,
    kMap,
  };

  struct Node {
    Type type = Type::kNull;
    std::vector<std::size_t> children = {};  // fields, branches, or the one kind of element
    std::uint64_t size_bytes = 0;            // kFixed
  };

  struct Skip {
    AvroInput& input;
    std::uint64_t& parts_left;
    int depth = 0;
  };

  AvroSchema() = default;

  [[nodiscard]] bool skip(std::size_t node, Skip& skip) const;
  [[nodiscard]] bool skip_elements(const Node& node, Skip& skip) const;

  std::vector<Node> nodes_;  // [0] is the schema itself
  std::string canonical_;
};

}  // namespace spillway::agent
