#include "agent/event_draft.h"

#include <algorithm>

namespace spillway::agent {

void EventDraft::reset(const channel::EventView& event) {
  event_ = event;
  body_ = event.body();
  are_headers_decoded_ = false;
  is_changed_ = false;
  if (is_arena_used_) arena_.release();
  is_arena_used_ = false;
}

std::optional<std::string_view> EventDraft::header(std::string_view key) {
  if (!are_headers_decoded_) return event_.header(key);
  for (const channel::HeaderView& header : headers_) {
    if (header.key == key) return header.value;
  }
  return std::nullopt;
}

std::span<const channel::HeaderView> EventDraft::headers() {
  decode_headers();
  return headers_;
}

void EventDraft::set_header(std::string_view key, std::string_view value) {
  decode_headers();
  is_changed_ = true;
  for (channel::HeaderView& header : headers_) {
    if (header.key != key) continue;
    header.value = value;
    return;
  }
  headers_.push_back({key, value});
}

std::string_view EventDraft::keep(std::string_view text, std::string_view more) {
  const std::size_t bytes = text.size() + more.size();
  if (bytes == 0) return {};
  is_arena_used_ = true;
  char* const copy = static_cast<char*>(arena_.allocate(bytes, 1));
  std::copy(more.begin(), more.end(), std::copy(text.begin(), text.end(), copy));
  return {copy, bytes};
}

std::string& EventDraft::next_body() {
  std::string& next = bodies_[next_body_];
  next.clear();
  return next;
}

void EventDraft::use_next_body() {
  body_ = bodies_[next_body_];
  next_body_ = 1 - next_body_;
  is_changed_ = true;
}

void EventDraft::add_to(channel::EventBatch& batch) {
  if (!is_changed_) return batch.add(event_);
  decode_headers();
  batch.add(headers_, body_);
}

void EventDraft::decode_headers() {
  if (are_headers_decoded_) return;
  are_headers_decoded_ = true;
  headers_.clear();
  event_.for_each_header([this](const channel::HeaderView& header) { headers_.push_back(header); });
}

}  // namespace spillway::agent
