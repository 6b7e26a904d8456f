// `timestamp` interceptor: when the event passed here, in a header.
//
// Source: Flume's TimestampInterceptor: decimal milliseconds since 1970, an existing value is
// replaced unless told otherwise. The clock is read once per batch.
#include <array>
#include <charconv>
#include <string>

#include "agent/config.h"
#include "agent/interceptor.h"
#include "agent/registry.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{
        .name = "headerName", .default_value = "timestamp", .help = "Header that gets the time."},
    OptionSpec{.name = "preserveExisting",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Whether an event that has the header keeps its value."},
};

class TimestampInterceptor final : public Interceptor {
 public:
  explicit TimestampInterceptor(const Config& config)
      : header_(config.string("headerName")), is_preserving_(config.boolean("preserveExisting")) {}

  Verdict intercept(EventDraft& event) override {
    if (is_preserving_ && event.header(header_)) return Verdict::kKeep;
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), event.wall_ms());
    const std::string_view text(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
    event.set_header(header_, event.keep(text));
    return Verdict::kKeep;
  }

 private:
  const std::string header_;
  const bool is_preserving_;
};

std::unique_ptr<Interceptor> create(const ComponentContext&, const Config& config) {
  return std::make_unique<TimestampInterceptor>(config);
}

}  // namespace

const InterceptorType kTimestampInterceptor{
    .name = "timestamp",
    .java_class = "org.apache.flume.interceptor.TimestampInterceptor$Builder",
    .help = "Adds the time in milliseconds since 1970.",
    .options = kOptions,
    .create = create,
};

}  // namespace spillway::agent
