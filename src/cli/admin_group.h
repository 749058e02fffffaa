// cli/admin_group.h - the arguments of the verbs that ask a running jwtd: callbacks, transactions, revoke; private to cli/.
#pragma once

#include "cli/callbacks.h"
#include "cli/revoke.h"
#include "cli/transactions.h"
#include "cli/verb_options.h"

namespace jwtd::cli {

class AdminGroup {
 public:
  // All outlive this.
  AdminGroup(const Streams& streams, const Stores& stores) : streams_(streams), stores_(stores) {}

  void add_callbacks(CLI::App& callbacks, const AddVerb& add_verb);
  void add_transactions(CLI::App& transactions, const AddVerb& add_verb);
  void add_revoke(CLI::App& parent, const AddVerb& add_verb);

 private:
  const Streams& streams_;
  const Stores& stores_;
  CallbacksRequest callbacks_;
  TransactionsRequest transactions_;
  Revoke revoke_;
};

}  // namespace jwtd::cli
