// The lock-free way from producers to consumers: what is put in comes out in that order, all of it
// at once.
//
// A list with one atomic word, its newest element. Owns the order and nothing else: room is
// Capacity's, sleeping is Doorbell's. Why a list and not a ring: docs/decisions/0501.
#pragma once

#include "wal/base/check.h"
#include "wal/base/native_threads.h"

namespace spillway::channel {

/// Any number of threads on both sides. `Node` has a field `Node* next` for the inbox's use.
template <class Node, class Threads = NativeThreads>
class Inbox {
 public:
  Inbox() = default;
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;
  /// CHECKs that nothing is left inside: nodes belong to who puts them in and who takes them.
  ~Inbox() { CHECK(take_all() == nullptr); }

  /// Never waits. Its place in the order is the moment the exchange succeeds.
  void push(Node* added) {
    // relaxed: a guess, which the exchange checks. That the same address may have been taken and
    // put in again meanwhile does not matter: whatever is the newest now is what comes before.
    Node* newest = newest_.load(std::memory_order_relaxed);
    do {
      added->next = newest;
      // seq_cst, of which two things are needed: release pairs with the acquire in take_all(), so
      // that who takes the node sees what is in it; and one order with Doorbell's word: either the
      // pusher sees that somebody is about to sleep, or that one sees the node (Doorbell::ring).
    } while (!newest_.compare_exchange_weak(newest, added, std::memory_order_seq_cst,
                                            std::memory_order_relaxed));
  }

  /// Everything that is in, oldest first, linked by `next`; nullptr when there is nothing. The
  /// nodes are the caller's.
  [[nodiscard]] Node* take_all() {
    // acquire pairs with the release in push(). Nodes below the newest were put in by threads that
    // it was exchanged after: each exchange continues the release sequence of those before.
    Node* node = newest_.exchange(nullptr, std::memory_order_acquire);
    Node* oldest = nullptr;
    while (node != nullptr) {  // newest first: turn round
      Node* const older = node->next;
      node->next = oldest;
      oldest = node;
      node = older;
    }
    return oldest;
  }

  /// For somebody who is about to sleep, after Doorbell::prepare().
  [[nodiscard]] bool is_empty() const {
    // seq_cst: in one order with push(), see there.
    return newest_.load(std::memory_order_seq_cst) == nullptr;
  }

 private:
  typename Threads::template Atomic<Node*> newest_{nullptr};
};

}  // namespace spillway::channel
