# Two models of 6 GiB, a budget of 8: the one used longest ago goes, but only when its room is needed.
replay: --policy lru --load-time 10s --memory 8GiB
trace:
  time,resource
  0,a
  1000,b
  5000,b
  5100,a
sizes:
  resource,memory
  a,6GiB
  b,6GiB
decisions:
  0s warm a for request: a request waits for it; loading takes about 10 s
  10s release a request 1: it is warm
  16m40s drain a: 6GiB are needed for another resource; this one was worth least
  16m40s unload a: the step before it finished
  16m40s warm b for request: a request waits for it; loading takes about 10 s
  16m50s release b request 2: it is warm
  1h23m20s release b request 3: it is warm
  1h25m drain b: 6GiB are needed for another resource; this one was worth least
  1h25m unload b: the step before it finished
  1h25m warm a for request: a request waits for it; loading takes about 10 s
  1h25m10s release a request 4: it is warm
