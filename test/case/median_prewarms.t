# P4, P5: ten requests two minutes apart. With a history of 10 and 3 stamps of the resource the next one is expected at
# last + median; at the first tick (every 30 s) with at most 120 s to go it is warmed ahead.
replay: --policy median --load-time 11s
trace:
  time,resource
  0,a
  120,a
  240,a
  360,a
  480,a
  600,a
  720,a
  840,a
  960,a
  1080,a
  1200,a
decisions:
  0s warm a for request: a request waits for it; loading takes about 11 s
  11s release a request 1: it is warm
  11s drain a: 11 s since the last request: the policy keeps it no longer
  11s unload a: the step before it finished
  2m warm a for request: a request waits for it; loading takes about 11 s
  2m11s release a request 2: it is warm
  2m11s drain a: 11 s since the last request: the policy keeps it no longer
  2m11s unload a: the step before it finished
  4m warm a for request: a request waits for it; loading takes about 11 s
  4m11s release a request 3: it is warm
  4m11s drain a: 11 s since the last request: the policy keeps it no longer
  4m11s unload a: the step before it finished
  6m warm a for request: a request waits for it; loading takes about 11 s
  6m11s release a request 4: it is warm
  6m11s drain a: 11 s since the last request: the policy keeps it no longer
  6m11s unload a: the step before it finished
  8m warm a for request: a request waits for it; loading takes about 11 s
  8m11s release a request 5: it is warm
  8m11s drain a: 11 s since the last request: the policy keeps it no longer
  8m11s unload a: the step before it finished
  10m warm a for request: a request waits for it; loading takes about 11 s
  10m11s release a request 6: it is warm
  10m11s drain a: 11 s since the last request: the policy keeps it no longer
  10m11s unload a: the step before it finished
  12m warm a for request: a request waits for it; loading takes about 11 s
  12m11s release a request 7: it is warm
  12m11s drain a: 11 s since the last request: the policy keeps it no longer
  12m11s unload a: the step before it finished
  14m warm a for request: a request waits for it; loading takes about 11 s
  14m11s release a request 8: it is warm
  14m11s drain a: 11 s since the last request: the policy keeps it no longer
  14m11s unload a: the step before it finished
  16m warm a for request: a request waits for it; loading takes about 11 s
  16m11s release a request 9: it is warm
  16m11s drain a: 11 s since the last request: the policy keeps it no longer
  16m11s unload a: the step before it finished
  18m warm a for request: a request waits for it; loading takes about 11 s
  18m11s release a request 10: it is warm
  18m11s drain a: 11 s since the last request: the policy keeps it no longer
  18m11s unload a: the step before it finished
  18m30s warm a for plan: the median gap of 2 min puts the next request in 1 min 30 s
  20m release a request 11: it is warm
  20m drain a: 0 s since the last request: the policy keeps it no longer
  20m unload a: the step before it finished
