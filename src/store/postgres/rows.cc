// store/postgres/rows.cc - one function a table.
#include "store/postgres/rows.h"

#include "store/postgres/event_list.h"
#include "store/postgres/statements.h"
#include "store/postgres/values.h"
#include "store/store.h"

namespace jwtd::store::postgres {
namespace {

struct Texts {
  std::optional<std::string> token, iss, kid;
  bool all() const { return token && iss && kid; }
};

Texts texts(const Rows& rows, std::size_t row, int token, int iss, int kid) {
  return {from_ascii(rows.value(row, token)), from_ascii(rows.value(row, iss)), from_ascii(rows.value(row, kid))};
}

UnixSeconds seconds(const Rows& rows, std::size_t row, int column) {
  const UnixMillis at = rows.time(row, column);
  return at / 1000 - (at % 1000 < 0 ? 1 : 0);
}

constexpr const char* kNotWritten = "a text in its row is not one that jwtd writes";

}  // namespace

Result<Standing> read_standing(const Rows& rows, std::size_t row) {
  const auto xid = Xid::parse(rows.value(row, kXid));
  if (!xid) return Error(kStoreDamaged, "an xid in jwtd.transactions is none");
  const auto phone = Phone::unpack(static_cast<std::uint64_t>(rows.int8(row, kPhoneNumber)));
  if (!phone) return Error(kStoreDamaged, "transaction " + xid->text() + ": the phone number in its row is none");
  Texts all = texts(rows, row, kToken, kIss, kKid);
  if (!all.all()) return Error(kStoreDamaged, "transaction " + xid->text() + ": " + kNotWritten);
  const std::int32_t number = rows.int4(row, kNumber);
  if (number < 1) return Error(kStoreDamaged, "transaction " + xid->text() + ": its row counts no token");
  Record record{*xid, *phone, *std::move(all.token), *std::move(all.iss), *std::move(all.kid), seconds(rows, row, kIat), seconds(rows, row, kExp),
                rows.time(row, kRecordedAt)};
  return Standing{std::move(record), rows.time(row, kCreatedAt), number, rows.int4(row, kEpoch)};
}

Result<Transaction> read_transaction(const Rows& rows, std::size_t row, std::int32_t* epoch) {
  Result<Standing> standing = read_standing(rows, row);
  if (!standing) return standing.error();
  Transaction transaction{standing->created_at, static_cast<std::uint64_t>(standing->number), std::move(standing->record), {}, {}};
  if (epoch) *epoch = standing->epoch;
  if (rows.value(row, kEvents).empty()) return transaction;
  auto events = read_event_list(rows.value(row, kEvents));
  if (!events) return Error(kStoreDamaged, "transaction " + transaction.current.xid.text() + ": its events are not such as jwtd writes");
  transaction.events = *std::move(events);
  return transaction;
}

Result<Record> read_earlier(const Rows& rows, std::size_t row, const Phone& phone) {
  const auto xid = Xid::parse(rows.value(row, kEarlierXid));
  if (!xid) return Error(kStoreDamaged, "an xid in jwtd.earlier_tokens is none");
  Texts all = texts(rows, row, kEarlierToken, kEarlierIss, kEarlierKid);
  if (!all.all()) return Error(kStoreDamaged, "an earlier token of transaction " + xid->text() + ": " + kNotWritten);
  return Record{*xid, phone, *std::move(all.token), *std::move(all.iss), *std::move(all.kid), seconds(rows, row, kEarlierIat),
                seconds(rows, row, kEarlierExp), rows.time(row, kEarlierRecordedAt)};
}

bool is_storable(const Record& record) {
  const auto fits = [](UnixMillis at) { return at >= kFirstMillis && at <= kLastMillis; };
  const auto seconds_fit = [](UnixSeconds at) { return at >= kFirstMillis / 1000 && at <= kLastMillis / 1000; };
  return fits(record.recorded_at) && seconds_fit(record.iat) && seconds_fit(record.exp);
}

}  // namespace jwtd::store::postgres
