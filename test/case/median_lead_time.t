# P5: the gap of 10 minutes is beyond the horizon of 5: predicted only when it is less than 5 minutes away, warmed when
# less than the lead time (here 60 s) away.
replay: --policy median --load-time 11s --prewarm-lead-time 60s
trace:
  time,resource
  0,a
  600,a
  1200,a
  1800,a
  2400,a
  3000,a
  3600,a
  4200,a
  4800,a
  5400,a
  6000,a
decisions:
  0s warm a for request: a request waits for it; loading takes about 11 s
  11s release a request 1: it is warm
  11s drain a: 11 s since the last request: the policy keeps it no longer
  11s unload a: the step before it finished
  10m warm a for request: a request waits for it; loading takes about 11 s
  10m11s release a request 2: it is warm
  10m11s drain a: 11 s since the last request: the policy keeps it no longer
  10m11s unload a: the step before it finished
  20m warm a for request: a request waits for it; loading takes about 11 s
  20m11s release a request 3: it is warm
  20m11s drain a: 11 s since the last request: the policy keeps it no longer
  20m11s unload a: the step before it finished
  30m warm a for request: a request waits for it; loading takes about 11 s
  30m11s release a request 4: it is warm
  30m11s drain a: 11 s since the last request: the policy keeps it no longer
  30m11s unload a: the step before it finished
  40m warm a for request: a request waits for it; loading takes about 11 s
  40m11s release a request 5: it is warm
  40m11s drain a: 11 s since the last request: the policy keeps it no longer
  40m11s unload a: the step before it finished
  50m warm a for request: a request waits for it; loading takes about 11 s
  50m11s release a request 6: it is warm
  50m11s drain a: 11 s since the last request: the policy keeps it no longer
  50m11s unload a: the step before it finished
  1h warm a for request: a request waits for it; loading takes about 11 s
  1h11s release a request 7: it is warm
  1h11s drain a: 11 s since the last request: the policy keeps it no longer
  1h11s unload a: the step before it finished
  1h10m warm a for request: a request waits for it; loading takes about 11 s
  1h10m11s release a request 8: it is warm
  1h10m11s drain a: 11 s since the last request: the policy keeps it no longer
  1h10m11s unload a: the step before it finished
  1h20m warm a for request: a request waits for it; loading takes about 11 s
  1h20m11s release a request 9: it is warm
  1h20m11s drain a: 11 s since the last request: the policy keeps it no longer
  1h20m11s unload a: the step before it finished
  1h30m warm a for request: a request waits for it; loading takes about 11 s
  1h30m11s release a request 10: it is warm
  1h30m11s drain a: 11 s since the last request: the policy keeps it no longer
  1h30m11s unload a: the step before it finished
  1h39m warm a for plan: the median gap of 10 min puts the next request in 1 min
  1h40m release a request 11: it is warm
  1h40m drain a: 0 s since the last request: the policy keeps it no longer
  1h40m unload a: the step before it finished
