// outgoing/http_client.cc - an easy handle of libcurl, set up from nothing for each request, and run by a multi handle, which another thread can wake.
#include "outgoing/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string_view>

#include "base/out_of_memory.h"

namespace jwtd::outgoing {
namespace {

constexpr std::size_t kMaxHeadBytes = 64 * 1024;  // of an answer; ours are refused at 16 KiB
constexpr long kConnectionsKept = 2;              // between requests of one client: it talks to one server
constexpr int kLongestSleep = 1000;               // milliseconds; libcurl wakes earlier for its time-outs, sockets and cancel()

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) out_of_memory();
  });
}

struct Incoming {
  Answer answer;
  CURL* easy = nullptr;
  std::size_t head = 0, most = 0, dropped = 0;
  bool too_large = false, status_alone = false, has_head = false;
};

long status_of(CURL* easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

std::size_t take_body(char* octets, std::size_t, std::size_t count, void* to) {
  auto& incoming = *static_cast<Incoming*>(to);
  if (incoming.status_alone) {  // a short one is read, which keeps the connection
    incoming.dropped += count;
    return incoming.dropped > incoming.most ? 0 : count;
  }
  if (count > incoming.most - incoming.answer.body.size()) {
    incoming.too_large = true;
    return 0;  // ends the transfer
  }
  incoming.answer.body.append(octets, count);
  return count;
}

std::size_t take_field(char* line, std::size_t, std::size_t count, void* to) {
  auto& incoming = *static_cast<Incoming*>(to);
  incoming.head += count;
  const std::string_view text(line, count);
  if (text == "\r\n" || text == "\n") incoming.has_head = incoming.has_head || status_of(incoming.easy) >= 200;  // not an interim answer's
  if (incoming.head <= kMaxHeadBytes) return count;
  incoming.too_large = true;
  return 0;
}

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Fields = std::unique_ptr<curl_slist, ListFree>;

void add(Fields& fields, const std::string& field) {
  curl_slist* longer = curl_slist_append(fields.get(), field.c_str());
  if (longer == nullptr) out_of_memory();
  (void)fields.release();
  fields.reset(longer);
}

Error error_of(CURLcode code, const Incoming& incoming) {
  if (incoming.too_large) return Error(kPeerAnswerTooLarge);
  const std::string cause = curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return Error(kPeerTimeout);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR: return Error(kPeerUntrusted, cause);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE: return Error(kPeerUnreachable, cause);
    default: return Error(kPeerAnswerBroken, cause);
  }
}

}  // namespace

struct HttpClient::Handle {
  CURL* easy = curl_easy_init();
  CURLM* multi = curl_multi_init();  // keeps the connections
  ClientOptions options;
  std::atomic<bool> cancelled{false};

  ~Handle() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }

  // curl_easy_perform(), but for the look at `cancelled`.
  CURLcode perform() {
    if (curl_multi_add_handle(multi, easy) != CURLM_OK) return CURLE_FAILED_INIT;
    CURLMcode good = CURLM_OK;
    int running = 1;
    while (good == CURLM_OK && running > 0 && !cancelled.load()) {
      good = curl_multi_perform(multi, &running);
      if (good == CURLM_OK && running > 0) good = curl_multi_poll(multi, nullptr, 0, kLongestSleep, nullptr);
    }
    CURLcode outcome = CURLE_FAILED_INIT;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) outcome = message->data.result;
    }
    curl_multi_remove_handle(multi, easy);
    return outcome;
  }
};

HttpClient::HttpClient(ClientOptions options) {
  start_curl();
  handle_ = std::make_unique<Handle>();
  if (handle_->easy == nullptr || handle_->multi == nullptr) out_of_memory();
  curl_multi_setopt(handle_->multi, CURLMOPT_MAXCONNECTS, kConnectionsKept);
  handle_->options = std::move(options);
}

HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

void HttpClient::cancel() {
  handle_->cancelled = true;
  curl_multi_wakeup(handle_->multi);  // stays in force for a poll that begins afterwards
}

Result<Answer> HttpClient::send(const Request& request) {
  CURL* easy = handle_->easy;
  curl_easy_reset(easy);  // keeps the connections
  Incoming incoming;
  incoming.easy = easy;
  incoming.most = request.max_answer;
  incoming.status_alone = request.status_alone;
  Fields fields;
  for (const std::string& field : request.fields) add(fields, field);
  add(fields, "Expect:");  // a body of ours is small: nobody need be asked first

  bool good = true;
  const auto set = [&](CURLoption option, auto value) { good = good && curl_easy_setopt(easy, option, value) == CURLE_OK; };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_PATH_AS_IS, 1L);  // the path was signed as it stands
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_USERAGENT, "jwtd");
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!handle_->options.ca_file.empty()) {
    set(CURLOPT_CAINFO, handle_->options.ca_file.c_str());
    set(CURLOPT_CAPATH, nullptr);
    set(CURLOPT_CA_CACHE_TIMEOUT, 0L);  // or a file that was replaced would go unread for a day
  }
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.timeout.count()));
  set(CURLOPT_QUICK_EXIT, 1L);  // leaves a look-up of the name that hangs to itself; or the time-out would wait for its end
  set(CURLOPT_HTTPHEADER, fields.get());
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&incoming));
  set(CURLOPT_HEADERFUNCTION, &take_field);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&incoming));
  if (request.method == "POST") {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.c_str());
  } else {
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  if (!good) return Error(kPeerUnreachable, "libcurl does not take this request");

  const CURLcode code = handle_->perform();
  if (handle_->cancelled && code != CURLE_OK) return Error(kRequestCancelled);
  if (code != CURLE_OK && !(request.status_alone && incoming.has_head)) return error_of(code, incoming);
  const char* type = nullptr;
  curl_off_t retry_after = 0;
  curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
  incoming.answer.status = static_cast<int>(status_of(easy));
  if (type != nullptr) incoming.answer.content_type = type;
  incoming.answer.retry_after = std::chrono::seconds(retry_after);
  return std::move(incoming.answer);
}

}  // namespace jwtd::outgoing
