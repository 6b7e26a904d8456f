#include "wal/write_path_chooser.h"

#include <utility>

#include "wal/base/log.h"
#include "wal/write_path_trial.h"

namespace spillway::wal {

WritePathChooser::WritePathChooser(const Log& log, const LogOptions& options,
                                   io::FileSystem& file_system, const Clock& clock)
    : log_(log),
      options_(options),
      file_system_(file_system),
      clock_(clock),
      path_(options.write_path) {}

WritePathChooser::~WritePathChooser() {
  log_.slots.cancel_trial();
}

void WritePathChooser::start() {
  if (options_.write_path != WritePath::kThreads && log_.slots.is_striped()) {
    path_.store(WritePath::kThreads);
    log_info("wal.write_path", "threads keep several writes in flight: there are several disks",
             {{"log", log_.name}});
    return;
  }
  switch (options_.write_path) {
    case WritePath::kThreads:
      return;
    case WritePath::kRing: {
      const Result<void> used = use_ring();
      if (used.has_value()) return;
      path_.store(WritePath::kThreads);
      log_warn("wal.ring_unavailable",
               "there is no io_uring here although it was asked for; threads write instead",
               {{"log", log_.name}, {"error", used.error()}});
      return;
    }
    case WritePath::kAuto:
      if (options_.background == Background::kNone || options_.write_depth_max == 1) {
        path_.store(WritePath::kThreads);
        return;
      }
      log_.slots.set_trial([this](io::File& file, const SlotPool::GoesOn& goes_on) {
        return try_both(file, goes_on);
      });
      return;
  }
}

Result<void> WritePathChooser::use_ring() {
  TRY_ASSIGN(auto queue,
             file_system_.open_write_queue(options_.write_depth_max, options_.block_durability));
  log_.writer.use_queue(std::move(queue));
  return {};
}

bool WritePathChooser::try_both(io::File& file, const SlotPool::GoesOn& goes_on) {
  // A queue belongs to the thread that has used it: the writer thread gets one of its own.
  auto queue = file_system_.open_write_queue(options_.write_depth_max, options_.block_durability);
  if (!queue.has_value()) {
    path_.store(WritePath::kThreads);
    log_info("wal.write_path", "threads keep several writes in flight: there is no io_uring here",
             {{"log", log_.name}, {"reason", queue.error()}});
    return true;
  }
  const auto figures = compare_write_paths(
      file, *queue.value(), clock_,
      {.depth = options_.write_depth_max, .durability = options_.block_durability}, goes_on);
  if (!goes_on()) return false;
  Result<void> used = figures.has_value() ? Result<void>() : figures.error();
  const bool is_ring = used.has_value() && figures.value().is_ring_ahead();
  if (is_ring) used = use_ring();
  path_.store(is_ring && used.has_value() ? WritePath::kRing : WritePath::kThreads);
  if (!used.has_value()) {
    log_info("wal.write_path", "threads keep several writes in flight: the trial has failed",
             {{"log", log_.name}, {"reason", used.error()}});
    return true;
  }
  log_info("wal.write_path",
           is_ring ? "io_uring keeps several writes in flight: it is ahead on this device"
                   : "threads keep several writes in flight: io_uring is not clearly ahead",
           {{"log", log_.name},
            {"ring_mb_per_second", figures.value().ring_bytes_per_second / 1e6},
            {"threads_mb_per_second", figures.value().threads_bytes_per_second / 1e6},
            {"rounds", figures.value().rounds}});
  return true;
}

}  // namespace spillway::wal
