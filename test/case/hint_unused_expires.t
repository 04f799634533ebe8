# A hint that was wrong: the model is let go a minute and a load after the request should have come, and hints for it
# are ignored for the cool-down.
replay: --policy ttl:60s --load-time 10s --cooldown 30m
trace:
  time,resource
  0,a
  5000,b
hints:
  time,resource,probability,eta_s
  1000,a,0.9,10
  1500,a,0.9,10
decisions:
  0s warm a for request: a request waits for it; loading takes about 10 s
  10s release a request 1: it is warm
  1m drain a: 1 min since the last request: the policy keeps it no longer
  1m unload a: the step before it finished
  16m40s warm a for hint: a hint says it is wanted in 10 s with probability 0.90
  18m drain a: warmed ahead 1 min 10 s ago and not used
  18m unload a: the step before it finished
  25m decline a: its last warm-up ahead went unused; none for a hint or page in the next 23 min
  1h23m20s warm b for request: a request waits for it; loading takes about 10 s
  1h23m30s release b request 2: it is warm
