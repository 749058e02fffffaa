// http/ticket_keys.h - the keys that session tickets are sealed with: new ones every twelve hours, the former ones good for as long again.
//
// A key that lives as long as the process would open every session of its life to whoever gets hold of it (RFC 5077 s5.5). So a ticket counts
// for twelve to twenty-four hours; one under the former keys is replaced as it is used. Nothing is kept beyond the process.
//
// Thread-safety: all functions, any thread; one mutex, held for the copy of 80 octets. Ownership: contexts share them, so they outlive a reload.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "base/time.h"

struct ssl_ctx_st;       // SSL_CTX
struct evp_cipher_st;    // EVP_CIPHER

namespace jwtd::http {

inline constexpr auto kTicketKeyLife = std::chrono::hours(12);

class TicketKeys {
 public:
  explicit TicketKeys(Monotonic::time_point (*clock)());
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // Has `context` seal and open its tickets with `keys`, which it keeps alive. False: OpenSSL refuses.
  static bool use(const std::shared_ptr<TicketKeys>& keys, ssl_ctx_st* context);

 private:
  struct Key {
    std::array<unsigned char, 16> name;  // stands in the ticket
    std::array<unsigned char, 32> cipher, hmac;
  };
  friend struct TicketCallback;

  std::optional<Key> newest();                                            // nullopt: no randomness
  std::optional<Key> named(const unsigned char* name, bool& is_newest);  // nullopt: unknown, or too old
  bool renew(Monotonic::time_point now);                                 // with mutex_ held

  Monotonic::time_point (*const clock_)();
  evp_cipher_st* cipher_ = nullptr;
  std::mutex mutex_;
  std::optional<Key> current_, former_;
  Monotonic::time_point current_since_{};
};

}  // namespace jwtd::http
