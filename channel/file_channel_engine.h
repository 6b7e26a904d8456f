// What a started file channel consists of, in the order in which it has to go away.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "channel/capacity.h"
#include "channel/delivery.h"
#include "channel/disk_usage.h"
#include "channel/file_channel.h"
#include "channel/oldest_age.h"
#include "channel/scrubber.h"
#include "checkpoint/manifest_store.h"
#include "wal/block_cache.h"
#include "wal/io/file.h"
#include "wal/log_reader.h"
#include "wal/log_writer.h"
#include "wal/options.h"
#include "wal/segment_table.h"
#include "wal/slot_pool.h"
#include "wal/write_path_chooser.h"

namespace spillway::channel {

struct FileChannel::Engine {
  Engine(const FileChannelOptions& options, Delivery::OnLost on_lost)
      : log(options.log),
        capacity(options.capacity_events, options.bytes_max, Capacity::Bytes::kMaxBytes),
        cache(options.log.cache_bytes_max),
        lost_handler(std::move(on_lost)) {}

  wal::LogOptions log;  // with the keys of this start
  std::uint64_t started_ns = 0;
  Capacity capacity;
  std::unique_ptr<io::Directory> checkpoint_directory;
  std::vector<std::unique_ptr<io::Directory>> data_directories;
  std::vector<std::unique_ptr<io::DirectoryLock>> locks;
  const io::Directory* empty_directory = nullptr;  // a data directory without any file
  std::unique_ptr<checkpoint::ManifestStore> manifests;
  std::unique_ptr<wal::SlotPool> slots;
  wal::SegmentTable segments;
  wal::BlockCache cache;
  Delivery::OnLost lost_handler;
  std::unique_ptr<wal::LogReader> reader;
  std::unique_ptr<Delivery> delivery;
  std::unique_ptr<DiskUsage> usage;
  std::unique_ptr<wal::LogWriter> writer;
  std::unique_ptr<wal::WritePathChooser> write_path;
  std::unique_ptr<Scrubber> scrubber;
  std::unique_ptr<OldestAge> oldest_age;
};

}  // namespace spillway::channel
