-- Reads the number of the cache's latest invalidation, or makes the next one.
--
-- KEYS     the latest number; the number of the latest clearing
-- ARGV     read, tick or clear; an incarnation, in case there is none; ms that both keys live
-- RETURNS  the latest number; the number of the latest clearing
--
-- A number is `incarnation:counter`. Counters grow, with the server's clock where that is ahead, so
-- that a replica that takes over goes on above what it had not received. If the key is lost, a new
-- incarnation begins, and numbers of different incarnations do not compare: whatever they decide
-- about is a miss. So neither a lost key nor a clock that was set back revives anything.
--
-- Why atomic: no two invalidations may have one number, and a load that reads a number must find
-- the clearing that goes with it.

local step, life = ARGV[1], tonumber(ARGV[3])
local incarnation, counter = string.match(redis.call('GET', KEYS[1]) or '', '^(%x+):(%d+)$')
local all = redis.call('GET', KEYS[2]) or ''
local known = incarnation and string.match(all, '^(%x+):%d+$') == incarnation

if step == 'read' and known then
  for index = 1, 2 do
    -- Seldom, because to be written is to be sent to replicas.
    if redis.call('PTTL', KEYS[index]) < life / 2 then
      redis.call('PEXPIRE', KEYS[index], ARGV[3])
    end
  end
  return { incarnation .. ':' .. counter, all }
end

local time = redis.call('TIME')
counter = math.max(time[1] * 1000000 + time[2], (tonumber(counter) or 0) + 1)
local latest = (incarnation or ARGV[2]) .. ':' .. string.format('%d', counter)
redis.call('SET', KEYS[1], latest, 'PX', ARGV[3])
if step == 'clear' or not known then
  all = latest
  redis.call('SET', KEYS[2], all, 'PX', ARGV[3])
end
return { latest, all }
