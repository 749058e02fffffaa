-- prepared.lua - sends the requests of a file (after.py writes it), in order and from the start again, and one JSON line with the outcome.
local prepared, at = {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local text = file:read("*a")
  file:close()
  local from = 1
  while from < #text do
    local size = tonumber(text:sub(from, from + 7))
    prepared[#prepared + 1] = text:sub(from + 8, from + 7 + size)
    from = from + 8 + size
  end
end

function request()
  at = at + 1
  if at > #prepared then at = 1 end
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
