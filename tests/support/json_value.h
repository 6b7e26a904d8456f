// A JSON text to look into, for tests. Only json_value.cc includes the JSON library: it takes
// several times as long to compile as a test does.
//
// Looking up what is not there, or reading a value as what it is not, is a failure of the test that
// names the place and what stands there; the answer is null, zero or empty then.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace spillway::test {

/// A value within a parsed text, which lives as long as any of its values. Compares to booleans,
/// numbers, strings and nullptr as they are.
class JsonValue {
 public:
  /// Null.
  JsonValue();
  /// Null, and a failure, when `text` is not one JSON value.
  [[nodiscard]] static JsonValue parse(std::string_view text);

  [[nodiscard]] JsonValue operator[](const std::string& key) const;
  [[nodiscard]] JsonValue operator[](std::size_t index) const;
  [[nodiscard]] bool contains(const std::string& key) const;
  /// Of an object, sorted.
  [[nodiscard]] std::vector<std::string> keys() const;
  /// Of an array or object; 0 for null.
  [[nodiscard]] std::size_t size() const;

  [[nodiscard]] bool is_null() const;
  [[nodiscard]] bool is_object() const;
  [[nodiscard]] bool is_string() const;
  [[nodiscard]] std::int64_t integer() const;
  [[nodiscard]] double number() const;
  [[nodiscard]] std::string string() const;
  /// The value as indented text.
  [[nodiscard]] std::string dump() const;

  friend bool operator==(const JsonValue& left, const JsonValue& right) {
    return left.equals(right);
  }
  friend bool operator==(const JsonValue& left, std::nullptr_t) { return left.is_null(); }
  friend bool operator==(const JsonValue& left, std::string_view right) {
    return left.equals_string(right);
  }
  template <typename Number>
  requires std::is_arithmetic_v<Number>
  friend bool operator==(const JsonValue& left, Number right) {
    if constexpr (std::same_as<Number, bool>) {
      return left.equals_bool(right);
    } else if constexpr (std::is_floating_point_v<Number>) {
      return left.equals_number(static_cast<double>(right));
    } else if constexpr (std::is_signed_v<Number>) {
      return left.equals_integer(static_cast<std::int64_t>(right));
    } else {
      return left.equals_unsigned(static_cast<std::uint64_t>(right));
    }
  }
  friend void PrintTo(const JsonValue& value, std::ostream* out) { value.print(*out); }

 private:
  JsonValue(std::shared_ptr<const nlohmann::json> value, std::string place);
  [[nodiscard]] JsonValue part(const nlohmann::json& value, const std::string& step) const;
  [[nodiscard]] bool expect(bool holds, std::string_view what) const;
  [[nodiscard]] bool equals(const JsonValue& other) const;
  [[nodiscard]] bool equals_string(std::string_view text) const;
  [[nodiscard]] bool equals_bool(bool is_true) const;
  [[nodiscard]] bool equals_number(double number) const;
  [[nodiscard]] bool equals_integer(std::int64_t number) const;
  [[nodiscard]] bool equals_unsigned(std::uint64_t number) const;
  void print(std::ostream& out) const;

  std::shared_ptr<const nlohmann::json> value_;  // owns the whole text's tree
  std::string place_;                            // from the root, such as /rows/0/ratio
};

}  // namespace spillway::test
