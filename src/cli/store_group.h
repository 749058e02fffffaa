// cli/store_group.h - the arguments of the `store` verbs; private to cli/.
#pragma once

#include <string>

#include "cli/store.h"
#include "cli/verb_options.h"

namespace jwtd::cli {

class StoreGroup {
 public:
  // All outlive this.
  StoreGroup(const Streams& streams, const Stores& stores) : streams_(streams), stores_(stores) {}

  void add_to(CLI::App& store, const AddVerb& add_verb);

 private:
  int copy();

  const Streams& streams_;
  const Stores& stores_;
  StoreCopy copy_;
  std::string retention_;
  StoreStats stats_;
  StoreCheck check_;
  StoreBackup backup_;
  StoreRestore restore_;
  StoreMigrate migrate_;
};

}  // namespace jwtd::cli
