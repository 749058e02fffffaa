-- requests.lua - GET /v1/token/{phone} for a thousand phone numbers, and one JSON line with the outcome.
--
-- The requests are built before the clock starts: what is left per request is one table look-up, the same for every server.

local kPhones = 1000
local prepared, at = {}, 0

function init(args)
  for i = 1, kPhones do
    prepared[i] = wrk.format("GET", string.format("/v1/token/1555%07d", i))
  end
end

function request()
  at = at + 1
  if at > kPhones then at = 1 end
  return prepared[at]
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nOUTCOME {"requests":%d,"micros":%d,"p50":%.1f,"p90":%.1f,"p99":%.1f,"p999":%.1f,"max":%.1f,'
      .. '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency:percentile(99.9), latency.max, e.connect, e.read, e.write, e.status, e.timeout))
end
