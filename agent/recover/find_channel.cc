#include "agent/recover/find_channel.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "agent/agent_config.h"
#include "agent/channels/file_channel_dirs.h"
#include "agent/recover/repair_journal.h"
#include "checkpoint/manifest_store.h"
#include "wal/slot_pool.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNameThem =
    "name the directories with --checkpoint-dir and --data-dirs, or with -f and -n";

std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    entries.push_back(at->path());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool names_directory(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool has_manifest(const fs::path& directory) {
  std::error_code ignored;
  return fs::is_regular_file(directory / checkpoint::kManifestName, ignored);
}

bool has_slots(const fs::path& directory) {
  const auto entries = entries_of(directory);
  return std::any_of(entries.begin(), entries.end(), [](const fs::path& entry) {
    return wal::parse_slot_name(entry.filename().string()).has_value();
  });
}

// Flume's FileChannel: log-<n> with log-<n>.meta, or checkpoint with inflighttakes.
bool is_flume(const fs::path& directory) {
  const auto entries = entries_of(directory);
  return std::any_of(entries.begin(), entries.end(), [](const fs::path& entry) {
    const std::string name = entry.filename().string();
    return name == "inflighttakes" || (name.starts_with("log-") && name.ends_with(".meta"));
  });
}

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// `data` below `parent`, or else every data…
std::vector<std::string> data_dirs_below(const fs::path& parent) {
  if (has_slots(parent / "data")) return {(parent / "data").string()};
  std::vector<std::string> found;
  for (const fs::path& entry : entries_of(parent)) {
    const bool is_data = entry.filename().string().starts_with("data") && names_directory(entry);
    if (is_data && has_slots(entry)) found.push_back(entry.string());
  }
  return found;
}

fs::path parent_of(const fs::path& directory) {
  // `.` has no parent by name.
  std::error_code ignored;
  const fs::path absolute = fs::weakly_canonical(directory, ignored);
  return directory.has_parent_path() && directory.filename() != "." && directory.filename() != ".."
             ? directory.parent_path()
             : absolute.parent_path();
}

Refusal unknown_data(const std::string& checkpoint_dir, const fs::path& parent) {
  return {.reason = fmt::format("{} has a manifest, but no data directory was found: there are no "
                                "slot files in it, nor in {}. Is a disk not mounted? If the data "
                                "is elsewhere, {}",
                                checkpoint_dir, (parent / "data").string(), kNameThem)};
}

Refusal not_a_channel(const fs::path& directory) {
  for (const fs::path& at : {directory, directory / "checkpoint", directory / "data"}) {
    if (!is_flume(at)) continue;
    return {.reason = fmt::format("{} belongs to a file channel of Apache Flume, not of Spillway",
                                  at.string())};
  }
  return {.reason = fmt::format("{} is not a channel directory: there is no manifest and no "
                                "slot-*.seg in it, in its checkpoint directory or in its data "
                                "directory; {}",
                                directory.string(), kNameThem)};
}

std::string no_manifest_in(const std::string& directory) {
  return fmt::format("no manifest in {}; if the checkpoint directory is elsewhere, {}", directory,
                     kNameThem);
}

// `directory` is the parent of both kinds.
std::optional<Refusal> find_below(const fs::path& directory, ChannelDirs& dirs) {
  const fs::path checkpoint = directory / "checkpoint";
  dirs.data_dirs = data_dirs_below(directory);
  if (dirs.data_dirs.empty() && has_slots(checkpoint)) dirs.data_dirs = {checkpoint.string()};
  if (dirs.data_dirs.empty()) {
    return has_manifest(checkpoint) ? unknown_data(checkpoint.string(), directory)
                                    : not_a_channel(directory);
  }
  dirs.checkpoint_dir = names_directory(checkpoint) ? checkpoint.string() : dirs.data_dirs.front();
  if (!has_manifest(checkpoint)) dirs.notes.push_back(no_manifest_in(dirs.checkpoint_dir));
  return std::nullopt;
}

std::optional<Refusal> find_from_directory(const std::string& name, ChannelDirs& dirs) {
  const std::string directory = without_trailing_slash(name);
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    return Refusal{
        .reason = fmt::format("{}: {}", directory, error ? error.message() : "is not a directory")};
  }
  static_cast<void>(fs::directory_iterator(directory, error));
  if (error) return Refusal{.reason = fmt::format("{}: {}", directory, error.message())};

  const fs::path parent = parent_of(directory);
  if (has_manifest(directory)) {
    dirs.checkpoint_dir = directory;
    dirs.data_dirs =
        has_slots(directory) ? std::vector<std::string>{directory} : data_dirs_below(parent);
    if (dirs.data_dirs.empty()) return unknown_data(directory, parent);
    return std::nullopt;
  }
  if (!has_slots(directory)) return find_below(directory, dirs);
  // A data directory.
  dirs.data_dirs = data_dirs_below(parent);
  if (std::find(dirs.data_dirs.begin(), dirs.data_dirs.end(), directory) == dirs.data_dirs.end()) {
    dirs.data_dirs = {directory};
  }
  if (has_manifest(parent / "checkpoint")) {
    dirs.checkpoint_dir = (parent / "checkpoint").string();
    return std::nullopt;
  }
  dirs.checkpoint_dir = directory;
  dirs.data_dirs = {directory};
  dirs.notes.push_back(no_manifest_in(directory));
  return std::nullopt;
}

bool has_directories(const ChannelConfig& channel) {
  return channel.type != nullptr && find_option(channel.type->options, "checkpointDir") != nullptr;
}

std::optional<Refusal> find_from_config(const ChannelPlace& place, ChannelDirs& dirs) {
  const LoadedAgent loaded = load_agent_config(place.config_files, place.agent_name);
  std::vector<std::string> names;
  const ChannelConfig* chosen = nullptr;
  for (const ChannelConfig& channel : loaded.agent.channels) {
    if (!has_directories(channel)) continue;
    names.push_back(channel.name);
    if (place.channel_name.empty() || channel.name == place.channel_name) chosen = &channel;
  }
  const bool is_ambiguous = place.channel_name.empty() && names.size() > 1;
  if (is_ambiguous) {
    return Refusal{
        .exit_code = kExitBadUsage,
        .reason = fmt::format("agent {} has several file channels; choose one with -c: {}",
                              place.agent_name, fmt::join(names, ", "))};
  }
  if (chosen == nullptr) {
    // Mistakes elsewhere in the file are not worth a refusal at 3 a.m.; here they may be why.
    std::string reason;
    for (const ConfigProblem& problem : loaded.problems) {
      if (!problem.is_notice) reason += to_string(problem) + "\n";
    }
    reason += fmt::format("agent {} has no usable file channel{}{}", place.agent_name,
                          place.channel_name.empty() ? "" : " ", place.channel_name);
    return Refusal{.exit_code = kExitBadConfig, .reason = reason};
  }
  auto found = file_channel_dirs(chosen->config);
  if (!found.has_value()) {
    return Refusal{.exit_code = kExitBadConfig, .reason = to_string(found.error())};
  }
  auto encryption = read_encryption(chosen->config);
  if (!encryption.has_value()) {
    dirs.notes.push_back("no keys: " + to_string(encryption.error()));
  } else {
    dirs.encryption = std::move(encryption.value());
  }
  dirs.checkpoint_dir = std::move(found.value().checkpoint_dir);
  dirs.data_dirs = std::move(found.value().data_dirs);
  return std::nullopt;
}

// The same directory may be written in two ways; its slot files would be there twice.
void drop_repeated(std::vector<std::string>& paths) {
  std::vector<std::string> once;
  for (const std::string& path : paths) {
    const bool is_known = std::any_of(once.begin(), once.end(), [&](const std::string& other) {
      std::error_code ignored;
      return path == other || fs::equivalent(path, other, ignored);
    });
    if (!is_known) once.push_back(path);
  }
  paths = std::move(once);
}

std::optional<Refusal> check_named(const ChannelDirs& dirs) {
  std::vector<std::string> all = dirs.data_dirs;
  all.push_back(dirs.checkpoint_dir);
  bool is_empty = true;
  for (const std::string& path : all) {
    if (!names_directory(path)) {
      return Refusal{.reason = fmt::format("{} is not a directory, or is not there: is its disk "
                                           "mounted?",
                                           path)};
    }
    is_empty = is_empty && !has_manifest(path) && !has_slots(path);
  }
  if (is_empty) return not_a_channel(dirs.checkpoint_dir);
  return std::nullopt;
}

// While its files are exchanged, a channel is known by the journal in its checkpoint directory.
bool find_unfinished_repair(const std::string& name, ChannelDirs& dirs) {
  const std::string directory = without_trailing_slash(name);
  const std::string below = (fs::path(directory) / "checkpoint").string();
  const std::string beside = (parent_of(directory) / "checkpoint").string();
  if (has_repair_journal(directory)) {
    dirs.checkpoint_dir = directory;
  } else if (has_repair_journal(below)) {
    dirs.checkpoint_dir = below;
  } else if (is_under_repair(beside, directory)) {
    dirs.checkpoint_dir = beside;
  } else {
    return false;
  }
  dirs.has_unfinished_repair = true;
  return true;
}

}  // namespace

std::optional<Refusal> find_channel(const ChannelPlace& place, ChannelDirs& dirs) {
  if (!place.directory.empty()) {
    if (find_unfinished_repair(place.directory, dirs)) return std::nullopt;
    return find_from_directory(place.directory, dirs);
  }
  if (place.checkpoint_dir.empty() && !place.config_files.empty()) {
    if (auto refusal = find_from_config(place, dirs)) return refusal;
  } else {
    dirs.checkpoint_dir = without_trailing_slash(place.checkpoint_dir);
    for (const std::string& path : place.data_dirs) {
      dirs.data_dirs.push_back(without_trailing_slash(path));
    }
  }
  drop_repeated(dirs.data_dirs);
  dirs.has_unfinished_repair = has_repair_journal(dirs.checkpoint_dir);
  return dirs.has_unfinished_repair ? std::nullopt : check_named(dirs);
}

bool lies_in(const ChannelDirs& dirs, const std::string& path) {
  std::error_code ignored;
  const fs::path target = fs::weakly_canonical(path, ignored);
  const auto contains = [&](const std::string& directory) {
    const fs::path parent = fs::weakly_canonical(directory, ignored);
    return std::mismatch(parent.begin(), parent.end(), target.begin(), target.end()).first ==
           parent.end();
  };
  return contains(dirs.checkpoint_dir) ||
         std::any_of(dirs.data_dirs.begin(), dirs.data_dirs.end(), contains);
}

}  // namespace spillway::agent::recover
