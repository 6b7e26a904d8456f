#include "agent/avro_schema.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace spillway::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaDepthMax = 200;
constexpr int kValueDepthMax = 1'000;

constexpr std::uint64_t kCrcEmpty = 0xC15D213AA4D7A795U;

constexpr std::array<std::uint64_t, 256> make_crc_table() {
  std::array<std::uint64_t, 256> table{};
  for (std::uint64_t i = 0; i < table.size(); ++i) {
    std::uint64_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) * kCrcEmpty);
    table[i] = value;
  }
  return table;
}

constexpr auto kCrcTable = make_crc_table();

std::string_view text_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

}  // namespace

/// Builds nodes and canonical form in one walk over the JSON.
class AvroSchemaReader {
 public:
  using Type = AvroSchema::Type;

  explicit AvroSchemaReader(AvroSchema& schema) : schema_(schema) {}

  /// The node for `json`; nullopt when it is no schema.
  std::optional<std::size_t> read(const Json& json, const std::string& space) {
    if (++depth_ > kSchemaDepthMax) return std::nullopt;
    const auto node = read_any(json, space);
    --depth_;
    return node;
  }

 private:
  std::optional<std::size_t> read_any(const Json& json, const std::string& space) {
    if (json.is_string()) return read_name(json.get_ref<const std::string&>(), space);
    if (json.is_array()) return read_union(json, space);
    if (!json.is_object()) return std::nullopt;
    const auto type = json.find("type");
    if (type == json.end()) return std::nullopt;
    if (!type->is_string()) return read(*type, space);  // {"type": {"type": …}}
    const auto& name = type->get_ref<const std::string&>();
    if (name == "record" || name == "error") return read_record(json, space);
    if (name == "enum") return read_enum(json, space);
    if (name == "fixed") return read_fixed(json, space);
    if (name == "array") return read_elements(json, "items", Type::kArray, space);
    if (name == "map") return read_elements(json, "values", Type::kMap, space);
    return read_name(name, space);
  }

  std::optional<std::size_t> read_name(const std::string& name, const std::string& space) {
    static const std::map<std::string, Type, std::less<>> kPrimitives{
        {"null", Type::kNull},   {"boolean", Type::kBoolean}, {"int", Type::kInt},
        {"long", Type::kInt},    {"float", Type::kFloat},     {"double", Type::kDouble},
        {"bytes", Type::kBytes}, {"string", Type::kBytes}};
    const auto primitive = kPrimitives.find(name);
    if (primitive != kPrimitives.end()) {
      put_quoted(name);
      return add(primitive->second);
    }
    const bool is_full = space.empty() || name.find('.') != std::string::npos;
    auto known = named_.find(is_full ? name : space + "." + name);
    if (known == named_.end()) known = named_.find(name);
    if (known == named_.end()) return std::nullopt;
    put_quoted(known->first);
    return known->second;
  }

  std::optional<std::size_t> read_union(const Json& json, const std::string& space) {
    const std::size_t node = add(Type::kUnion);
    put('[');
    for (const Json& branch : json) {
      if (&branch != &json.front()) put(',');
      const auto child = read(branch, space);
      if (!child) return std::nullopt;
      schema_.nodes_[node].children.push_back(*child);
    }
    put(']');
    return node;
  }

  std::optional<std::size_t> read_elements(const Json& json, const char* key, Type type,
                                           const std::string& space) {
    const auto element = json.find(key);
    if (element == json.end()) return std::nullopt;
    const std::size_t node = add(type);
    put(type == Type::kArray ? R"({"type":"array","items":)" : R"({"type":"map","values":)");
    const auto child = read(*element, space);
    if (!child) return std::nullopt;
    schema_.nodes_[node].children.push_back(*child);
    put('}');
    return node;
  }

  std::optional<std::size_t> read_record(const Json& json, const std::string& space) {
    const auto fields = json.find("fields");
    const auto node = begin_named(json, Type::kRecord, space);
    if (!node || fields == json.end() || !fields->is_array()) return std::nullopt;
    const std::string inner = space_of_last_named_;
    put(R"("type":"record","fields":[)");
    for (const Json& field : *fields) {
      if (&field != &fields->front()) put(',');
      if (!field.is_object() || !field.contains("type")) return std::nullopt;
      const std::string_view name = text_member(field, "name");
      if (name.empty()) return std::nullopt;
      put(R"({"name":)");
      put_quoted(name);
      put(R"(,"type":)");
      const auto child = read(field["type"], inner);
      if (!child) return std::nullopt;
      schema_.nodes_[*node].children.push_back(*child);
      put('}');
    }
    put("]}");
    return node;
  }

  std::optional<std::size_t> read_enum(const Json& json, const std::string& space) {
    const auto symbols = json.find("symbols");
    const auto node = begin_named(json, Type::kInt, space);
    if (!node || symbols == json.end() || !symbols->is_array()) return std::nullopt;
    put(R"("type":"enum","symbols":[)");
    for (const Json& symbol : *symbols) {
      if (&symbol != &symbols->front()) put(',');
      if (!symbol.is_string()) return std::nullopt;
      put_quoted(symbol.get_ref<const std::string&>());
    }
    put("]}");
    return node;
  }

  std::optional<std::size_t> read_fixed(const Json& json, const std::string& space) {
    const auto size = json.find("size");
    const auto node = begin_named(json, Type::kFixed, space);
    if (!node || size == json.end() || !size->is_number_unsigned()) return std::nullopt;
    schema_.nodes_[*node].size_bytes = size->get<std::uint64_t>();
    put(R"("type":"fixed","size":)");
    put(std::to_string(schema_.nodes_[*node].size_bytes));
    put('}');
    return node;
  }

  // A named type with the opening of its canonical form; its namespace is that of types in it.
  std::optional<std::size_t> begin_named(const Json& json, Type type, const std::string& space) {
    const std::string name(text_member(json, "name"));
    if (name.empty()) return std::nullopt;
    std::string full = name;
    if (name.find('.') == std::string::npos) {
      const std::string own =
          json.contains("namespace") ? std::string(text_member(json, "namespace")) : space;
      if (!own.empty()) full = own + "." + name;
    }
    const std::size_t dot = full.rfind('.');
    space_of_last_named_ = dot == std::string::npos ? std::string() : full.substr(0, dot);
    const std::size_t node = add(type);
    if (!named_.emplace(full, node).second) return std::nullopt;
    put(R"({"name":)");
    put_quoted(full);
    put(',');
    return node;
  }

  std::size_t add(Type type) {
    schema_.nodes_.push_back({.type = type});
    return schema_.nodes_.size() - 1;
  }

  void put(char c) { schema_.canonical_ += c; }
  void put(std::string_view text) { schema_.canonical_ += text; }
  void put_quoted(std::string_view text) {
    put('"');
    put(text);
    put('"');
  }

  AvroSchema& schema_;
  std::map<std::string, std::size_t, std::less<>> named_;
  std::string space_of_last_named_;
  int depth_ = 0;
};

Result<AvroSchema> AvroSchema::parse(std::string_view json) {
  constexpr Error kDamaged{.code = Errc::kCorrupt, .what = "not an Avro schema"};
  const Json parsed = Json::parse(json.begin(), json.end(), nullptr, false);
  if (parsed.is_discarded()) return kDamaged;
  AvroSchema schema;
  const auto root = AvroSchemaReader(schema).read(parsed, "");
  if (!root || *root != 0) return kDamaged;
  return schema;
}

bool AvroSchema::skip_value(AvroInput& input, std::uint64_t& parts_left) const {
  Skip state{.input = input, .parts_left = parts_left};
  return skip(0, state);
}

std::uint64_t AvroSchema::fingerprint() const {
  std::uint64_t value = kCrcEmpty;
  for (const char c : canonical_) {
    value = (value >> 8U) ^ kCrcTable[(value ^ static_cast<unsigned char>(c)) & 0xFFU];
  }
  return value;
}

bool AvroSchema::skip(std::size_t index, Skip& state) const {
  if (state.parts_left == 0 || state.depth == kValueDepthMax) return false;
  --state.parts_left;
  const Node& node = nodes_[index];
  switch (node.type) {
    case Type::kNull:
      return true;
    case Type::kBoolean:
      return state.input.take(1).has_value();
    case Type::kInt:
      return state.input.read_long().has_value();
    case Type::kFloat:
      return state.input.take(4).has_value();
    case Type::kDouble:
      return state.input.take(8).has_value();
    case Type::kBytes:
      return state.input.read_bytes().has_value();
    case Type::kFixed:
      return state.input.take(node.size_bytes).has_value();
    case Type::kArray:
    case Type::kMap:
      return skip_elements(node, state);
    case Type::kRecord:
    case Type::kUnion:
      break;
  }
  ++state.depth;
  bool is_good = true;
  if (node.type == Type::kRecord) {
    for (const std::size_t child : node.children) is_good = is_good && skip(child, state);
  } else {
    const auto branch = state.input.read_long();
    is_good = branch && *branch >= 0 && static_cast<std::size_t>(*branch) < node.children.size() &&
              skip(node.children[static_cast<std::size_t>(*branch)], state);
  }
  --state.depth;
  return is_good;
}

bool AvroSchema::skip_elements(const Node& node, Skip& state) const {
  ++state.depth;
  while (true) {
    const auto count = state.input.read_long();
    if (!count) return false;
    if (*count == 0) break;
    if (*count < 0) {  // then the block says how many bytes it has
      if (!state.input.read_bytes()) return false;
      continue;
    }
    for (std::int64_t i = 0; i < *count; ++i) {
      if (node.type == Type::kMap && !state.input.read_bytes()) return false;
      if (!skip(node.children.front(), state)) return false;
    }
  }
  --state.depth;
  return true;
}

}  // namespace spillway::agent
