#include "tests/support/json_value.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

namespace spillway::test {

using nlohmann::json;

JsonValue::JsonValue() : value_(std::make_shared<const json>()) {}

JsonValue::JsonValue(std::shared_ptr<const json> value, std::string place)
    : value_(std::move(value)), place_(std::move(place)) {}

JsonValue JsonValue::parse(std::string_view text) {
  auto value = std::make_shared<const json>(json::parse(text, nullptr, /*allow_exceptions=*/false));
  if (value->is_discarded()) {
    ADD_FAILURE() << "not JSON: " << text;
    return {};
  }
  return {std::move(value), ""};
}

JsonValue JsonValue::part(const json& value, const std::string& step) const {
  return {std::shared_ptr<const json>(value_, &value), place_ + "/" + step};
}

bool JsonValue::expect(bool holds, std::string_view what) const {
  if (!holds) {
    ADD_FAILURE() << (place_.empty() ? "the JSON" : place_) << " is not " << what << ": " << dump();
  }
  return holds;
}

JsonValue JsonValue::operator[](const std::string& key) const {
  if (!expect(contains(key), "an object with \"" + key + "\"")) return {};
  return part(value_->at(key), key);
}

JsonValue JsonValue::operator[](std::size_t index) const {
  const bool is_there = value_->is_array() && index < value_->size();
  if (!expect(is_there, "an array with [" + std::to_string(index) + "]")) return {};
  return part(value_->at(index), std::to_string(index));
}

bool JsonValue::contains(const std::string& key) const {
  return value_->contains(key);
}

std::vector<std::string> JsonValue::keys() const {
  std::vector<std::string> keys;
  if (!expect(is_object(), "an object")) return keys;
  for (const auto& item : value_->items()) keys.push_back(item.key());
  return keys;
}

std::size_t JsonValue::size() const {
  return value_->size();
}

bool JsonValue::is_null() const {
  return value_->is_null();
}

bool JsonValue::is_string() const {
  return value_->is_string();
}

bool JsonValue::is_object() const {
  return value_->is_object();
}

std::int64_t JsonValue::integer() const {
  return expect(value_->is_number_integer(), "an integer") ? value_->get<std::int64_t>() : 0;
}

double JsonValue::number() const {
  return expect(value_->is_number(), "a number") ? value_->get<double>() : 0;
}

std::string JsonValue::string() const {
  return expect(value_->is_string(), "a string") ? value_->get<std::string>() : std::string{};
}

std::string JsonValue::dump() const {
  return value_->dump(2, ' ', false, json::error_handler_t::replace);
}

bool JsonValue::equals(const JsonValue& other) const {
  return *value_ == *other.value_;
}

bool JsonValue::equals_string(std::string_view text) const {
  return *value_ == json(text);
}

bool JsonValue::equals_bool(bool is_true) const {
  return *value_ == json(is_true);
}

bool JsonValue::equals_number(double number) const {
  return *value_ == json(number);
}

bool JsonValue::equals_integer(std::int64_t number) const {
  if (number >= 0) return equals_unsigned(static_cast<std::uint64_t>(number));
  // The library itself takes -1 and 2^64 - 1 for equal.
  return value_->is_number_integer() && !value_->is_number_unsigned() &&
         value_->get<std::int64_t>() == number;
}

bool JsonValue::equals_unsigned(std::uint64_t number) const {
  return value_->is_number_unsigned() && value_->get<std::uint64_t>() == number;
}

void JsonValue::print(std::ostream& out) const {
  out << dump();
}

}  // namespace spillway::test
