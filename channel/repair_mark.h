// The file that says: a repair of this channel has begun to exchange its files.
//
// Written and removed by `spillway recover repair`, in the checkpoint directory. While it is there
// the directories hold a mixture, and no channel starts on them.
#pragma once

#include <string_view>

namespace spillway::channel {

inline constexpr std::string_view kRepairMarkName = "repair.journal";

}  // namespace spillway::channel
