// `static` interceptor: one header with one value for all events.
//
// Source: Flume's StaticInterceptor; unlike `timestamp` and `host` it keeps an existing value.
#include <array>
#include <string>

#include "agent/config.h"
#include "agent/interceptor.h"
#include "agent/registry.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "preserveExisting",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "Whether an event that has the header keeps its value."},
    OptionSpec{.name = "key", .default_value = "key", .help = "Name of the header."},
    OptionSpec{.name = "value", .default_value = "value", .help = "Value of the header."},
};

class StaticInterceptor final : public Interceptor {
 public:
  explicit StaticInterceptor(const Config& config)
      : key_(config.string("key")),
        value_(config.string("value")),
        is_preserving_(config.boolean("preserveExisting")) {}

  Verdict intercept(EventDraft& event) override {
    if (!is_preserving_ || !event.header(key_)) event.set_header(key_, value_);
    return Verdict::kKeep;
  }

 private:
  const std::string key_;
  const std::string value_;
  const bool is_preserving_;
};

std::unique_ptr<Interceptor> create(const ComponentContext&, const Config& config) {
  return std::make_unique<StaticInterceptor>(config);
}

}  // namespace

const InterceptorType kStaticInterceptor{
    .name = "static",
    .java_class = "org.apache.flume.interceptor.StaticInterceptor$Builder",
    .help = "Adds the same header to all events.",
    .options = kOptions,
    .create = create,
};

}  // namespace spillway::agent
