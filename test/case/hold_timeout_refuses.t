# Loading takes longer than a request may be held: it is refused at its timeout, the load goes on for the next one.
replay: --policy ttl:10m --load-time 60s --hold-timeout 20s
trace:
  time,resource
  0,a
  50,a
  100,a
decisions:
  0s warm a for request: a request waits for it; loading takes about 1 min
  20s refuse a request 1: held for 20 s, longer than allowed
  1m release a request 2: it is warm
  1m40s release a request 3: it is warm
