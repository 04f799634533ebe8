# W: a model that is answering is never unloaded. The answer takes 100 s, far longer than the 10 s it is kept; it is let
# go 10 s after the answer.
replay: --policy ttl:10s --load-time 5s
trace:
  time,resource,duration
  0,a,100
  200,b,0
decisions:
  0s warm a for request: a request waits for it; loading takes about 5 s
  5s release a request 1: it is warm
  1m50s drain a: 10 s since the last request: the policy keeps it no longer
  1m50s unload a: the step before it finished
  3m20s warm b for request: a request waits for it; loading takes about 5 s
  3m25s release b request 2: it is warm
