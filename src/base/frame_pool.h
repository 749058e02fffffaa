// base/frame_pool.h - memory for what lives as long as one request: coroutine frames, commit nodes.
//
// A batch makes dozens of requests begin and end together, more than the allocator's own cache per size holds (glibc: 7), so each would
// take its slow path. The pool keeps freed blocks by size class, per thread. Bounded: kMaxKept blocks a class.
//
// Thread-safety: a block freed on another thread than its maker's joins that thread's pool. Under a sanitizer the plain allocator serves,
// so that use after free is still found.
#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace jwtd {

class FramePool {
 public:
  static void* allocate(std::size_t octets) {
#ifndef __SANITIZE_ADDRESS__
    const std::size_t index = (octets + kStep - 1) / kStep;
    if (index < kClasses) {
      Class& c = classes_[index];
      if (Block* const block = c.first) {
        c.first = block->next;
        --c.count;
        return block;
      }
      return ::operator new(index * kStep);
    }
#endif
    return ::operator new(octets);
  }

  static void release(void* memory, [[maybe_unused]] std::size_t octets) noexcept {
#ifndef __SANITIZE_ADDRESS__
    const std::size_t index = (octets + kStep - 1) / kStep;
    if (index < kClasses && classes_[index].count < kMaxKept) {
      Class& c = classes_[index];
      c.first = new (memory) Block{c.first};
      ++c.count;
      return;
    }
#endif
    ::operator delete(memory);
  }

 private:
  static constexpr std::size_t kStep = 64;       // octets between two size classes
  static constexpr std::size_t kClasses = 65;    // up to 4 KiB; larger ones are rare
  static constexpr std::size_t kMaxKept = 1024;  // as many as requests commonly wait on one loop

  struct Block {
    Block* next;
  };
  struct Class {
    Block* first;
    std::size_t count;
  };
  static inline constinit thread_local std::array<Class, kClasses> classes_{};
};

}  // namespace jwtd
