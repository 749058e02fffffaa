// tests/contract/paged_list.h - a phone's whole list, read page by page as a client would.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "store/store.h"

namespace jwtd::store {

struct PagedList {
  std::vector<Xid> sound, damaged;
};

// With a failed expectation, and what was read so far, where a page fails or is larger than it may be.
inline PagedList list_by_pages(Store& store, const Phone& phone, std::size_t limit, UnixMillis now) {
  PagedList list;
  std::string cursor;
  do {
    const auto page = store.find_by_phone(phone, limit, cursor, now);
    EXPECT_TRUE(page) << page.error().message();
    if (!page) break;
    EXPECT_LE(page->transactions.size() + page->damaged.size(), limit);
    for (const Transaction& one : page->transactions) list.sound.push_back(one.current.xid);
    list.damaged.insert(list.damaged.end(), page->damaged.begin(), page->damaged.end());
    cursor = page->next;
  } while (!cursor.empty());
  return list;
}

inline std::vector<Xid> xids_of(const std::vector<std::string>& texts) {
  std::vector<Xid> xids;
  for (const std::string& text : texts) xids.push_back(*Xid::parse(text));
  return xids;
}

}  // namespace jwtd::store
