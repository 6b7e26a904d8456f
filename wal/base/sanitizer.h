// Which sanitizer the program is compiled with; g++ and clang say it differently.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPILLWAY_HAS_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SPILLWAY_HAS_ASAN
#endif

namespace spillway {

/// Memory comes from AddressSanitizer's allocator, which guards it and is slow to give it back.
#ifdef SPILLWAY_HAS_ASAN
inline constexpr bool kHasAddressSanitizer = true;
#else
inline constexpr bool kHasAddressSanitizer = false;
#endif

}  // namespace spillway

#undef SPILLWAY_HAS_ASAN
