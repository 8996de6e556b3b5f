-- A turn of a new conversation each; prints what wrk.lua prints.
wrk.method = "POST"
wrk.body = '{"message": {"content": "The server room is on floor 3, behind the stairs."}}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("CHAT_KEY")

done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.timeout + e.status, latency:percentile(50), latency:percentile(99)))
end
