# ttl:60s unloads 60 s after the last request. A request that comes at that very instant is cold: timers go first.
replay: --policy ttl:60s --load-time 0s
trace:
  time,resource
  0,a
  59,a
  119,a
  200,a
decisions:
  0s warm a for request: a request waits for it; loading takes about 0 s
  0s release a request 1: it is warm
  59s release a request 2: it is warm
  1m59s drain a: 1 min since the last request: the policy keeps it no longer
  1m59s unload a: the step before it finished
  1m59s warm a for request: a request waits for it; loading takes about 0 s
  1m59s release a request 3: it is warm
  2m59s drain a: 1 min since the last request: the policy keeps it no longer
  2m59s unload a: the step before it finished
  3m20s warm a for request: a request waits for it; loading takes about 0 s
  3m20s release a request 4: it is warm
