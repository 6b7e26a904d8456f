// What the `http` source makes of a request: Flume's JSONHandler and BLOBHandler.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/sources/http_request.h"
#include "channel/event_batch.h"

namespace spillway::agent {

/// What became of a request; 200 while its events may still be refused.
struct HttpHandled {
  int status = 200;
  const char* reason = "";  // for the client, static
};

/// A JSON array of {"headers": {…}, "body": "…"}. The character set is that of Content-Type: UTF-8,
/// UTF-16 or UTF-32; bodies are encoded in it. 400 for bad JSON, 500 for another character set, as
/// in Flume. Nothing is added unless the whole request is good.
HttpHandled handle_json(const HttpRequest& request, channel::EventBatch& batch);

/// The body is one event; the parameters of the query are its headers. 500 when one of `mandatory`
/// is missing, as in Flume.
HttpHandled handle_blob(const HttpRequest& request, const std::vector<std::string>& mandatory,
                        channel::EventBatch& batch);

}  // namespace spillway::agent
