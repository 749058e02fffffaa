// app/stores.h - the drivers as the `store` verbs use them.
#pragma once

#include "cli/stores.h"

namespace jwtd::app {

inline constexpr Code kNotAFolder{"store_is_no_folder", Fault::kInvalidArgument, "Only a rocksdb:// store is a folder that jwtd copies"};

cli::Stores stores();

}  // namespace jwtd::app
