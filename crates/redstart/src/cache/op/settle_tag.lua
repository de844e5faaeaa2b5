-- Gives a pending tag its number.
--
-- KEYS     the tag
-- ARGV     the token it is pending by; the number; ms that the entry lives
-- RETURNS  1 if it has this number now, else 0
--
-- Why atomic: an invalidation since then takes the tag's being pending away, and must win.

local held = redis.call('GET', KEYS[1])
if held == 'P' .. ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', string.format('%d', tonumber(ARGV[3]) * 2))
  return 1
end
return held == ARGV[2] and 1 or 0
