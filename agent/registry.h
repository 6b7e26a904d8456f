// The list of everything this binary can run. Explicit on purpose: static-initializer
// registration is dropped by the linker from static libraries and hides the dependency.
#pragma once

#include <span>
#include <string_view>

#include "agent/component.h"
#include "agent/interceptor.h"
#include "agent/selectors/channel_selector.h"
#include "agent/sink_groups/sink_processor.h"

namespace spillway::agent {

extern const SourceType kExecSource;                // sources/exec_source.cc
extern const SourceType kHttpSource;                // sources/http_source.cc
extern const SourceType kMultiportSyslogTcpSource;  // sources/multiport_syslogtcp_source.cc
extern const SourceType kNetcatSource;              // sources/netcat_source.cc
extern const SourceType kNetcatUdpSource;           // sources/netcatudp_source.cc
extern const SourceType kSeqSource;                 // sources/seq_source.cc
extern const SourceType kSpooldirSource;            // sources/spooldir_source.cc
extern const SourceType kStressSource;              // sources/stress_source.cc
extern const SourceType kSyslogTcpSource;           // sources/syslogtcp_source.cc
extern const SourceType kSyslogUdpSource;           // sources/syslogudp_source.cc
extern const SourceType kTaildirSource;             // sources/taildir_source.cc

extern const SinkType kFileRollSink;  // sinks/file_roll_sink.cc
extern const SinkType kHttpSink;      // sinks/http_sink.cc
extern const SinkType kLoggerSink;    // sinks/logger_sink.cc
extern const SinkType kNullSink;      // sinks/null_sink.cc

extern const ChannelType kDualChannelType;             // channels/dual_channel_type.cc
extern const ChannelType kFileChannelType;             // channels/channel_types.cc
extern const ChannelType kMemoryChannelType;           // channels/channel_types.cc
extern const ChannelType kNullChannelType;             // channels/channel_types.cc
extern const ChannelType kPseudoTxnMemoryChannelType;  // channels/channel_types.cc
extern const ChannelType kSpillableMemoryChannelType;  // channels/dual_channel_type.cc

extern const SelectorType kLoadBalancingSelector;  // selectors/load_balancing_selector.cc
extern const SelectorType kMultiplexingSelector;   // selectors/multiplexing_selector.cc
extern const SelectorType kReplicatingSelector;    // selectors/replicating_selector.cc

// Each in interceptors/<its name>_interceptor.cc.
extern const InterceptorType kCategoryFilterInterceptor;
extern const InterceptorType kHostInterceptor;
extern const InterceptorType kRegexExtractorInterceptor;
extern const InterceptorType kRegexFilterInterceptor;
extern const InterceptorType kRemoveHeaderInterceptor;
extern const InterceptorType kSearchReplaceInterceptor;
extern const InterceptorType kStaticInterceptor;
extern const InterceptorType kTimestampInterceptor;
extern const InterceptorType kUuidInterceptor;

extern const SinkProcessorType kDefaultProcessor;      // sink_groups/default_processor.cc
extern const SinkProcessorType kFailoverProcessor;     // sink_groups/failover_processor.cc
extern const SinkProcessorType kLoadBalanceProcessor;  // sink_groups/load_balance_processor.cc

/// Sorted by name.
std::span<const SourceType* const> source_types();
std::span<const SinkType* const> sink_types();
std::span<const ChannelType* const> channel_types();
std::span<const SelectorType* const> selector_types();
std::span<const InterceptorType* const> interceptor_types();
std::span<const SinkProcessorType* const> sink_processor_types();

/// By alias in any case, or by Flume's class name; nullptr when there is none.
const SourceType* find_source(std::string_view type);
const SinkType* find_sink(std::string_view type);
const ChannelType* find_channel(std::string_view type);
const SelectorType* find_selector(std::string_view type);
const InterceptorType* find_interceptor(std::string_view type);
const SinkProcessorType* find_sink_processor(std::string_view type);

}  // namespace spillway::agent
