# Where memory is not short a level between cold and warm is kept as long as it can still save more than it costs.
replay: --policy ttl:1m --load-time 10s --half-load 2s --half-price 0.5 --wait-price 9
trace:
  time,resource
  0,a
  200,a
  3000,a
decisions:
  0s warm a for request: a request waits for it; loading takes about 10 s
  10s release a request 1: it is warm
  1m drain a: 1 min since the last request: the policy keeps it no longer
  1m unload a: the step before it finished
  2m40s lower a: 2 min 40 s since the last request: keeping it half warm costs more than it saves
  3m20s warm a for request: a request waits for it; loading takes about 10 s
  3m30s release a request 2: it is warm
  4m20s drain a: 1 min since the last request: the policy keeps it no longer
  4m20s unload a: the step before it finished
  6m lower a: 2 min 40 s since the last request: keeping it half warm costs more than it saves
  50m warm a for request: a request waits for it; loading takes about 10 s
  50m10s release a request 3: it is warm
