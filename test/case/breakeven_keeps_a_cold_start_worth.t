# Break-even keeps for B = L + lambda L = 11 + 54 * 11 = 605 s: a gap of 604 s is warm, one of 605 s is cold.
replay: --policy breakeven --load-time 11s --wait-price 54
trace:
  time,resource
  0,a
  604,a
  1209,a
  5000,b
decisions:
  0s warm a for request: a request waits for it; loading takes about 11 s
  11s release a request 1: it is warm
  10m4s release a request 2: it is warm
  20m9s drain a: 10 min 5 s since the last request: keeping it longer costs more than a cold start (10 min 5 s of waiting and loading) saves
  20m9s unload a: the step before it finished
  20m9s warm a for request: a request waits for it; loading takes about 11 s
  20m20s release a request 3: it is warm
  30m14s drain a: 10 min 5 s since the last request: keeping it longer costs more than a cold start (10 min 5 s of waiting and loading) saves
  30m14s unload a: the step before it finished
  1h23m20s warm b for request: a request waits for it; loading takes about 11 s
  1h23m31s release b request 4: it is warm
