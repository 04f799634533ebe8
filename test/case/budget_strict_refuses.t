# A strict budget holds for requests too (W4): 0.02 USD a day are two loads of ten seconds at 3.60 USD an hour.
replay: --policy ttl:60s --load-time 10s --budget-usd 0.02 --hour-price 3.6 --budget-strict
trace:
  time,resource
  0,a
  600,b
  2000,c
  90100,c
decisions:
  0s warm a for request: a request waits for it; loading takes about 10 s
  10s release a request 1: it is warm
  1m drain a: 1 min since the last request: the policy keeps it no longer
  1m unload a: the step before it finished
  10m warm b for request: a request waits for it; loading takes about 10 s
  10m10s release b request 2: it is warm
  11m drain b: 1 min since the last request: the policy keeps it no longer
  11m unload b: the step before it finished
  33m20s decline c: loading has cost 0.02 USD within the day and would cost 0.01 more, 0.02 are allowed; the oldest will be a day old in 1 d
  33m20s refuse c request 3: loading has cost 0.02 USD within the day and would cost 0.01 more, 0.02 are allowed; the oldest will be a day old in 1 d
  1d1h1m40s warm c for request: a request waits for it; loading takes about 10 s
  1d1h1m50s release c request 4: it is warm
