// Deserializer `line`: an event per line, cut at maxLineLength characters. A carriage return before
// the newline belongs to the line, as in Flume.
#include <algorithm>

#include "agent/sources/deserializer.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kBytesPerCharMax = 4;  // of any character set, per UTF-16 unit
constexpr std::string_view kMarkBe = "\xFE\xFF";
constexpr std::string_view kMarkLe = "\xFF\xFE";

class LineDeserializer final : public Deserializer {
 public:
  LineDeserializer(TextDecoder decoder, TextEncoder encoder, std::size_t line_chars_max,
                   SpoolInput& input)
      : decoder_(std::move(decoder)),
        encoder_(std::move(encoder)),
        line_chars_max_(line_chars_max),
        input_(input) {}

  Result<std::optional<Event>> next() override {
    TRY_ASSIGN(const Line line, find_line());
    if (line.bytes.empty() && line.end_bytes == 0) return std::optional<Event>();
    text_.clear();
    const auto decoded = decoder_.decode(line.bytes, line_chars_max_, text_);
    if (!decoded.has_value()) {
      Error error = decoded.error();
      error.at += input_.offset();
      return error;
    }
    const bool is_cut = decoded.value() < line.bytes.size();
    if (is_cut) ++cut_count_;
    input_.skip(is_cut ? decoded.value() : line.bytes.size() + line.end_bytes);
    return std::optional<Event>(Event{.body = encoder_.encode(text_)});
  }

  [[nodiscard]] std::uint64_t offset() const override { return input_.offset(); }

 private:
  struct Line {
    std::string_view bytes;     // without its end; more than a line may have when it is too long
    std::size_t end_bytes = 0;  // 0: at the end of the file, or too long
  };

  Result<Line> find_line() {
    const std::size_t bytes_max = line_chars_max_ * kBytesPerCharMax + kBytesPerCharMax;
    std::size_t scanned = 0;
    for (std::size_t wanted = 1;; wanted = scanned + 1) {
      TRY_ASSIGN(const std::string_view view, input_.peek(wanted));
      const std::size_t end = decoder_.find_newline(view, scanned);
      if (end != std::string_view::npos) {
        return Line{.bytes = view.substr(0, end), .end_bytes = decoder_.newline_bytes()};
      }
      scanned = view.size();
      if (scanned < wanted) return Line{.bytes = view};
      if (scanned > bytes_max) return Line{.bytes = view};
    }
  }

  TextDecoder decoder_;
  TextEncoder encoder_;
  const std::size_t line_chars_max_;
  SpoolInput& input_;
  std::string text_;  // scratch
};

}  // namespace

Result<std::unique_ptr<Deserializer>> make_line_deserializer(const DeserializerOptions& options,
                                                             SpoolInput& input,
                                                             std::uint64_t offset) {
  std::string charset = options.input_charset;
  input.seek(0);
  std::size_t mark_bytes = 0;
  if (charset == "utf-16") {  // the mark at the beginning says which; Java: big endian without
    TRY_ASSIGN(const std::string_view head, input.peek(kMarkBe.size()));
    if (head.starts_with(kMarkLe)) charset = "utf-16le";
    if (head.starts_with(kMarkLe) || head.starts_with(kMarkBe)) mark_bytes = kMarkBe.size();
  }
  TRY_ASSIGN(TextDecoder decoder, TextDecoder::create(charset, options.decode_policy));
  TRY_ASSIGN(TextEncoder encoder, TextEncoder::create(options.output_charset));
  input.seek(std::max<std::uint64_t>(offset, mark_bytes));
  return std::unique_ptr<Deserializer>(std::make_unique<LineDeserializer>(
      std::move(decoder), std::move(encoder), options.line_chars_max, input));
}

}  // namespace spillway::agent
