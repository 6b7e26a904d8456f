#include "agent/sources/set_aside_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "wal/base/bytes.h"
#include "wal/io/os_error.h"
#include "wal/io/replace_file.h"

namespace spillway::agent {
namespace {

using Json = nlohmann::ordered_json;

bool is_there(const SetAsideFile& file) {
  struct stat status {};
  return ::stat(file.path.c_str(), &status) == 0 && status.st_ino == file.inode;
}

}  // namespace

std::vector<SetAsideFile> parse_set_aside(std::string_view json) {
  std::vector<SetAsideFile> files;
  const Json list = Json::parse(json.begin(), json.end(), nullptr, false);
  if (!list.is_array()) return files;
  for (const Json& entry : list) {
    if (!entry.is_object()) continue;
    const auto path = entry.find("file");
    const auto inode = entry.find("inode");
    if (path == entry.end() || !path->is_string()) continue;
    if (inode == entry.end() || !inode->is_number_unsigned()) continue;
    SetAsideFile file{.path = path->get<std::string>(), .inode = inode->get<std::uint64_t>()};
    const auto accepted = entry.find("accepted_bytes");
    if (accepted != entry.end() && accepted->is_number_unsigned()) {
      file.accepted_bytes = accepted->get<std::uint64_t>();
    }
    const auto reason = entry.find("reason");
    if (reason != entry.end() && reason->is_string()) file.reason = reason->get<std::string>();
    files.push_back(std::move(file));
  }
  return files;
}

std::string format_set_aside(const std::vector<SetAsideFile>& files) {
  Json list = Json::array();
  for (const SetAsideFile& file : files) {
    list.push_back({{"file", file.path},
                    {"inode", file.inode},
                    {"accepted_bytes", file.accepted_bytes},
                    {"reason", file.reason}});
  }
  return list.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<void> SetAsideFiles::load() {
  std::ifstream in(path_, std::ios::binary);
  const std::string json{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.is_open() && in.bad()) {
    return io::os_error(EIO, "cannot read the list of files set aside");
  }
  files_ = parse_set_aside(json);
  forget_gone();
  return {};
}

Result<void> SetAsideFiles::add(SetAsideFile file) {
  forget_gone();
  files_.push_back(std::move(file));
  return io::replace_file(path_, as_bytes(format_set_aside(files_)));
}

bool SetAsideFiles::contains(std::string_view path, std::uint64_t inode) const {
  return std::any_of(files_.begin(), files_.end(), [&](const SetAsideFile& file) {
    return file.inode == inode && file.path == path;
  });
}

void SetAsideFiles::forget_gone() {
  std::erase_if(files_, [](const SetAsideFile& file) { return !is_there(file); });
}

}  // namespace spillway::agent
