// base/whole_file.h - a file written whole or not at all, in the place of one that may be there.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace jwtd {

// 0, or the errno of what failed; then what was there is as it was. The new file is of this mode and of the process's user; "PATH.new" beside it, perhaps left
// by a process that was killed, is taken for it. The text is synced, its name is not: after a power cut the former file may be back.
int write_whole_file(const std::string& path, std::string_view text, mode_t mode);

}  // namespace jwtd
