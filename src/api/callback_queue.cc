// api/callback_queue.cc - pages of notes, and notes moved from one kind to the other.
#include "api/callback_queue.h"

#include <nlohmann/json.hpp>

#include "api/answer.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/timeline.h"
#include "forward/outbox.h"
#include "http/problem.h"
#include "json/strict_json.h"
#include "store/apply_all.h"

namespace jwtd::api {
namespace {

using http::Request;
using http::Response;
using Json = nlohmann::ordered_json;

void refuse(const CallbackQueueContext& context, const Error& error, const Request& request, Response& response) {
  refuse_and_log(context.log, LogLevel::kWarn, "callback_queue_failed", error, request, response);
}

Json shown(const store::Note& note, Sight sight) {
  const std::optional<forward::Delivery> delivery = forward::delivery_of(note);
  if (!delivery) return {{"key", note.key}, {"damaged", true}};
  Json out{{"id", delivery->id}, {"xid", shown_id(delivery->xid, sight)}, {"attempts", delivery->attempts}, {"next_at", format_rfc3339(delivery->next_at, true)}};
  if (sight == Sight::kFull) out["body"] = Json::parse(delivery->body, nullptr, false);
  return out;
}

Task<void> list(const CallbackQueueContext& context, std::string_view kind, const Request& request, Response& response) {
  const Result<Asker> caller = admit(context.callers, request);
  if (!caller) co_return refuse(context, caller.error(), request, response);
  const Sight sight = sight_of(*caller);
  if (const Status names = check_names(request.query, {"limit", "cursor"}); !names) co_return refuse(context, names.error(), request, response);
  const Result<PageWish> wish = page_wish(request.query);
  if (!wish) co_return refuse(context, wish.error(), request, response);
  const auto read = [&store = context.store, kind, wish = *wish, now = context.now()] { return store.notes(kind, wish.cursor, wish.limit, now); };
  const auto notes = co_await context.reads.run(read);
  if (!notes) co_return refuse(context, notes.error(), request, response);
  Json json{{"callbacks", Json::array()}, {"next", nullptr}};
  for (const store::Note& note : *notes) json["callbacks"].push_back(shown(note, sight));
  if (notes->size() == wish->limit) json["next"] = notes->back().key;
  answer(response, json);
}

// The id in the body; empty: all.
Result<std::string> wished(const Request& request) {
  std::string why;
  const auto body = json::JsonObject::parse(request.body, /*max_depth=*/1, why);
  if (!body) return Error(kReplayMalformed);
  for (const json::JsonMember& member : body->members()) {
    if (member.name != "id" || member.kind != json::JsonMember::Kind::kString || member.text.empty()) return Error(kReplayMalformed);
  }
  return body->has("id") ? body->find("id")->text : std::string();
}

struct Dead {
  std::vector<store::Note> notes;
  bool more = false;
};

Result<Dead> find_dead(store::Store& store, const std::string& id, UnixMillis now) {
  Dead dead;
  for (std::string after;;) {
    const auto page = store.notes(store::kDeadNote, after, kMaxPageRecords, now);
    if (!page) return page.error();
    for (const store::Note& note : *page) {
      after = note.key;
      const auto delivery = forward::delivery_of(note);
      if (delivery && (id.empty() || delivery->id == id)) dead.notes.push_back(note);
    }
    if (page->size() < kMaxPageRecords) return dead;
    if (!dead.notes.empty()) {
      dead.more = id.empty();
      return dead;
    }
  }
}

Task<void> replay(const CallbackQueueContext& context, const Request& request, Response& response) {
  if (const Result<Asker> caller = admit(context.callers, request); !caller) co_return refuse(context, caller.error(), request, response);
  const Result<std::string> id = wished(request);
  if (!id) co_return refuse(context, id.error(), request, response);
  const UnixMillis now = context.now();
  const auto read = [&store = context.store, id = *id, now] { return find_dead(store, id, now); };
  const Result<Dead> dead = co_await context.reads.run(read);
  if (!dead) co_return refuse(context, dead.error(), request, response);
  if (dead->notes.empty() && !id->empty()) co_return refuse(context, Error(kDeadLetterUnknown), request, response);
  std::vector<store::Change> changes;
  for (const store::Note& note : dead->notes) {  // each whole: it is in one of the two lists at any moment
    forward::Delivery delivery = *forward::delivery_of(note);
    delivery.attempts = 0;
    delivery.next_at = now;
    delivery.owner = context.owner;
    store::Change change;
    store::Note& again = change.put.emplace_back(forward::note_of(delivery, store::kOutboxNote));
    again.where = store::kDeadNote;  // not if it was erased meanwhile
    change.remove.push_back({std::string(store::kDeadNote), note.key});
    changes.push_back(std::move(change));
  }
  const auto applied = co_await store::apply_all(context.lane, std::move(changes));
  if (!applied) co_return refuse(context, applied.error(), request, response);
  if (!dead->notes.empty()) context.replayed();
  answer(response, {{"replayed", dead->notes.size()}, {"more", dead->more}});
}

}  // namespace

void add_callback_queue_routes(http::Router& router, const CallbackQueueContext& context) {
  add_route(router, http::Method::kGet, "/v1/callbacks/outbox",
            [&context](const Request& request, Response& response) { return list(context, store::kOutboxNote, request, response); });
  add_route(router, http::Method::kGet, "/v1/callbacks/dead",
            [&context](const Request& request, Response& response) { return list(context, store::kDeadNote, request, response); });
  add_route(router, http::Method::kPost, "/v1/callbacks/replay",
            [&context](const Request& request, Response& response) { return replay(context, request, response); });
}

}  // namespace jwtd::api
