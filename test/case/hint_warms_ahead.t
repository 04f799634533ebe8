# A hint 30 s ahead: the model is loaded so that it is ready in time, and the request does not wait.
replay: --policy ttl:60s --load-time 10s
trace:
  time,resource
  0,a
  1000,a
hints:
  time,resource,probability,eta_s
  970,a,0.9,30
decisions:
  0s warm a for request: a request waits for it; loading takes about 10 s
  10s release a request 1: it is warm
  1m drain a: 1 min since the last request: the policy keeps it no longer
  1m unload a: the step before it finished
  16m30s warm a for hint: a hint says it is wanted in 30 s with probability 0.90
  16m40s release a request 2: it is warm
