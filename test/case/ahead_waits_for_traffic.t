# Three requests run on the device, two may: the load for the hint begins when the first of them ends (W4).
replay: --policy ttl:60s --load-time 10s --memory 24GiB --max-loads 2 --yield-in-flight 2
trace:
  time,resource,duration
  0,a,1
  100,b,40
  101,b,48
  102,b,90
  150,b,1
  200,c,1
hints:
  time,resource,probability,eta_s
  120,c,0.9,10
  120,a,0.9,30
sizes:
  resource,memory
  a,4GiB
  b,4GiB
  c,4GiB
decisions:
  0s warm a for request: a request waits for it; loading takes about 10 s
  10s release a request 1: it is warm
  1m1s drain a: 1 min since the last request: the policy keeps it no longer
  1m1s unload a: the step before it finished
  1m40s warm b for request: a request waits for it; loading takes about 10 s
  1m50s release b request 2: it is warm
  1m50s release b request 3: it is warm
  1m50s release b request 4: it is warm
  2m decline c: 3 requests run beside it, more than 2: it waits for 30 s at most
  2m20s decline a: 3 requests run beside it, more than 2: it waits for 30 s at most
  2m30s warm c for hint: a hint says it is wanted in 10 s with probability 0.90
  2m30s release b request 5: it is warm
  2m32s warm a for hint: a hint says it is wanted in 30 s with probability 0.90
  3m20s drain c: warmed ahead 40 s ago and not used
  3m20s unload c: the step before it finished
  3m20s warm c for request: a request waits for it; loading takes about 10 s
  3m30s release c request 6: it is warm
