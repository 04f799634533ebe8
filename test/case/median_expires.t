# P6: the eleventh request does not come. The prewarm is given up at a tick five minutes after it began, and is not warmed
# twice meanwhile. (The request for b only makes time pass.)
replay: --policy median --load-time 0s
trace:
  time,resource
  0,a
  100,a
  200,a
  300,a
  400,a
  500,a
  600,a
  700,a
  800,a
  900,a
  2000,b
decisions:
  0s warm a for request: a request waits for it; loading takes about 0 s
  0s release a request 1: it is warm
  0s drain a: 0 s since the last request: the policy keeps it no longer
  0s unload a: the step before it finished
  1m40s warm a for request: a request waits for it; loading takes about 0 s
  1m40s release a request 2: it is warm
  1m40s drain a: 0 s since the last request: the policy keeps it no longer
  1m40s unload a: the step before it finished
  3m20s warm a for request: a request waits for it; loading takes about 0 s
  3m20s release a request 3: it is warm
  3m20s drain a: 0 s since the last request: the policy keeps it no longer
  3m20s unload a: the step before it finished
  5m warm a for request: a request waits for it; loading takes about 0 s
  5m release a request 4: it is warm
  5m drain a: 0 s since the last request: the policy keeps it no longer
  5m unload a: the step before it finished
  6m40s warm a for request: a request waits for it; loading takes about 0 s
  6m40s release a request 5: it is warm
  6m40s drain a: 0 s since the last request: the policy keeps it no longer
  6m40s unload a: the step before it finished
  8m20s warm a for request: a request waits for it; loading takes about 0 s
  8m20s release a request 6: it is warm
  8m20s drain a: 0 s since the last request: the policy keeps it no longer
  8m20s unload a: the step before it finished
  10m warm a for request: a request waits for it; loading takes about 0 s
  10m release a request 7: it is warm
  10m drain a: 0 s since the last request: the policy keeps it no longer
  10m unload a: the step before it finished
  11m40s warm a for request: a request waits for it; loading takes about 0 s
  11m40s release a request 8: it is warm
  11m40s drain a: 0 s since the last request: the policy keeps it no longer
  11m40s unload a: the step before it finished
  13m20s warm a for request: a request waits for it; loading takes about 0 s
  13m20s release a request 9: it is warm
  13m20s drain a: 0 s since the last request: the policy keeps it no longer
  13m20s unload a: the step before it finished
  15m warm a for request: a request waits for it; loading takes about 0 s
  15m release a request 10: it is warm
  15m drain a: 0 s since the last request: the policy keeps it no longer
  15m unload a: the step before it finished
  15m30s warm a for plan: the median gap of 1 min 40 s puts the next request in 1 min 10 s
  20m30s drain a: warmed ahead 5 min ago and not used
  20m30s unload a: the step before it finished
  33m20s warm b for request: a request waits for it; loading takes about 10 ms
  33m20s release b request 11: it is warm
  33m20s drain b: 0 s since the last request: the policy keeps it no longer
  33m20s unload b: the step before it finished
