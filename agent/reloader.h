// Reloader: reads the configuration again when asked or when a file has changed, and has the agent
// go over to it.
//
// A configuration with an error changes nothing. Flume: PollingPropertiesFileConfigurationProvider,
// without the full restart.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "agent/agent.h"
#include "agent/agent_config.h"
#include "agent/reload_log.h"
#include "wal/base/clock.h"
#include "wal/base/mutex.h"

namespace spillway::agent {

struct ReloaderOptions {
  std::vector<std::string> files;              // or web addresses; looked at for changes
  std::chrono::milliseconds poll_interval{0};  // 0: only when asked
  std::chrono::milliseconds drain_max{10000};  // for channels that are left out
};

/// start() and stop() belong to one thread at a time; the rest is thread-safe.
class Reloader {
 public:
  using Load = std::function<LoadedAgent()>;

  /// `running` is what `agent` was built from; `load` reads the files anew. What is referred to
  /// outlives the reloader.
  Reloader(Agent& agent, AgentConfig running, Load load, ReloadLog& log, const Clock& clock,
           ReloaderOptions options);
  ~Reloader() { stop(); }
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  /// Begins to look at the files; changes since construction count.
  void start();

  /// The reload in progress ends as it would; there is no other. Idempotent.
  void stop();

  /// Returns at once; requests that come before it is served are served by one reload.
  void request();

  /// Once, on this thread.
  Reload::Outcome reload();

 private:
  /// What tells one version of a file from another; all zero when there is none. Of what lies at a
  /// web address: its hash, and the former one when it cannot be had.
  struct FileMark {
    std::int64_t changed_ns = 0;
    std::uint64_t inode = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t hash = 0;
    bool operator==(const FileMark&) const = default;
  };

  void run();
  bool wait_for_work();
  [[nodiscard]] std::vector<FileMark> marks() const;
  [[nodiscard]] FileMark mark_of_address(std::size_t index) const;
  Reload attempt() REQUIRES(reload_mutex_);
  static void tell(const Reload& reload);

  Agent& agent_;
  const Load load_;
  ReloadLog& log_;
  const Clock& clock_;
  const ReloaderOptions options_;

  Mutex reload_mutex_;  // held through a reload
  AgentConfig running_ GUARDED_BY(reload_mutex_);

  Mutex mutex_;
  CondVar changed_;
  bool is_requested_ GUARDED_BY(mutex_) = false;
  bool is_stopping_ GUARDED_BY(mutex_) = false;

  std::vector<FileMark> seen_;  // by the constructor, then by the thread
  std::thread thread_;
};

}  // namespace spillway::agent
