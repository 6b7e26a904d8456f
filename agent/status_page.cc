#include "agent/status_page.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <string_view>
#include <vector>

#include "agent/markup.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<title>Spillway</title><style>
body{font:15px system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#222}
table{border-collapse:collapse;width:100%;margin-bottom:2em}
th,td{text-align:left;padding:.35em .8em;border-bottom:1px solid #ddd}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.started,.live{color:#176b2c}.retrying,.penalised{color:#b00020;font-weight:bold}
.waiting,.stopped,.standby{color:#666}
</style></head><body>
)";

std::string component_rows(const std::vector<ComponentStatus>& all) {
  std::string rows;
  for (const ComponentStatus& status : all) {
    rows += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"{}\">{}</td><td>{}</td></tr>\n",
        kind_name(status.kind), as_markup(status.name), as_markup(status.type),
        state_name(status.state), state_name(status.state), as_markup(status.last_error));
  }
  return rows;
}

std::string channel_rows(const Pipeline& pipeline) {
  std::string rows;
  for (const auto& live : pipeline.channels) {
    std::uint64_t size = 0;
    bool is_failed = false;
    live->while_open([&](const channel::Channel& channel) {
      size = channel.size_events();
      is_failed = channel.is_failed();
    });
    const std::uint64_t capacity = live->channel().capacity_events();
    const double fill =
        capacity == 0 ? 0.0 : 100.0 * static_cast<double>(size) / static_cast<double>(capacity);
    const channel::ChannelCounters& counters = live->channel().counters();
    rows += fmt::format(
        "<tr><td>{}{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{:.1f} "
        "%</td>"
        "<td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
        as_markup(live->name()), is_failed ? " <span class=\"retrying\">failed</span>" : "", size,
        capacity, fill, counters.put_successes.value(), counters.take_successes.value());
  }
  return rows;
}

std::string group_rows(const Pipeline& pipeline) {
  std::string rows;
  for (const auto& group : pipeline.groups) {
    if (!group->is_configured) continue;
    const std::vector<SinkState> states = group->processor->states();
    for (std::size_t i = 0; i < states.size(); ++i) {
      rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"{}\">{}</td></tr>\n",
                          as_markup(group->label.name), as_markup(group->label.type),
                          as_markup(group->sinks[i]->label.name), sink_state_name(states[i]),
                          sink_state_name(states[i]));
    }
  }
  return rows;
}

std::string utc_time(std::int64_t wall_ms) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                     fmt::gmtime(static_cast<std::time_t>(wall_ms / 1000)));
}

std::string list_of(const std::vector<std::string>& lines) {
  std::string items;
  for (const std::string& line : lines) items += fmt::format("<li>{}</li>\n", as_markup(line));
  return items.empty() ? items : "<ul>\n" + items + "</ul>\n";
}

// What was changed last, and what was refused since.
std::string reload_section(const ReloadLog::State& state) {
  std::string section = "<h2>Configuration</h2>\n";
  const auto add = [&section](const Reload& reload, std::string_view what,
                              const std::vector<std::string>& lines) {
    section += fmt::format("<p>{} at {}</p>\n", what, utc_time(reload.at_ms)) + list_of(lines);
  };
  if (state.last.at_ms == 0) section += "<p>not reloaded since the start</p>\n";
  if (state.last_applied.at_ms != 0) {
    add(state.last_applied, "last changed", state.last_applied.changes);
  }
  if (state.last.outcome == Reload::Outcome::kRefused) {
    std::vector<std::string> lines;
    for (const ConfigProblem& problem : state.last.problems) lines.push_back(to_string(problem));
    add(state.last, "<b class=\"retrying\">refused</b>, the former configuration runs on;", lines);
  } else if (state.last.at_ms > state.last_applied.at_ms) {
    add(state.last, "found unchanged", {});
  }
  return section;
}

}  // namespace

std::string status_page(const MetricsRegistry& registry) {
  const auto running = registry.agent().pipeline();
  const Pipeline& pipeline = *running;
  std::string page(kHead);
  page += fmt::format("<h1>Agent {}</h1>\n", as_markup(pipeline.agent_name));
  page +=
      "<table><tr><th>channel</th><th class=\"n\">events</th><th class=\"n\">capacity</th>"
      "<th class=\"n\">fill</th><th class=\"n\">put</th><th class=\"n\">taken</th></tr>\n";
  page += channel_rows(pipeline);
  page +=
      "</table>\n<table><tr><th>kind</th><th>name</th><th>type</th><th>state</th>"
      "<th>last error</th></tr>\n";
  page += component_rows(registry.agent().status());
  page += "</table>";
  if (const std::string rows = group_rows(pipeline); !rows.empty()) {
    page += "\n<table><tr><th>sink group</th><th>processor</th><th>sink</th><th>state</th></tr>\n" +
            rows + "</table>";
  }
  page += "\n";
  if (registry.reloads() != nullptr) page += reload_section(registry.reloads()->state());
  page +=
      "<p><a href=\"/metrics\">metrics (JSON)</a> · "
      "<a href=\"/metrics/prometheus\">metrics (Prometheus)</a> · "
      "<a href=\"/healthz\">healthz</a> · <a href=\"/readyz\">readyz</a></p></body></html>\n";
  return page;
}

std::string unready_components(const MetricsRegistry& registry) {
  std::string lines;
  const auto running = registry.agent().pipeline();
  for (const auto& live : running->channels) {
    live->while_open([&](const channel::Channel& channel) {
      if (!channel.is_failed()) return;
      lines += fmt::format("channel {}: failed: takes no events until the agent is restarted\n",
                           live->name());
    });
  }
  for (const ComponentStatus& status : registry.agent().status()) {
    if (status.state == ComponentState::kStarted) continue;
    lines +=
        fmt::format("{} {}: {}", kind_name(status.kind), status.name, state_name(status.state));
    if (!status.last_error.empty()) lines += ": " + status.last_error;
    lines += '\n';
  }
  return lines;
}

}  // namespace spillway::agent
