# A model that needs more than the whole budget can never be loaded: it is refused at once, not held for ever.
replay: --policy lru --load-time 10s --memory 8GiB
trace:
  time,resource
  0,a
  1,b
sizes:
  resource,memory
  a,9GiB
  b,1GiB
decisions:
  0s refuse a request 1: it needs 9GiB, more than the whole budget of 8GiB
  1s warm b for request: a request waits for it; loading takes about 10 s
  11s release b request 2: it is warm
