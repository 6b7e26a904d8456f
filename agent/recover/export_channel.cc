// The export format that is a channel: an agent can start on it.
#include <filesystem>
#include <system_error>
#include <utility>

#include "agent/recover/channel_copy.h"
#include "agent/recover/export_target.h"
#include "agent/recover/new_file.h"
#include "wal/io/os_error.h"
#include "wal/io/rename_new.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;

class ChannelTarget final : public ExportTarget {
 public:
  ChannelTarget(const std::string& path, std::uint64_t slot_bytes,
                std::shared_ptr<const wal::KeyRing> keys, wal::Bookmarks bookmarks)
      : path_(path),
        partial_(partial_name(path)),
        copy_(std::make_unique<ChannelCopy>(
            ChannelCopy::Place{.checkpoint_dir = partial_ + "/checkpoint",
                               .data_dirs = {partial_ + "/data"}},
            slot_bytes, std::move(keys), std::move(bookmarks))) {}

  ~ChannelTarget() override {
    copy_.reset();
    std::error_code ignored;
    if (is_ours_) fs::remove_all(partial_, ignored);
  }

  Result<void> create() override {
    std::error_code error;
    const bool is_new = fs::create_directory(partial_, error);
    if (error) return io::os_error(error.value(), "cannot create directory");
    if (!is_new) return io::os_error(EEXIST, "cannot create directory");
    is_ours_ = true;
    fs::permissions(partial_, fs::perms(0750), error);
    if (error) return io::os_error(error.value(), "cannot set permissions");
    return copy_->create();
  }
  Result<void> add(wal::Sequence, const channel::EventView& event) override {
    return copy_->add(event);
  }
  Result<void> finish() override { return copy_->finish(); }
  Result<void> publish() override {
    TRY(io::rename_new(partial_, path_));
    is_ours_ = false;
    return {};
  }
  [[nodiscard]] std::uint64_t size_bytes() const override { return copy_->log_bytes(); }

 private:
  const std::string path_;
  const std::string partial_;
  std::unique_ptr<ChannelCopy> copy_;
  bool is_ours_ = false;  // there is something to be removed
};

}  // namespace

std::unique_ptr<ExportTarget> make_channel_target(const std::string& path, std::uint64_t slot_bytes,
                                                  std::shared_ptr<const wal::KeyRing> keys,
                                                  wal::Bookmarks bookmarks) {
  return std::make_unique<ChannelTarget>(path, slot_bytes, std::move(keys), std::move(bookmarks));
}

}  // namespace spillway::agent::recover
