# P10: two models of 6 GiB, a budget of 8, and users who come back a few seconds after they were answered. What made way and was
# asked for again at once, three times, then stays for its users: two of a in a row, then two of b.
replay: --policy planner --load-time 20s --memory 8GiB
trace:
  time,resource
  0,a
  10,b
  25,a
  45,b
  65,a
  85,b
  105,a
  125,b
  144,a
  148,a
  160,a
  181,b
sizes:
  resource,memory
  *,6GiB
decisions:
  0s warm a for request: a request waits for it; loading takes about 20 s
  20s release a request 1: it is warm
  20s drain a: 6GiB are needed for another resource; this one was worth least
  20s unload a: the step before it finished
  20s warm b for request: a request waits for it; loading takes about 20 s
  40s release b request 2: it is warm
  40s drain b: 6GiB are needed for another resource; this one was worth least
  40s unload b: the step before it finished
  40s warm a for request: a request waits for it; loading takes about 20 s
  1m release a request 3: it is warm
  1m drain a: 6GiB are needed for another resource; this one was worth least
  1m unload a: the step before it finished
  1m warm b for request: a request waits for it; loading takes about 20 s
  1m20s release b request 4: it is warm
  1m20s drain b: 6GiB are needed for another resource; this one was worth least
  1m20s unload b: the step before it finished
  1m20s warm a for request: a request waits for it; loading takes about 20 s
  1m40s release a request 5: it is warm
  1m40s drain a: 6GiB are needed for another resource; this one was worth least
  1m40s unload a: the step before it finished
  1m40s warm b for request: a request waits for it; loading takes about 20 s
  2m release b request 6: it is warm
  2m drain b: 6GiB are needed for another resource; this one was worth least
  2m unload b: the step before it finished
  2m warm a for request: a request waits for it; loading takes about 20 s
  2m20s release a request 7: it is warm
  2m20s wait b: a was loaded a moment ago and stays while it is used, 20 s more at most: the last 3 times it made way it was asked for again within 5 s
  2m24s release a request 9: it is warm
  2m28s release a request 10: it is warm
  2m36s drain a: 6GiB are needed for another resource; this one was worth least
  2m36s unload a: the step before it finished
  2m36s warm b for request: a request waits for it; loading takes about 20 s
  2m56s release b request 8: it is warm
  2m56s wait a: b was loaded a moment ago and stays while it is used, 20 s more at most: the last 3 times it made way it was asked for again within 5 s
  3m1s release b request 12: it is warm
  3m11s drain b: 6GiB are needed for another resource; this one was worth least
  3m11s unload b: the step before it finished
  3m11s warm a for request: a request waits for it; loading takes about 20 s
  3m31s release a request 11: it is warm
