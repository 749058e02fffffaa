-- requests.lua - GET /v1/token/{phone} for a thousand phone numbers, and one JSON line with the outcome.
--
-- The requests are built before the clock starts: what is left per request is one table look-up, the same for every server.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "outcome.lua")

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
