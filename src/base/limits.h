// base/limits.h - the bounds that are no settings, with the unit in the name and the reason beside it; those of one file alone stand there.
#pragma once

#include <chrono>
#include <cstddef>

namespace jwtd {

using namespace std::chrono_literals;

// -- HTTP, both listeners -------------------------------------------------------------------------------------------
inline constexpr std::size_t kMaxTargetBytes = 8000;        // RFC 9112 s3 asks for at least 8000 octets of request line
inline constexpr std::size_t kMaxHeadBytes = 16 * 1024;     // request line and fields; what nginx and Node allow is of this size
inline constexpr std::size_t kMaxFields = 100;              // more than any client sends; bounds the field table
inline constexpr std::size_t kMaxBodyBytes = 16 * 1024;     // a POST /v1/tokens body is below 200
inline constexpr std::size_t kMaxFormParameters = 16;       // of an OAuth request; they have two or three
inline constexpr std::size_t kMaxLeadingEmptyLines = 4;     // RFC 9112 s2.2 asks for tolerance of "at least one"
inline constexpr auto kHeadTimeout = 10s;                   // whole head, not per octet: a slow head is an attack or a dead link
inline constexpr auto kBodyTimeout = 10s;                   // whole body
inline constexpr auto kIdleTimeout = 75s;                   // keep-alive between requests; above common balancers' 60 s
inline constexpr auto kWriteTimeout = 10s;                  // a peer that does not read its 600 octets is gone
inline constexpr auto kHandshakeTimeout = 10s;              // TLS; as the head
inline constexpr auto kLingerTimeout = 2s;                  // after a refusal: time for the peer to read it (RFC 9112 s9.6)
inline constexpr std::size_t kMaxConnections = 20'000;      // of apps, default of a setting; about 5 KiB each
inline constexpr std::size_t kMaxAdminConnections = 256;    // of backends, supervisors and scrapers, default of a setting: some pools of connections
inline constexpr std::size_t kMaxRequestIdBytes = 64;       // a UUID has 36

// -- commit queue ---------------------------------------------------------------------------------------------------
inline constexpr std::size_t kMaxQueuedCommits = 16'384;    // records waiting; about 1 KiB each, 0.2 s of work
inline constexpr std::size_t kMaxBatchRecords = 1'024;      // keeps one commit below 10 ms on slow stores
inline constexpr auto kCommitDeadline = 2s;                 // then 503: a mobile client gave up or retries by then

// -- a database behind a network --------------------------------------------------------------------------------------
inline constexpr std::size_t kStoreConnections = 4;         // of one node: commits share round trips, so few are enough
inline constexpr auto kStoreCallTimeout = 1500ms;           // below kCommitDeadline: the outcome is known before the client is told 503

// -- reads ----------------------------------------------------------------------------------------------------------
inline constexpr std::size_t kReadThreads = 2;              // blocking look-ups at once
inline constexpr std::size_t kMaxQueuedReads = 1'024;
inline constexpr auto kReadDeadline = 5s;
inline constexpr std::size_t kMaxPageRecords = 100;         // transactions in one page
inline constexpr std::size_t kMaxEarlierTokens = 100;       // earlier tokens of one transaction that are shown

// -- what happens to a transaction -----------------------------------------------------------------------------------
inline constexpr std::size_t kMaxEvents = 128;              // of one transaction: the provider sends a few, each caller that verifies adds one
inline constexpr std::size_t kKeptForResults = 16;          // of these, places that only what decides may take: a final report, and its contradictions
inline constexpr std::size_t kMaxVerifiers = 32;            // of these events those of callers that verified: the provider's must find room
inline constexpr std::size_t kMaxEventBytes = 24 * 1024;    // of an event's details: a callback's body (kMaxBodyBytes) as a JSON string, and its fields
inline constexpr std::size_t kMaxEventKeyBytes = 160;        // the name, reference id, code and time of a report have room
inline constexpr std::size_t kMaxReportDepth = 16;          // of the provider's JSON: the documented members have 3
inline constexpr std::size_t kMaxReportBytes = kMaxEventBytes;  // a report is an event's details as it was sent
inline constexpr std::size_t kMaxReferenceBytes = 64;       // of the provider's name for a transaction: theirs have 32
inline constexpr std::size_t kMaxReportTimeBytes = 35;      // RFC 3339 with nanoseconds and an offset
inline constexpr std::size_t kMaxDescriptionBytes = 1024;   // the longest that is documented has below 100
inline constexpr std::size_t kMaxNoteKindBytes = 32;
inline constexpr std::size_t kMaxNoteKeyBytes = 256;        // a reference id, a hash and a time have room
inline constexpr std::size_t kMaxNoteBytes = 32 * 1024;     // an event's details and what is needed to forward them
inline constexpr std::size_t kMaxBatchChanges = 256;        // in one durable write

// -- calls to the provider --------------------------------------------------------------------------------------------
inline constexpr std::size_t kPollThreads = 16;             // questions to the provider at once
inline constexpr std::size_t kMaxQueuedPolls = 48;          // those that wait for a thread: with those that run a quarter of kMaxAdminConnections
inline constexpr std::size_t kPollShare = 4;                // where that is set lower: as many questions as a quarter of it
inline constexpr double kPollDeadline = 1.5;                // of a question, by telesign.timeout: its wait for a thread, and the call
inline constexpr std::size_t kMaxProviderAnswerBytes = 64 * 1024;  // read; what is kept is bounded by kMaxReportBytes
inline constexpr std::size_t kMaxSharedStatuses = 1'024;    // answers that stand for the next who ask; about 1 KiB each
inline constexpr auto kProviderErrorCache = 1s;             // how long a failure stands for them: long enough that a crowd is one request
inline constexpr auto kProviderLongestRest = 60s;           // that its Retry-After gets of us: a longer one may be a mistake, and costs a request a minute
inline constexpr unsigned kProviderSilence = 3;             // time-outs in a row; then it is left alone, but for probes
inline constexpr auto kProviderProbe = 5s;                  // between them: how soon it is noticed that it is back

// -- callbacks that are forwarded ------------------------------------------------------------------------------------
inline constexpr std::size_t kForwardAtOnce = 32;           // deliveries on their way: 600 a second to a receiver that takes 50 ms
inline constexpr std::size_t kForwardEach = 8;              // of one turn for each of them: a turn is claimed and settled by one durable write each
inline constexpr std::size_t kForwardBatch = kForwardAtOnce * kForwardEach;
inline constexpr std::size_t kForwardScan = 2'000;          // notes looked at in one turn for those that are due
inline constexpr auto kForwardInterval = 1s;                // between turns when nobody wakes it
inline constexpr auto kForwardTimeout = 10s;                // of one delivery; Standard Webhooks suggests 15 to 30, and a receiver should only note it down
inline constexpr auto kForwardPatience = 1s;                // of a turn, for the last of its deliveries; what takes longer is settled by a later one
inline constexpr auto kForwardFirstRest = 1s;               // of a URL that took nothing; doubles, each drawn between its half and its whole
inline constexpr auto kForwardLongestRest = 60s;            // so it is in use again this soon after it is back; Retry-After is followed up to it
inline constexpr auto kForwardTellInterval = 1s;            // between lines of the log about attempts that failed
inline constexpr auto kForwardFirstPause = 5s;              // before the second attempt of a message; doubles, each drawn between its half and its whole
inline constexpr auto kForwardLongestPause = 3600s;
inline constexpr unsigned kForwardAttempts = 36;            // with these pauses about a day: a receiver may be away for a night
inline constexpr auto kDeadLetterKept = 30 * 86'400s;       // as long as transactions by default: time to notice and replay

// -- limits that nodes share ----------------------------------------------------------------------------------------
inline constexpr std::size_t kLimitStoreConnections = 2;    // of one node: requests share round trips, and one connection may be down
inline constexpr auto kLimitCallTimeout = 5ms;              // a limit must not cost more than the commit behind it
inline constexpr auto kLimitConnectTimeout = 1s;            // name, TCP, TLS, password, script: several round trips, beside the serving path
inline constexpr std::size_t kMaxQueuedLimits = 4'096;      // requests waiting; more than a store answers in twice its time-out
inline constexpr std::size_t kMaxLimitBatch = 64;           // requests in one round trip: below 1 ms of the server's time, far from the time-out
inline constexpr auto kLimitProbeInterval = 1s;             // an idle connection is asked whether it still is one
inline constexpr unsigned kLimitBreakerFailures = 3;        // round trips in a row that failed; then the store is left alone for a while
inline constexpr auto kLimitFirstPause = 50ms;              // before the next attempt; doubles, each drawn between its half and its whole
inline constexpr auto kLimitLongestPause = 2s;              // so the store is in use again this soon after it is back

// -- files ----------------------------------------------------------------------------------------------------------
inline constexpr std::size_t kMaxSecretFileBytes = 64 * 1024;
inline constexpr std::size_t kMaxConfigBytes = 1024 * 1024;
inline constexpr std::size_t kMaxCallers = 10'000;
inline constexpr std::size_t kMaxCallersFileBytes = 4 * 1024 * 1024;  // kMaxCallers of 240 octets, and room for comments
inline constexpr auto kCallersLockTimeout = 10s;                      // a change takes milliseconds; longer is a process that hangs
inline constexpr std::size_t kMaxLimitRates = 32;           // of all [[limit]] rules together: each costs every request a look-up

// -- tokens ---------------------------------------------------------------------------------------------------------
inline constexpr std::size_t kMaxTokenBytes = 8 * 1024;     // of a token to verify: ours are below 500
inline constexpr std::size_t kMaxTokenJsonDepth = 16;       // of a header or claims: ours have 1
inline constexpr std::size_t kMinHmacKeyBytes = 32;         // RFC 7518 s3.2 for HS256
inline constexpr std::size_t kMinWebhookSecretBytes = 24;   // of callbacks.forward_secret_file: Standard Webhooks asks for 24 to 64
inline constexpr std::size_t kMaxIssuerBytes = 64;          // TeleSign customer ids have 36

// -- log ------------------------------------------------------------------------------------------------------------
inline constexpr std::size_t kMaxLogQueueBytes = 4 * 1024 * 1024;  // then lines are dropped and counted
inline constexpr std::size_t kMaxLogLineBytes = 4 * 1024;     // PIPE_BUF: a line reaches a pipe whole or not at all
inline constexpr std::size_t kLogWakeBytes = 64 * 1024;       // queued octets that are worth a write of their own
inline constexpr auto kLogGatherTime = 50ms;                  // how long a line may wait for others to share its write
inline constexpr auto kLogRetryTime = 1s;                     // between attempts to report lost lines while nothing else is logged
inline constexpr auto kLogStuckTime = 2s;                     // how long flush() and the end wait for a pipe that nobody reads

}  // namespace jwtd
