// What /proc/self says about this process, under Prometheus' conventional names.
#pragma once

#include "agent/metric_families.h"

namespace spillway::agent {

/// Adds process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds and
/// process_threads; what the kernel does not tell is left out.
void collect_process(MetricFamilies& families);

}  // namespace spillway::agent
