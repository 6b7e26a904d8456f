// `spillway recover`: looks at the directory of a stopped or crashed file channel.
// docs/recovery.md.
#pragma once

namespace spillway::agent {

/// argv[0] is "recover". Nothing but `repair --apply` writes to the directories of a channel.
/// Returns the exit code: kExitFine, kExitFailed (damage was found, or the work could not be done),
/// kExitBadUsage or kExitBadConfig.
int recover_main(int argc, char** argv);

}  // namespace spillway::agent
