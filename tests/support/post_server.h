// A real HTTP server in the test's process that takes POST requests.
#pragma once

#include <httplib.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"
#include "wal/base/mutex.h"

namespace spillway::test {

struct Post {
  std::string body;
  std::string content_type;
  std::string accept;
  int remote_port = 0;  // equal for requests on one connection
};

/// Answers 200 unless told otherwise. Thread-safe.
class PostServer {
 public:
  using Answer = std::function<int(const Post&)>;

  explicit PostServer(std::unique_ptr<httplib::Server> server = std::make_unique<httplib::Server>())
      : server_(std::move(server)) {
    server_->Post(".*", [this](const httplib::Request& request, httplib::Response& response) {
      Post post{.body = request.body,
                .content_type = request.get_header_value("Content-Type"),
                .accept = request.get_header_value("Accept"),
                .remote_port = request.remote_port};
      response.status = answer_ ? answer_(post) : 200;
      const MutexLock lock(mutex_);
      posts_.push_back(std::move(post));
    });
    port_ = server_->bind_to_any_port("127.0.0.1");
    CHECK(port_ > 0);
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    CHECK(eventually([this] { return server_->is_running(); }));
  }
  PostServer(const PostServer&) = delete;
  PostServer& operator=(const PostServer&) = delete;
  ~PostServer() {
    server_->stop();
    thread_.join();
  }

  /// Before the first request.
  void set_answer(Answer answer) { answer_ = std::move(answer); }

  [[nodiscard]] std::string url(const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + "/events";
  }
  [[nodiscard]] std::vector<Post> posts() const {
    const MutexLock lock(mutex_);
    return posts_;
  }
  [[nodiscard]] std::vector<std::string> bodies() const {
    std::vector<std::string> bodies;
    for (const Post& post : posts()) bodies.push_back(post.body);
    return bodies;
  }

 private:
  std::unique_ptr<httplib::Server> server_;
  Answer answer_;
  int port_ = 0;
  std::thread thread_;
  mutable Mutex mutex_;
  std::vector<Post> posts_ GUARDED_BY(mutex_);
};

}  // namespace spillway::test
