-- outcome.lua - the one JSON line that a load script ends with; the others load it.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nOUTCOME {"requests":%d,"micros":%d,"p50":%.1f,"p90":%.1f,"p99":%.1f,"p999":%.1f,"max":%.1f,'
      .. '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency:percentile(99.9), latency.max, e.connect, e.read, e.write, e.status, e.timeout))
end
