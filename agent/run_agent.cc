#include "agent/run_agent.h"

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "agent/agent.h"
#include "agent/cli.h"
#include "agent/pipeline_builder.h"
#include "agent/signal_watcher.h"
#include "wal/base/clock.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

// What the signals of one run ask for, in their order.
class SignalPolicy {
 public:
  SignalPolicy(Agent& agent, StopSignal& stop) : agent_(agent), stop_(stop) {}

  void handle(int signal) {
    if (signal == SIGHUP) {
      log_warn("agent.reload_unsupported", "reloading the configuration is not supported yet");
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

int run_agent(const AgentConfig& config, const AgentOptions& options) {
  SignalWatcher signals;  // before any thread
  const SystemClock clock;
  BuiltPipeline built = build_pipeline(config, clock);
  if (!built.problems.empty()) {
    print_problems(built.problems);
    return kExitBadConfig;
  }

  Agent agent(std::move(built.pipeline), clock, {.seed = clock.monotonic_ns()});
  const MetricsRegistry registry(agent, clock);
  StatusServer server(registry, options.status.value_or(StatusServerOptions{}), &agent);
  Supervisor monitor(clock, BackoffOptions{}, clock.monotonic_ns());
  StopSignal stop;
  SignalPolicy policy(agent, stop);
  const auto watching = signals.start([&policy](int signal) { policy.handle(signal); });
  if (!watching.has_value()) {
    log_error("agent.signals_unavailable", "cannot watch signals", {{"error", watching.error()}});
    return kExitFailed;
  }

  log_info("agent.starting", "the agent starts", {{"agent", config.name}});
  if (options.status.has_value()) supervise_status(monitor, server);
  agent.start();
  stop.wait();
  agent.stop(options.drain_max);
  monitor.stop();
  server.stop();
  signals.stop();  // refers to what is destroyed next
  log_info("agent.stopped", "the agent has stopped", {{"agent", config.name}});
  return kExitFine;
}

}  // namespace spillway::agent
