# Two warm-ups an hour (W4): the hint's would be the third and is declined with the numbers; a request is served all the
# same. An hour after the first of them there is one to spend again.
replay: --policy ttl:60s --load-time 10s --budget-warmups 2
trace:
  time,resource
  0,a
  600,b
  2000,c
  4500,a
  7000,a
hints:
  time,resource,probability,eta_s
  1000,a,0.9,10
  6000,b,0.9,10
decisions:
  0s warm a for request: a request waits for it; loading takes about 10 s
  10s release a request 1: it is warm
  1m drain a: 1 min since the last request: the policy keeps it no longer
  1m unload a: the step before it finished
  10m warm b for request: a request waits for it; loading takes about 10 s
  10m10s release b request 2: it is warm
  11m drain b: 1 min since the last request: the policy keeps it no longer
  11m unload b: the step before it finished
  16m40s decline a: 2 warm-ups within the hour, 2 are allowed; the oldest will be an hour old in 48 min 20 s
  33m20s warm c for request: a request waits for it; loading takes about 10 s
  33m30s release c request 3: it is warm
  34m20s drain c: 1 min since the last request: the policy keeps it no longer
  34m20s unload c: the step before it finished
  1h15m warm a for request: a request waits for it; loading takes about 10 s
  1h15m10s release a request 4: it is warm
  1h16m drain a: 1 min since the last request: the policy keeps it no longer
  1h16m unload a: the step before it finished
  1h40m warm b for hint: a hint says it is wanted in 10 s with probability 0.60
  1h41m20s drain b: warmed ahead 1 min 10 s ago and not used
  1h41m20s unload b: the step before it finished
  1h56m40s warm a for request: a request waits for it; loading takes about 10 s
  1h56m50s release a request 5: it is warm
