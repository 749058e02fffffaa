// base/out_of_memory.h - the one way out when there is no memory.
//
// It cannot be asked for while there is none, and half a request done is worth nothing: the process ends with a sentence, its supervisor starts
// it again, and what was answered is on record. The server makes this the new-handler; those who ask others than `new` call it.
#pragma once

namespace jwtd {

// Ends the process with exit code 1. Any thread; allocates nothing.
[[noreturn]] void out_of_memory();

}  // namespace jwtd
