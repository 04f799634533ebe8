# The always-cold policy lets go as soon as the answer is out.
replay: --policy cold --load-time 11s
trace:
  time,resource
  0,a
  5,a
  100,a
decisions:
  0s warm a for request: a request waits for it; loading takes about 11 s
  11s release a request 1: it is warm
  11s release a request 2: it is warm
  11s drain a: 6 s since the last request: the policy keeps it no longer
  11s unload a: the step before it finished
  1m40s warm a for request: a request waits for it; loading takes about 11 s
  1m51s release a request 3: it is warm
