// outgoing/trust.h - whether a file can stand for whom to believe.
#pragma once

#include <string>

#include "base/result.h"

namespace jwtd::outgoing {

inline constexpr Code kTrustFileUnusable{"trust_file_unusable", Fault::kInternal, "A file of certificate authorities cannot be used"};

// Ok if `path` is empty (whom the system believes) or a PEM file with at least one certificate. Fails with kTrustFileUnusable; detail names path and
// cause. The file is read again for each connection, so it may be replaced while the service runs.
Status check_trust_file(const std::string& path);

}  // namespace jwtd::outgoing
