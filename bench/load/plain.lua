-- plain.lua - only reports, so that wrk builds one constant request itself: shows what requests.lua costs.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "outcome.lua")
