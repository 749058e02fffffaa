// base/aligned.h - memory that begins at a multiple of its alignment, for direct input and output.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace jwtd {

template <std::size_t kAlignment>
struct AlignedFree {
  void operator()(char* memory) const { ::operator delete(memory, std::align_val_t{kAlignment}); }
};

template <std::size_t kAlignment>
using Aligned = std::unique_ptr<char, AlignedFree<kAlignment>>;

// By operator new, so that running out of memory ends as it does everywhere (base/out_of_memory.h).
template <std::size_t kAlignment>
Aligned<kAlignment> allocate_aligned(std::size_t octets) {
  return Aligned<kAlignment>(static_cast<char*>(::operator new(octets, std::align_val_t{kAlignment})));
}

}  // namespace jwtd
