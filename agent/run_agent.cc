#include "agent/run_agent.h"

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "agent/agent.h"
#include "agent/cli.h"
#include "agent/open_files.h"
#include "agent/pipeline_builder.h"
#include "agent/reload_log.h"
#include "agent/reloader.h"
#include "agent/secrets.h"
#include "agent/signal_watcher.h"
#include "wal/base/clock.h"
#include "wal/base/log.h"
#include "wal/base/log_secrets.h"

namespace spillway::agent {
namespace {

// What the signals of one run ask for, in their order.
class SignalPolicy {
 public:
  /// `reloader` is nullptr when reloading is switched off.
  SignalPolicy(Agent& agent, Reloader* reloader, StopSignal& stop)
      : agent_(agent), reloader_(reloader), stop_(stop) {}

  void handle(int signal) {
    if (signal == SIGHUP) {
      if (reloader_ != nullptr) {
        reloader_->request();
      } else {
        log_warn("agent.reload_disabled", "reloading is switched off by --no-reload-conf");
      }
      return;
    }
    if (signal == SIGUSR1 || signal == SIGUSR2) {
      agent_.force_spilling(signal == SIGUSR1);
      return;
    }
    ++stops_asked_;
    if (stops_asked_ == 1) {
      log_info("agent.stop_requested", "draining, then stopping", {{"signal", signal}});
      stop_.request();
    } else if (stops_asked_ == 2) {
      log_warn("agent.stop_hurried", "a second signal: stopping without draining",
               {{"signal", signal}});
      agent_.hurry();
    } else {
      log_error("agent.stop_forced", "a third signal: leaving at once", {{"signal", signal}});
      std::_Exit(kExitFailed);
    }
  }

 private:
  Agent& agent_;
  Reloader* const reloader_;
  StopSignal& stop_;
  int stops_asked_ = 0;
};

void print_problems(const std::vector<ConfigProblem>& problems) {
  for (const ConfigProblem& problem : problems) {
    const std::string line = to_string(problem) + "\n";
    static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
  }
}

// An occupied port is no reason not to collect: the port is tried again like any component.
void supervise_status(Supervisor& monitor, StatusServer& server) {
  monitor.add({.kind = ComponentKind::kMonitor, .name = "status", .type = "http"},
              [&server] { return server.start(); }, {});
  monitor.start();
}

}  // namespace

int run_agent(const LoadedAgent& loaded, const AgentOptions& options) {
  const AgentConfig& config = loaded.agent;
  hide_in_log(loaded.secrets);
  SignalWatcher signals;  // before any thread
  const SystemClock clock;
  BuiltPipeline built = build_pipeline(config, clock);
  if (!built.problems.empty()) {
    hide_secrets(loaded.secrets, built.problems);
    print_problems(built.problems);
    return kExitBadConfig;
  }

  Agent agent(std::move(built.pipeline), clock, {.seed = clock.monotonic_ns()});
  ReloadLog reloads;
  const MetricsRegistry registry(agent, clock, &reloads);
  StatusServer server(registry, options.status.value_or(StatusServerOptions{}), &agent);
  Supervisor monitor(clock, BackoffOptions{}, clock.monotonic_ns());
  StopSignal stop;
  const bool can_reload = options.is_reload_enabled && options.load;
  Reloader reloader(agent, config, options.load, reloads, clock,
                    {.files = options.config_files,
                     .poll_interval = std::chrono::seconds(options.poll_interval_seconds),
                     .drain_max = options.drain_max});
  SignalPolicy policy(agent, can_reload ? &reloader : nullptr, stop);
  const auto watching = signals.start([&policy](int signal) { policy.handle(signal); });
  if (!watching.has_value()) {
    log_error("agent.signals_unavailable", "cannot watch signals", {{"error", watching.error()}});
    return kExitFailed;
  }

  log_info("agent.starting", "the agent starts", {{"agent", config.name}});
  if (const auto reason = too_few_open_files(config, raise_open_files())) {
    log_warn("agent.open_files_few", "clients may be turned away", {{"reason", *reason}});
  }
  if (options.status.has_value()) supervise_status(monitor, server);
  agent.start();
  if (can_reload) reloader.start();
  stop.wait();
  reloader.stop();
  agent.stop(options.drain_max);
  monitor.stop();
  server.stop();
  signals.stop();  // refers to what is destroyed next
  log_info("agent.stopped", "the agent has stopped", {{"agent", config.name}});
  return kExitFine;
}

}  // namespace spillway::agent
