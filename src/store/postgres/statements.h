// store/postgres/statements.h - every statement of the serving path. docs/adr/0006-postgresql.md says why they are as they are.
#pragma once

#include <array>

#include "store/postgres/connection.h"

namespace jwtd::store::postgres {

extern const Statement kBegin;
extern const Statement kCommit;

// Keeps epochs from being opened until the transaction ends: whoever has this and then looks for an XID looks everywhere that it can be.
extern const Statement kHoldEpochs;

// New transactions in the newest epoch, under XIDs that nobody can have used: the server refuses all (23505) if one is there.
// $1 xids $2 phones $3 iats $4 exps $5 recorded_ats $6 isss $7 kids $8 tokens, arrays; $9 the latest recorded_at, $10 what to add to it for a bound, in microseconds
extern const Statement kInsertNew;

// As kInsertNew where the XID is absent: a row (xid) for each. For each that stands, its current row.
// The arrays are in the order of their XIDs, so that two nodes wait for each other in one direction only. $11 created_ats $12 numbers, arrays
extern const Statement kInsertAbsent;
// The same, with earlier tokens for those that were absent: $13 xids $14 numbers $15 iats $16 exps $17 recorded_ats $18 isss $19 kids $20 tokens,
// and what happened to all of them: $21 events, event_list.h, '' for none
extern const Statement kAdopt;

// A new current token where the transaction is as it was read and not closed; the former one becomes an earlier one. A row (xid) for each that was.
// $1 xids $2 epochs $3 numbers as read $4 created_ats as read $5 iats $6 exps $7 recorded_ats $8 isss $9 kids $10 tokens
extern const Statement kReissue;

// Takes away what is past retention, to make room for a new transaction under its XID. $1 xids $2 epochs $3 created_ats as read
extern const Statement kForget;
extern const Statement kForgetEarlier;  // $1 xids $2 epochs

// What happens to transactions afterwards (change_plan.h), and notes.
extern const Statement kUnder;          // $1 xids, array
// Locks notes that are there, in the order of their names: whoever removes some and puts others waits in one direction only; and what a note asks for that is to
// be put stays as it is until it is. $1 kinds $2 keys
extern const Statement kHoldNotes;
// Adds events to transactions, or erases them, where they are as they were read; a row (xid) for each that was. Notes go with their owner's row.
// $1 xids $2 epochs $3 created_ats as read $4 octets of events as read $5 new events, '' to erase;
// notes to put: $6 owners, '' for none, $7 kinds $8 keys $9 values $13 expires_ats $14 Note::where, '' for none; to remove: $10 owners $11 kinds $12 keys
extern const Statement kChange;
extern const Statement kNote;           // $1 kind $2 key $3 now
extern const Statement kNotes;          // $1 kind $2 behind this key $3 now $4 limit
extern const Statement kSweepNotes;     // $1 now $2 at most

extern const Statement kFind;           // $1 xid
extern const Statement kEarlier;        // $1 epoch $2 xids, array $3 below this number $4 at most
extern const Statement kFindByPhone;    // $1 phone $2 created_at, at most $3 xid, below it in that moment $4 created_at, at least $5 limit
extern const Statement kScan;           // $1 epoch $2 above this xid $3 created_at, at least $4 limit
extern const Statement kEpochs;         // oldest first
extern const Statement kPing;

// Columns of whatever shows a transaction; the last is kClosed of those that write tokens, kEvents of the others.
enum Column : int { kXid, kPhoneNumber, kToken, kIss, kKid, kIat, kExp, kRecordedAt, kCreatedAt, kNumber, kEpoch, kClosed, kEvents = kClosed };
// Columns of kNotes; kNote has the value alone.
enum NoteColumn : int { kNoteKey, kNoteValue, kNoteExpiresAt };
// Columns of kEarlier.
enum EarlierColumn : int { kEarlierXid, kEarlierNumber, kEarlierToken, kEarlierIss, kEarlierKid, kEarlierIat, kEarlierExp, kEarlierRecordedAt };
// Columns of kEpochs.
enum EpochColumn : int { kEpochNumber, kEpochBegan, kEpochBound };

const std::array<const Statement*, 21>& all_statements();

}  // namespace jwtd::store::postgres
