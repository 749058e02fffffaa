// cli/store_group.h - the arguments of the `store` verbs; private to cli/.
#pragma once

#include <functional>
#include <string>

#include "cli/store.h"

namespace CLI {
class App;
}

namespace jwtd::cli {

class StoreGroup {
 public:
  // Adds a verb to a parent; both as in cli.cc.
  using AddVerb = std::function<CLI::App*(CLI::App& parent, const char* name, const char* help, const char* examples, std::function<int()> verb)>;

  // All outlive this.
  StoreGroup(const Streams& streams, const Stores& stores) : streams_(streams), stores_(stores) {}

  void add_to(CLI::App& store, const AddVerb& add_verb);

 private:
  void add_store(CLI::App& app, StorePlace& place);
  void add_output(CLI::App& app, bool& json);
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
