// `host` interceptor: this machine's address or name, in a header.
//
// Source: Flume's HostInterceptor: the address of the local host name (useIP) or its canonical
// name. Resolved once, with the first batch; when that fails no header is added, and a line says
// so.
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "agent/config.h"
#include "agent/interceptor.h"
#include "agent/registry.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "preserveExisting",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Whether an event that has the header keeps its value."},
    OptionSpec{.name = "useIP",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "The address; false: the canonical name."},
    OptionSpec{.name = "hostHeader", .default_value = "host", .help = "Name of the header."},
};

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};

/// Numeric address or canonical name of this host; empty when it cannot be told.
std::string local_host(bool is_address) {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_CANONNAME;
  addrinfo* found = nullptr;
  if (::getaddrinfo(name.data(), nullptr, &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
  if (!is_address) return found->ai_canonname == nullptr ? name.data() : found->ai_canonname;
  const addrinfo* chosen = found;  // Java prefers IPv4
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    if (at->ai_family != AF_INET) continue;
    chosen = at;
    break;
  }
  std::array<char, NI_MAXHOST> text{};
  const int status = ::getnameinfo(chosen->ai_addr, chosen->ai_addrlen, text.data(),
                                   static_cast<socklen_t>(text.size()), nullptr, 0, NI_NUMERICHOST);
  return status == 0 ? text.data() : std::string{};
}

class HostInterceptor final : public Interceptor {
 public:
  HostInterceptor(std::string name, const Config& config)
      : name_(std::move(name)),
        header_(config.string("hostHeader")),
        is_preserving_(config.boolean("preserveExisting")),
        is_address_(config.boolean("useIP")) {}

  Result<void> begin_batch() override {
    std::call_once(resolved_, [this] {
      host_ = local_host(is_address_);
      if (!host_.empty()) return;
      log_warn("interceptor.host_unknown",
               "the name of this host does not resolve: events get no host header",
               {{"interceptor", name_}});
    });
    return {};
  }

  Verdict intercept(EventDraft& event) override {
    if (host_.empty() || (is_preserving_ && event.header(header_))) return Verdict::kKeep;
    event.set_header(header_, host_);
    return Verdict::kKeep;
  }

 private:
  const std::string name_;
  const std::string header_;
  const bool is_preserving_;
  const bool is_address_;
  std::once_flag resolved_;
  std::string host_;  // by call_once
};

std::unique_ptr<Interceptor> create(const ComponentContext& context, const Config& config) {
  return std::make_unique<HostInterceptor>(context.name, config);
}

}  // namespace

const InterceptorType kHostInterceptor{
    .name = "host",
    .java_class = "org.apache.flume.interceptor.HostInterceptor$Builder",
    .help = "Adds the address or the name of this host.",
    .options = kOptions,
    .create = create,
};

}  // namespace spillway::agent
