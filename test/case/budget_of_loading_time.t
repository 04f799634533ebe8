# Twenty five seconds of loading an hour (W4): two loads of ten leave too little for a third one ahead.
replay: --policy ttl:60s --load-time 10s --budget-loading 25s
trace:
  time,resource
  0,a
  600,b
  2000,a
hints:
  time,resource,probability,eta_s
  1000,a,0.9,10
decisions:
  0s warm a for request: a request waits for it; loading takes about 10 s
  10s release a request 1: it is warm
  1m drain a: 1 min since the last request: the policy keeps it no longer
  1m unload a: the step before it finished
  10m warm b for request: a request waits for it; loading takes about 10 s
  10m10s release b request 2: it is warm
  11m drain b: 1 min since the last request: the policy keeps it no longer
  11m unload b: the step before it finished
  16m40s decline a: 20 s of loading within the hour and about 10 s more, 25 s are allowed; the oldest will be an hour old in 48 min 20 s
  33m20s warm a for request: a request waits for it; loading takes about 10 s
  33m30s release a request 3: it is warm
