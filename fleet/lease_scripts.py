# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What Redis does for the slots of a fleet, each at one go and on its clock.

The keys of all scripts, times in µs of Redis' clock:

1. held: who holds a lease, until when it is believed;
2. line: who waits, since when;
3. seen: who waits, until when that is believed;
4. full: when the next may try, after a refusal of the vendor's;
5. ended: how many more may try, as sessions have ended since.
"""

from __future__ import annotations

from .redis_link import Script
from .waits import TAUGHT_S

KEY_NAMES = ("held", "line", "seen", "full", "ended")
# As long as a refusal is remembered at most.
_ENDED_MS = round(TAUGHT_S * 1000)

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local held, line, seen, full, ended =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
"""

# member, limit, age_us, lease_ms, place_ms, hold_ms -> how many are ahead in
# the line, or -1 where it is granted.
_ASK = """
local member, limit, age = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local lease, place, hold =
  ARGV[4] * 1000, ARGV[5] * 1000, ARGV[6] * 1000
redis.call('ZREMRANGEBYSCORE', held, '-inf', now)
-- Asked again, because the connection was closed before the answer came.
if redis.call('ZSCORE', held, member) then
  return -1
end
for _, lost in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now)) do
  redis.call('ZREM', line, lost)
  redis.call('ZREM', seen, lost)
end
-- The first to ask at a time is the first, also if its place was lost.
redis.call('ZADD', line, 'NX', string.format('%.0f', now - age), member)
local ahead = redis.call('ZRANK', line, member)
local tries_at = redis.call('GET', full)
local is_free = limit == 0 or ahead + redis.call('ZCARD', held) < limit
local more = tries_at and tonumber(redis.call('GET', ended) or 0)
if tries_at then
  local may_try = more > 0 or now >= tonumber(tries_at)
  is_free = is_free and ahead == 0 and may_try
end
if is_free then
  redis.call('ZREM', line, member)
  redis.call('ZREM', seen, member)
  redis.call('ZADD', held, string.format('%.0f', now + lease), member)
  redis.call('PEXPIRE', held, lease / 1000)
  if tries_at and more > 0 then
    redis.call('DECR', ended)
  elseif tries_at then
    redis.call('SET', full, string.format('%.0f', now + hold), 'KEEPTTL')
  end
  return -1
end
redis.call('ZADD', seen, string.format('%.0f', now + place), member)
redis.call('PEXPIRE', line, place / 1000)
redis.call('PEXPIRE', seen, place / 1000)
return ahead
"""
ASK = Script(_NOW + _ASK)

_LEAVE = """
local was_held = redis.call('ZSCORE', held, ARGV[1])
redis.call('ZREM', held, ARGV[1])
redis.call('ZREM', line, ARGV[1])
redis.call('ZREM', seen, ARGV[1])
"""

# member: it makes no room, as it was refused.
LEAVE = Script(_NOW + _LEAVE)

# member: another one may try.
_FREE = f"""
if was_held and redis.call('EXISTS', full) == 1 then
  redis.call('INCR', ended)
  redis.call('PEXPIRE', ended, {_ENDED_MS})
end
"""
GIVE_BACK = Script(_NOW + _LEAVE + _FREE)

# lease_ms, members …: they are there, whatever the limit.
_KEEP = """
for number = 2, #ARGV do
  redis.call(
    'ZADD', held, string.format('%.0f', now + ARGV[1] * 1000), ARGV[number])
end
redis.call('PEXPIRE', held, ARGV[1])
"""
KEEP = Script(_NOW + _KEEP)

# hold_ms, taught_ms: all hold back for so long, and so long in all.
_REFUSED = """
if redis.call('EXISTS', full) == 0 then
  redis.call('DEL', ended)
end
redis.call(
  'SET', full, string.format('%.0f', now + ARGV[1] * 1000), 'PX', ARGV[2])
"""
REFUSED = Script(_NOW + _REFUSED)
