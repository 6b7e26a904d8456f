#include "agent/charset.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "agent/option_value.h"
#include "agent/text_decoder.h"
#include "wal/base/mutex.h"

namespace spillway::agent {
namespace {

/// Valid UTF-8 in a set of one byte each.
void append_bytes(std::string_view utf8, std::uint32_t last, std::string& out) {
  for (std::size_t at = 0; at < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[at]);
    const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    std::uint32_t point = lead;
    if (bytes == 2 && at + 1 < utf8.size()) {
      point = ((lead & 0x1FU) << 6U) | (static_cast<unsigned char>(utf8[at + 1]) & 0x3FU);
    } else if (bytes > 2) {
      point = UINT32_MAX;
    }
    out += point <= last ? static_cast<char>(point) : '?';
    at += bytes;
  }
}

}  // namespace

struct Charset::Converters {
  Converters(TextDecoder fails, TextDecoder replaces, TextEncoder encodes)
      : strict(std::move(fails)), lenient(std::move(replaces)), encoder(std::move(encodes)) {}

  Mutex mutex;
  TextDecoder strict GUARDED_BY(mutex);
  TextDecoder lenient GUARDED_BY(mutex);
  TextEncoder encoder GUARDED_BY(mutex);
  std::string scratch GUARDED_BY(mutex);
};

Result<Charset> Charset::named(std::string_view name) {
  const std::string lower = to_lower(name);
  if (is_encoding_name(lower)) return Charset(encoding_named(lower));
  const auto choices = split_choices(kCharsetChoices);
  if (std::find(choices.begin(), choices.end(), lower) == choices.end()) {
    return Error{.code = Errc::kBadConfig, .what = "unknown character set"};
  }
  TRY_ASSIGN(TextDecoder strict, TextDecoder::create(lower, DecodePolicy::kFail));
  TRY_ASSIGN(TextDecoder lenient, TextDecoder::create(lower, DecodePolicy::kReplace));
  TRY_ASSIGN(TextEncoder encoder, TextEncoder::create(lower));
  Charset charset;
  charset.converters_ =
      std::make_shared<Converters>(std::move(strict), std::move(lenient), std::move(encoder));
  return charset;
}

std::optional<Encoding> Charset::plain() const {
  if (converters_) return std::nullopt;
  return encoding_;
}

std::size_t Charset::newline_bytes() const {
  if (!converters_) return 1;
  const MutexLock lock(converters_->mutex);
  return converters_->strict.newline_bytes();
}

std::size_t Charset::find_newline(std::string_view bytes, std::size_t from) const {
  if (!converters_) return bytes.find('\n', from);
  const MutexLock lock(converters_->mutex);
  return converters_->strict.find_newline(bytes, from);
}

bool Charset::decodes(std::string_view bytes) const {
  if (!converters_) {
    if (encoding_ == Encoding::kIso88591 || is_ascii(bytes)) return true;
    return encoding_ == Encoding::kUtf8 && is_valid_utf8(bytes);
  }
  const MutexLock lock(converters_->mutex);
  converters_->scratch.clear();
  return converters_->strict.decode(bytes, SIZE_MAX, converters_->scratch).has_value();
}

void Charset::append_as_utf8(std::string_view bytes, std::string& out) const {
  if (!converters_) return agent::append_as_utf8(bytes, encoding_, out);
  const MutexLock lock(converters_->mutex);
  static_cast<void>(converters_->lenient.decode(bytes, SIZE_MAX, out));  // cannot fail
}

void Charset::append_encoded(std::string_view utf8, std::string& out) const {
  if (converters_) {
    const MutexLock lock(converters_->mutex);
    out += converters_->encoder.encode(utf8);
    return;
  }
  if (encoding_ == Encoding::kUtf8) {
    out += utf8;
    return;
  }
  append_bytes(utf8, encoding_ == Encoding::kUsAscii ? 0x7F : 0xFF, out);
}

}  // namespace spillway::agent
