# P10: what leaves memory first goes to host memory, from where it loads in a fifth of the time. Host memory has room for one:
# the one there makes way for the one that was asked for later, and is loaded from cold the next time.
replay: --policy lru --load-time 10s --memory 8GiB --half-load 0.2 --host-memory 7GiB
trace:
  time,resource
  0,a
  1000,b
  2000,a
  3000,c
  4000,a
  5000,b
sizes:
  resource,memory
  *,6GiB
decisions:
  0s warm a for request: a request waits for it; loading takes about 10 s
  10s release a request 1: it is warm
  16m40s drain a: 6GiB are needed for another resource; this one was worth least
  16m40s unload a: the step before it finished
  16m40s warm b for request: a request waits for it; loading takes about 10 s
  16m50s release b request 2: it is warm
  33m20s drain b: 6GiB are needed for another resource; this one was worth least
  33m20s unload b: the step before it finished
  33m20s warm a for request: a request waits for it; loading takes about 2.5 s
  33m22s release a request 3: it is warm
  33m22s raise b: half warm it loads in 2.5 s instead of 10 s: worth 0 s of expected waiting
  50m lower b: 6GiB of host memory are needed for another resource; this one was worth least there
  50m drain a: 6GiB are needed for another resource; this one was worth least
  50m unload a: the step before it finished
  50m warm c for request: a request waits for it; loading takes about 10 s
  50m10s release c request 4: it is warm
  1h6m40s drain c: 6GiB are needed for another resource; this one was worth least
  1h6m40s unload c: the step before it finished
  1h6m40s warm a for request: a request waits for it; loading takes about 2 s
  1h6m42s release a request 5: it is warm
  1h6m42s raise c: half warm it loads in 2.5 s instead of 10 s: worth 0 s of expected waiting
  1h23m20s lower c: 6GiB of host memory are needed for another resource; this one was worth least there
  1h23m20s drain a: 6GiB are needed for another resource; this one was worth least
  1h23m20s unload a: the step before it finished
  1h23m20s warm b for request: a request waits for it; loading takes about 10 s
  1h23m30s release b request 6: it is warm
