#include "agent/recover/repair_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "agent/recover/directory_swap.h"
#include "agent/recover/plain_words.h"
#include "agent/recover/status_report.h"
#include "wal/base/clock.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;

void count_files(RepairPlan& plan) {
  for (const std::string& directory : plan.directories) {
    std::error_code error;
    for (fs::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
      std::error_code ignored;
      if (!is_channel_file(at->path().filename().string()) || !at->is_regular_file(ignored)) {
        continue;
      }
      ++plan.files_aside;
      plan.bytes_aside += at->file_size(ignored);
    }
  }
}

}  // namespace

std::vector<std::string> repair_directories(const ChannelDirs& dirs) {
  std::vector<std::string> paths;
  const auto add = [&paths](const std::string& path) {
    std::error_code ignored;
    const std::string absolute = fs::weakly_canonical(path, ignored).string();
    if (std::find(paths.begin(), paths.end(), absolute) == paths.end()) paths.push_back(absolute);
  };
  add(dirs.checkpoint_dir);
  for (const std::string& path : dirs.data_dirs) add(path);
  return paths;
}

std::optional<Refusal> plan_repair(const OfflineChannel& channel, const VerifyOptions& options,
                                   RepairPlan& plan) {
  const SystemClock clock;
  const auto status = make_status(channel, clock);
  if (!status.has_value()) return Refusal{.reason = to_string(status.error())};
  if (status.value().state == StatusReport::State::kUnidentified) {
    return Refusal{.reason =
                       "neither the manifest nor any segment header is intact: nothing can "
                       "be kept, so there is nothing to repair. Are these the right "
                       "directories? Keep a copy of them, and give the agent empty ones"};
  }
  auto found = verify_channel(channel, options, clock);
  if (!found.has_value()) return Refusal{.reason = to_string(found.error())};
  plan.found = std::move(found.value());
  plan.foreign_slots = channel.log.untouchable_slots.size();
  plan.directories = repair_directories(channel.dirs);
  if (plan.is_empty()) return std::nullopt;
  auto kept = count_events(channel, {});
  if (!kept.has_value()) return Refusal{.reason = to_string(kept.error())};
  plan.kept = std::move(kept.value());
  count_files(plan);
  return std::nullopt;
}

void print_plan(const RepairPlan& plan, bool is_applied, Output& out) {
  if (plan.is_empty()) {
    out.write("Nothing to repair: all that is stored is as it was written\n");
    return;
  }
  out.write("Found\n");
  for (const Problem& problem : plan.found.problems) print_problem(problem, out);
  if (plan.foreign_slots > 0) {
    out.print("- {} of another channel, or of none that can be identified\n",
              count_in_words(plan.foreign_slots, "slot file"));
  }
  out.print("Keeps     {} that wait, in their order\n", count_in_words(plan.kept.events, "event"));
  if (plan.kept.losses.empty()) {
    out.write("Loses     no event\n");
  } else {
    out.print("Loses     {} that cannot be read\n", count_in_words(plan.kept.lost_events, "event"));
    for (const std::string& loss : plan.kept.losses) out.print("          {}", loss);
  }
  out.print("Aside     {} with {}: all of the originals, in a directory {}<time> in each of\n",
            count_in_words(plan.files_aside, "file"), size_in_words(plan.bytes_aside),
            kAsidePrefix);
  for (const std::string& directory : plan.directories) out.print("          {}\n", directory);
  if (is_applied) return;
  if (lacks_files(plan.found.channel->log)) {
    out.write(
        "First     find the missing slot files: is a data disk not mounted? Afterwards they "
        "cannot be put back\n");
  }
  out.write(
      "Next      nothing has been changed. An agent would start on the directories as they "
      "are and skip what is damaged;\n          the same command with --apply makes them "
      "clean\n");
}

}  // namespace spillway::agent::recover
