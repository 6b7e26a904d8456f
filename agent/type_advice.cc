#include "agent/type_advice.h"

#include <array>
#include <string>

#include "agent/option_value.h"

namespace spillway::agent {
namespace {

struct Advice {
  std::string_view kind;
  std::string_view alias;       // lower case; empty: has none
  std::string_view class_name;  // without its package and "$Builder"
  std::string_view instead;
};

// A row stays when the component is built: nobody asks for it then.
constexpr std::array kAdvice{
    Advice{"source", "avro", "AvroSource",
           "have the sender post JSON to an http source, or lines to netcat or syslogtcp"},
    Advice{"source", "thrift", "ThriftSource", "use an http source"},
    Advice{"source", "jms", "JMSSource",
           "run the broker's own command-line client in an exec source"},
    Advice{"source", "", "KafkaSource", "run kcat in an exec source: kcat -C -u -G group topic"},
    Advice{"source", "", "ScribeSource", "use an http source; Scribe is no longer maintained"},
    Advice{"source", "", "TwitterSource", "there is nothing: the service it read is gone"},
    Advice{"source", "", "AvroLegacySource", "replace the Flume 0.9 agents that send to it"},
    Advice{"source", "", "ThriftLegacySource", "replace the Flume 0.9 agents that send to it"},
    Advice{"source", "http", "HTTPSource", "use netcat or syslogtcp"},
    Advice{"source", "netcatudp", "NetcatUdpSource", "use netcat"},
    Advice{"source", "syslogtcp", "SyslogTcpSource",
           "use netcat: its lines keep the syslog header"},
    Advice{"source", "syslogudp", "SyslogUDPSource",
           "have rsyslog forward by TCP, or write a file for taildir"},
    Advice{"source", "multiport_syslogtcp", "MultiportSyslogTCPSource",
           "use one netcat source per port"},
    Advice{"source", "spooldir", "SpoolDirectorySource", "use taildir"},
    Advice{"source", "", "StressSource", "use seq"},
    Advice{"source", "embedded", "EmbeddedSource", "link the channel library into the program"},
    Advice{"sink", "avro", "AvroSink", "use an http sink towards an http source"},
    Advice{"sink", "thrift", "ThriftSink", "use an http sink towards an http source"},
    Advice{"sink", "hdfs", "HDFSEventSink",
           "write files with file_roll and load them with hdfs dfs -put"},
    Advice{"sink", "hive", "HiveSink", "write files with file_roll into an external table's path"},
    Advice{"sink", "hbase", "HBaseSink",
           "write files with file_roll and load them with HBase's ImportTsv"},
    Advice{"sink", "hbase2", "HBase2Sink",
           "write files with file_roll and load them with HBase's ImportTsv"},
    Advice{"sink", "asynchbase", "AsyncHBaseSink",
           "write files with file_roll and load them with HBase's ImportTsv"},
    Advice{"sink", "elasticsearch", "ElasticSearchSink",
           "use an http sink towards the store, with JSON in the bodies"},
    Advice{"sink", "morphline_solr", "MorphlineSolrSink",
           "use an http sink towards Solr, with JSON in the bodies"},
    Advice{"sink", "irc", "IRCSink", "use an http sink towards a chat's web hook"},
    Advice{"sink", "http", "HttpSink", "write files with file_roll"},
    Advice{"sink", "", "KafkaSink", "write files with file_roll and send them with kcat -P"},
    Advice{"sink", "", "KuduSink", "write files with file_roll and load them with Impala or Spark"},
    Advice{"sink", "", "DatasetSink",
           "write avro_event files with file_roll; Flume 1.10 has dropped Kite, too"},
    Advice{"channel", "jdbc", "JdbcChannel", "use the file channel, which is durable and faster"},
    Advice{"channel", "", "KafkaChannel", "use the file channel, or dual"},
    Advice{"channel", "spillablememory", "SpillableMemoryChannel", "use dual"},
    Advice{"interceptor", "morphline", "MorphlineInterceptor",
           "chain regex_extractor, search_replace and static"},
    Advice{"interceptor", "", "UUIDInterceptor", "send the events with an id"},
    Advice{"selector", "load_balancing", "LoadBalancingChannelSelector",
           "use one channel and several sinks"},
};

}  // namespace

std::string_view advice_instead_of(std::string_view kind, std::string_view type) {
  const std::string alias = to_lower(type);
  std::string_view simple = type.substr(type.rfind('.') + 1);
  simple = simple.substr(0, simple.find('$'));
  const bool is_class = type.find('.') != std::string_view::npos;
  for (const Advice& advice : kAdvice) {
    if (advice.kind != kind) continue;
    if (is_class ? advice.class_name == simple : !alias.empty() && advice.alias == alias) {
      return advice.instead;
    }
  }
  return {};
}

}  // namespace spillway::agent
