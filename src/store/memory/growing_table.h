// store/memory/growing_table.h - a hash table that grows by one bucket at a time.
//
// One that doubles moves a million entries at once, and every commit waits half a second for it. This is linear hashing (Litwin 1980):
// there is a bucket for each entry, and as one is added the next bucket in turn is split in two. Buckets lie in a deque, which moves none.
//
// Cost: find, insert and erase O(1) expected, and no single call does more than a few entries' work. Thread-safety: none.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

namespace jwtd::store {

// Hash: of equal keys of any of the types used; its low bits must be good.
template <class Key, class Value, class Hash>
class GrowingTable {
 public:
  GrowingTable() : buckets_(1) {}
  ~GrowingTable() {
    for (Node* node : buckets_) {
      while (node) delete std::exchange(node, node->next);
    }
  }
  GrowingTable(const GrowingTable&) = delete;
  GrowingTable& operator=(const GrowingTable&) = delete;

  // nullptr: not there. A value stays where it is until it is erased.
  template <class K>
  Value* find(const K& key) {
    Node* const node = *place_of(key, Hash()(key));
    return node ? &node->value : nullptr;
  }

  // `key` must not be there.
  Value& insert(Key key, Value value) {
    const std::size_t hash = Hash()(key);
    if (size_ == buckets_.size()) split();
    Node*& head = buckets_[bucket_of(hash)];
    head = new Node{head, hash, std::move(key), std::move(value)};
    ++size_;
    return head->value;
  }

  template <class K>
  void erase(const K& key) {
    Node** const place = place_of(key, Hash()(key));
    if (!*place) return;
    delete std::exchange(*place, (*place)->next);
    --size_;
  }

  std::size_t size() const { return size_; }

  template <class F>
  void for_each(F&& f) const {  // f(const Key&, const Value&), in no order
    for (const Node* node : buckets_) {
      for (; node; node = node->next) f(node->key, node->value);
    }
  }

 private:
  struct Node {
    Node* next;
    std::size_t hash;
    Key key;
    Value value;
  };

  // Buckets below `split_` have been split in this round, so one bit more of the hash decides.
  std::size_t bucket_of(std::size_t hash) const {
    const std::size_t bucket = hash & (round_ - 1);
    return bucket < split_ ? hash & (2 * round_ - 1) : bucket;
  }

  // Where the pointer to the key's node stands, or the nullptr at its bucket's end.
  template <class K>
  Node** place_of(const K& key, std::size_t hash) {
    Node** place = &buckets_[bucket_of(hash)];
    while (*place && !((*place)->hash == hash && (*place)->key == key)) place = &(*place)->next;
    return place;
  }

  void split() {
    buckets_.push_back(nullptr);
    Node** place = &buckets_[split_];
    while (Node* const node = *place) {
      if ((node->hash & round_) == 0) {
        place = &node->next;
      } else {
        *place = node->next;
        node->next = std::exchange(buckets_.back(), node);
      }
    }
    if (++split_ == round_) {
      round_ *= 2;
      split_ = 0;
    }
  }

  std::deque<Node*> buckets_;  // round_ + split_
  std::size_t round_ = 1;      // buckets at the beginning of this round: a power of two
  std::size_t split_ = 0;      // the next one to split
  std::size_t size_ = 0;
};

}  // namespace jwtd::store
