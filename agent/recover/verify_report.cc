#include "agent/recover/verify_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "agent/recover/key_report.h"
#include "agent/recover/plain_words.h"

namespace spillway::agent::recover {
namespace {

using checkpoint::Finding;
using checkpoint::ManifestStore;
using wal::Segment;

void add_manifest_problems(const OfflineChannel& channel, std::vector<Problem>& problems) {
  const auto& manifests = channel.manifests;
  for (std::size_t i = 0; i < manifests.states.size(); ++i) {
    if (manifests.states[i] != ManifestStore::SlotState::kDamaged) continue;
    problems.push_back(
        {.kind = "manifest", .words = fmt::format("copy {} of the manifest is damaged", i + 1)});
  }
  const bool is_erased = manifests.newest() != nullptr && manifests.is_damaged && problems.empty();
  if (is_erased) {
    problems.push_back({.kind = "manifest", .words = "one copy of the manifest has been erased"});
  }
  if (manifests.newest() == nullptr && !channel.log.is_new && problems.empty()) {
    problems.push_back({.kind = "manifest", .words = "there is no manifest"});
  }
}

// What reading the segments does not show.
void add_slot_problems(const OfflineChannel& channel, std::vector<Problem>& problems) {
  for (const Finding& finding : channel.log.findings) {
    if (finding.kind != Finding::Kind::kUnreadableHeader) continue;
    problems.push_back({.kind = "slot_header",
                        .slot = finding.slot,
                        .words = "the slot file cannot be identified: both copies of its header "
                                 "are damaged; it may have held a segment"});
  }
}

/// Verifies all segments with several threads; each takes the next one.
class Workers {
 public:
  Workers(const OfflineChannel& channel, Progress& progress)
      : channel_(channel), progress_(progress), verdicts_(channel.log.segments.size()) {}

  void run(std::size_t threads) {
    threads = std::min(threads, verdicts_.size());
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
    work();
    for (std::thread& thread : others) thread.join();
  }

  [[nodiscard]] const Result<SegmentVerdict>& verdict(std::size_t index) const {
    return *verdicts_[index];
  }

 private:
  void work() {
    while (true) {
      const std::size_t index = next_.fetch_add(1);
      if (index >= verdicts_.size()) return;
      verdicts_[index] = verify_segment(channel_, channel_.log.segments[index], progress_);
    }
  }

  const OfflineChannel& channel_;
  Progress& progress_;
  std::vector<std::optional<Result<SegmentVerdict>>> verdicts_;  // each written by one thread
  std::atomic<std::size_t> next_{0};
};

// Between segments that do not touch, others were reclaimed once all in them was acknowledged.
bool check_gap(const checkpoint::RecoveredLog& log, const Segment& before, const Segment& segment,
               std::vector<Problem>& problems) {
  if (before.end_lsn >= segment.first_lsn) return false;
  Problem problem{.kind = "missing_segments", .segment = segment.number, .slot = segment.slot};
  problem.range = {.first_lsn = before.end_lsn,
                   .end_lsn = segment.first_lsn,
                   .entries = {.first = before.end_sequence, .end = segment.first_sequence}};
  problem.lost_events = count_lost(log, problem.range.entries);
  problem.words =
      fmt::format("the segments between {} and this one are not there", before.number.value);
  if (problem.lost_events > 0) problems.push_back(std::move(problem));
  return true;
}

// Each segment names its predecessor and the hash of the last block there.
void check_joint(const Segment& before, const SegmentVerdict& verdict_before,
                 const Segment& segment, const SegmentVerdict& verdict,
                 std::vector<Problem>& problems) {
  if (!verdict.header) return;
  Problem problem{.kind = "broken_chain", .segment = segment.number, .slot = segment.slot};
  problem.range.first_lsn = segment.first_lsn;
  problem.range.end_lsn = segment.first_lsn;
  problem.range.entries = {.first = segment.first_sequence, .end = segment.first_sequence};
  if (verdict.header->predecessor_number != before.number.value) {
    problem.words = fmt::format("the segment follows segment {}, which is not there",
                                verdict.header->predecessor_number);
    problems.push_back(std::move(problem));
    return;
  }
  const bool is_chained =
      !verdict_before.last_hash || *verdict_before.last_hash == verdict.header->predecessor_hash;
  if (is_chained) return;
  problem.words = "the segment before does not end with the block this one follows";
  problems.push_back(std::move(problem));
}

// Recovery and the readers judge alike; should they ever not, nothing may go unsaid.
void add_unmatched_losses(VerifyReport& report) {
  for (const Finding& finding : report.channel->log.findings) {
    if (finding.kind != Finding::Kind::kLost) continue;
    const bool is_known = std::any_of(report.problems.begin(), report.problems.end(),
                                      [&finding](const Problem& problem) {
                                        return problem.range.first_lsn < finding.lost.end_lsn &&
                                               finding.lost.first_lsn < problem.range.end_lsn;
                                      });
    if (is_known) continue;
    report.lost_events += finding.wanted;
    report.problems.push_back({.kind = "damaged_blocks",
                               .segment = finding.segment,
                               .slot = finding.slot,
                               .range = finding.lost,
                               .lost_events = finding.wanted,
                               .words = "recovery cannot read it"});
  }
}

}  // namespace

Result<VerifyReport> verify_channel(const OfflineChannel& channel, const VerifyOptions& options,
                                    const Clock& clock) {
  const std::vector<Segment>& segments = channel.log.segments;
  std::uint64_t total_bytes = 0;
  for (const Segment& segment : segments) total_bytes += bytes_to_verify(segment);

  const std::uint64_t started_ns = clock.monotonic_ns();
  Progress progress({.style = options.progress, .command = "verify"}, total_bytes, clock);
  Workers workers(channel, progress);
  workers.run(options.threads);
  progress.finish();

  VerifyReport report;
  report.channel = &channel;
  report.segments = segments.size();
  report.bytes = progress.done_bytes();
  report.seconds = static_cast<double>(clock.monotonic_ns() - started_ns) / 1e9;
  add_manifest_problems(channel, report.problems);
  add_slot_problems(channel, report.problems);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (!workers.verdict(i).has_value()) return workers.verdict(i).error();
    const SegmentVerdict& verdict = workers.verdict(i).value();
    report.blocks += verdict.blocks;
    report.events += verdict.events;
    report.locked_blocks += verdict.locked_blocks;
    if (i > 0 && !check_gap(channel.log, segments[i - 1], segments[i], report.problems)) {
      check_joint(segments[i - 1], workers.verdict(i - 1).value(), segments[i], verdict,
                  report.problems);
    }
    for (const Problem& problem : verdict.problems) {
      report.lost_events += problem.lost_events;
      report.problems.push_back(problem);
    }
  }
  add_unmatched_losses(report);
  return report;
}

void print_problem(const Problem& problem, Output& out) {
  out.print("! {}: {}\n", problem.kind, problem.words);
  if (problem.slot == 0) return;
  out.print("    {}", wal::slot_name(problem.slot));
  if (problem.segment.value != 0) out.print(", segment {}", problem.segment.value);
  if (problem.range.end_lsn.value != 0) {
    out.print(", LSN {} to {}", problem.range.first_lsn.value, problem.range.end_lsn.value);
  }
  if (!problem.range.entries.is_empty()) {
    out.print(", {}", range_in_words(problem.range.entries));
    if (problem.lost_events == 0) {
      out.write(problem.kind == "broken_chain" ? ": delivered all the same"
                                               : ": delivered before, nothing is lost");
    } else {
      out.print(": LOST {}", count_in_words(problem.lost_events, "event"));
    }
  }
  out.write("\n");
}

void print_verify(const VerifyReport& report, Output& out) {
  for (const Problem& problem : report.problems) print_problem(problem, out);
  for (const Finding& finding : report.channel->log.findings) {
    if (!is_damage(finding.kind)) out.print("- {}\n", finding_in_words(finding));
  }
  if (report.locked_blocks > 0) {
    out.print("- {} encrypted, checked by hash only and not decrypted: the key is missing\n",
              count_in_words(report.locked_blocks, "block"));
    print_keys(*report.channel, out);
  }
  out.print("{}: {}, {}, {}, {} read in {:.1f} s; {}", report.is_clean() ? "clean" : "DAMAGED",
            count_in_words(report.segments, "segment"), count_in_words(report.blocks, "block"),
            count_in_words(report.events, "event"), size_in_words(report.bytes), report.seconds,
            count_in_words(report.problems.size(), "problem"));
  if (report.lost_events > 0) out.print(", LOST {}", count_in_words(report.lost_events, "event"));
  out.write("\n");
}

}  // namespace spillway::agent::recover
