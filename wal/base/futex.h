// Sleep on a 32-bit word and wake its sleepers: one word for a whole batch of waiting threads.
// Source: futex(2).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace spillway {

/// Returns when woken, when `word` no longer holds `expected`, or for no reason: re-check.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected);

/// As futex_wait(), but not for longer than `duration`.
void futex_wait_for(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                    std::chrono::nanoseconds duration);

void futex_wake_one(const std::atomic<std::uint32_t>& word);
void futex_wake_all(const std::atomic<std::uint32_t>& word);

}  // namespace spillway
