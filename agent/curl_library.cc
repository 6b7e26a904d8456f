#include "agent/curl_library.h"

#include <dlfcn.h>

namespace spillway::agent {
namespace {

constexpr const char* kFileName = "libcurl.so.4";  // its ABI since 2006

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

bool find_all(void* library, CurlLibrary& curl) {
  return find(library, "curl_global_init", curl.global_init) &&
         find(library, "curl_free", curl.free) && find(library, "curl_url", curl.url) &&
         find(library, "curl_url_cleanup", curl.url_cleanup) &&
         find(library, "curl_url_get", curl.url_get) &&
         find(library, "curl_url_set", curl.url_set) &&
         find(library, "curl_slist_append", curl.slist_append) &&
         find(library, "curl_slist_free_all", curl.slist_free_all) &&
         find(library, "curl_easy_init", curl.easy_init) &&
         find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
         find(library, "curl_easy_setopt", curl.easy_setopt) &&
         find(library, "curl_easy_perform", curl.easy_perform) &&
         find(library, "curl_easy_getinfo", curl.easy_getinfo) &&
         find(library, "curl_easy_strerror", curl.easy_strerror);
}

Result<CurlLibrary> load_once() {
  void* const library = ::dlopen(kFileName, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Error{.code = Errc::kUnavailable,
                 .what = "libcurl.so.4 cannot be loaded; install the package libcurl4"};
  }
  CurlLibrary curl{};
  if (!find_all(library, curl)) {
    return Error{.code = Errc::kUnavailable, .what = "libcurl.so.4 is older than 7.62"};
  }
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return Error{.code = Errc::kUnavailable, .what = "libcurl cannot be set up"};
  }
  return curl;
}

}  // namespace

Result<const CurlLibrary*> CurlLibrary::load() {
  static const Result<CurlLibrary> loaded = load_once();
  if (!loaded.has_value()) return loaded.error();
  return &loaded.value();
}

}  // namespace spillway::agent
