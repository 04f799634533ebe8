-- A chat request of 1,967 bytes, "model" last; PATH says which page.
local text = string.rep("It was the best of times, it was the worst of times. ", 34)
local body = '{"messages":[{"role":"user","content":"' .. text .. '"}],"stream":false,"max_tokens":64'
local tail = ',"model":"bench"}'
body = body .. string.rep(" ", 1967 - #body - #tail) .. tail
wrk.method = "POST"
wrk.body = body
wrk.headers["Content-Type"] = "application/json"
wrk.path = os.getenv("BENCH_PATH") or "/v1/chat/completions"

done = function(summary, latency, requests)
    local errors = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write +
                   summary.errors.timeout
    io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50), errors))
end
