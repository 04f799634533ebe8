# Three requests meet one cold model: one load, and each waits for the rest of it.
replay: --policy ttl:10m --load-time 11s
trace:
  time,resource
  0,a
  4,a
  10,a
  30,a
decisions:
  0s warm a for request: a request waits for it; loading takes about 11 s
  11s release a request 1: it is warm
  11s release a request 2: it is warm
  11s release a request 3: it is warm
  30s release a request 4: it is warm
