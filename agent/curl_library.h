// CurlLibrary: libcurl, loaded when the first component needs it.
//
// Linked, it and the twenty-seven libraries it stands on took a third of every start, also of
// agents that never send HTTP. `readelf -d` does not show the dependency; .ci/packages.txt does.
#pragma once

#include <curl/curl.h>

#include "wal/base/result.h"

namespace spillway::agent {

/// The functions in use, by their names without `curl_`.
struct CurlLibrary {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_free) free;
  decltype(&::curl_url) url;
  decltype(&::curl_url_cleanup) url_cleanup;
  decltype(&::curl_url_get) url_get;
  decltype(&::curl_url_set) url_set;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_strerror) easy_strerror;

  /// Loads and initialises it once; it stays loaded. Thread-safe. kUnavailable: it is not there.
  static Result<const CurlLibrary*> load();
};

}  // namespace spillway::agent
