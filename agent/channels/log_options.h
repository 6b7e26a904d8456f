// What channels with a log have in common: the options of that log, and what they mean.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "agent/component.h"
#include "agent/config.h"
#include "channel/file_channel.h"
#include "wal/base/bytes.h"
#include "wal/base/result.h"

namespace spillway::agent {

inline constexpr std::string_view kOneReplay =
    "has no effect: there is one way to recover, and its time does not grow with the backlog";
inline constexpr std::string_view kTwoManifests =
    "has no effect: the checkpoint is small and always kept twice";

inline constexpr std::uint64_t kSegmentBytesMin = 4 * kMiB;  // a few blocks of the largest size

inline constexpr std::array kLogOptions{
    OptionSpec{.name = "checkpointDir",
               .type = OptionType::kPath,
               .default_value = "~/.flume/file-channel/checkpoint",
               .help = "Directory of the checkpoint and of copies of damaged data; created if "
                       "missing."},
    OptionSpec{
        .name = "dataDirs",
        .type = OptionType::kPath,
        .default_value = "~/.flume/file-channel/data",
        .help =
            "Directories of the data files, separated by commas, one per disk; used in parallel."},
    OptionSpec{.name = "checkpointInterval",
               .type = OptionType::kMillis,
               .default_value = "30000",
               .help = "Longest time between two checkpoints.",
               .min = 1},
    OptionSpec{.name = "ackDurability",
               .type = OptionType::kEnum,
               .default_value = "lazy",
               .help = "When a sink's acknowledgement is on the disk: strict, before its "
                       "transaction ends; lazy, within milliseconds, and a crash before that "
                       "means second deliveries.",
               .choices = "lazy|strict"},
    OptionSpec{.name = "scrubIntervalSeconds",
               .type = OptionType::kSeconds,
               .default_value = "3600",
               .help = "How often data that waits on the disk is read and verified; 0: never."},
    OptionSpec{.name = "scrubRate",
               .type = OptionType::kBytes,
               .default_value = "8MiB",
               .help = "Bytes per second to read for that, at most.",
               .min = 64 * kKiB},
    OptionSpec{.name = "segmentSize",
               .type = OptionType::kBytes,
               .default_value = "64MiB",
               .help = "Size of one data file; one event must fit into it.",
               .min = kSegmentBytesMin,
               .max = 16 * kGiB},
    OptionSpec{.name = "maxFileSize",
               .type = OptionType::kBytes,
               .default_value = "1623195647",
               .help = "Upper limit of segmentSize where that is not written.",
               .min = kSegmentBytesMin},
    OptionSpec{.name = "cacheSize",
               .type = OptionType::kBytes,
               .default_value = "40MiB",
               .help = "Memory for events on their way to a sink; beyond it they are read back.",
               .min = kMiB},
    OptionSpec{.name = "maxBytes",
               .type = OptionType::kBytes,
               .default_value = "0",
               .help = "Most bytes of segments with unacknowledged events; 0 for no limit."},
    OptionSpec{.name = "minimumRequiredSpace",
               .type = OptionType::kBytes,
               .default_value = "524288000",
               .help = "Disk space to leave free: without that much on any data directory puts are "
                       "refused."},
    OptionSpec{.name = "writePath",
               .type = OptionType::kEnum,
               .default_value = "threads",
               .help = "What keeps several writes in flight: threads, ring (io_uring), or auto, "
                       "which tries both on a spare data file once nothing else is written.",
               .choices = "threads|ring|auto"},
    OptionSpec{.name = "checkpointOnClose",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "Flume's checkpoint at a clean stop.",
               .notice = "has no effect: a clean stop always writes a checkpoint"},
    OptionSpec{.name = "useDualCheckpoints",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Flume's backup of the checkpoint.",
               .notice = kTwoManifests},
    OptionSpec{.name = "backupCheckpointDir",
               .type = OptionType::kString,
               .default_value = "",
               .help = "Flume's directory for it.",
               .notice = kTwoManifests},
    OptionSpec{.name = "compressBackupCheckpoint",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Flume's compression of it.",
               .notice = kTwoManifests},
    OptionSpec{.name = "use-log-replay-v1",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Flume's first replay.",
               .notice = kOneReplay},
    OptionSpec{.name = "use-fast-replay",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Flume's replay without a queue.",
               .notice = kOneReplay},
    OptionSpec{.name = "encryption.activeKey",
               .type = OptionType::kString,
               .default_value = "",
               .help = "Key that encrypts new events; none: plain text, with the keys of older "
                       "events at hand."},
    OptionSpec{.name = "encryption.cipherProvider",
               .type = OptionType::kEnum,
               .default_value = "AESGCM",
               .help = "Cipher; there is one, AES-256-GCM.",
               .choices = "AESGCM|AESCTRNOPADDING",
               .notice = "AES-256-GCM is used: Flume's way repeats its key stream in every record",
               .notice_value = "AESCTRNOPADDING"},
    OptionSpec{.name = "encryption.keyProvider",
               .type = OptionType::kEnum,
               .default_value = "RAWFILE",
               .help = "Where keys are: a file for each, or a key store. Flume's JCEKSFILE is "
                       "refused with the command that converts it to PKCS12.",
               .choices = "RAWFILE|PKCS12|JCEKSFILE"},
    OptionSpec{.name = "encryption.keyProvider.keyStoreFile",
               .type = OptionType::kPath,
               .default_value = "",
               .help = "PKCS12: the key store."},
    OptionSpec{.name = "encryption.keyProvider.keyStorePasswordFile",
               .type = OptionType::kPath,
               .default_value = "",
               .help = "PKCS12: file with its password."},
    OptionSpec{.name = "encryption.keyProvider.keys",
               .type = OptionType::kList,
               .default_value = "",
               .help = "Names of the keys: the active one, and those of events not yet delivered."},
    OptionSpec{.name = "encryption.keyProvider.keys.*",
               .type = OptionType::kString,
               .default_value = "",
               .help = "RAWFILE: <name>.file, 32 bytes, or the same as hexadecimal digits or "
                       "base64. PKCS12: <name>.passwordFile, if the key has a password of its "
                       "own."},
};

/// The rows of a channel type and, behind them, those of its log.
template <std::size_t kOwn>
constexpr std::array<OptionSpec, kOwn + kLogOptions.size()> with_log_options(
    const std::array<OptionSpec, kOwn>& own) {
  std::array<OptionSpec, kOwn + kLogOptions.size()> all{};
  for (std::size_t i = 0; i < kOwn; ++i) all[i] = own[i];
  for (std::size_t i = 0; i < kLogOptions.size(); ++i) all[kOwn + i] = kLogOptions[i];
  return all;
}

/// Everything that kLogOptions say; the rest is the type's. kBadConfig for options that contradict
/// each other.
Result<channel::FileChannelOptions> read_log_options(const ComponentContext& context,
                                                     const Config& config);

}  // namespace spillway::agent
