# The oracle knows the next request: it loads so that the model is ready as the request comes, and keeps it over gaps that
# are shorter than a load.
replay: --policy oracle --load-time 11s
trace:
  time,resource
  0,a
  1000,a
  1005,a
  5000,b
decisions:
  0s warm a for request: a request waits for it; loading takes about 11 s
  11s release a request 1: it is warm
  11s drain a: 11 s since the last request: the policy keeps it no longer
  11s unload a: the step before it finished
  16m29s warm a for plan: the plan expects a request: 16 min 40 s after the last one, loading takes 11 s
  16m40s release a request 2: it is warm
  16m45s release a request 3: it is warm
  16m45s drain a: 0 s since the last request: the policy keeps it no longer
  16m45s unload a: the step before it finished
  1h23m20s warm b for request: a request waits for it; loading takes about 11 s
  1h23m31s release b request 4: it is warm
