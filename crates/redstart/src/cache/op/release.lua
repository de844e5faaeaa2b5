-- Gives a lease back without having filled.
--
-- KEYS     the lease
-- ARGV     the loader's token; ms before anybody is to load again, or 0
-- RETURNS  1 if it was the loader's, else 0
--
-- Why atomic: the lease may have become somebody else's since it was looked at.

if redis.call('GET', KEYS[1]) ~= 'L' .. ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], 'F', 'PX', ARGV[2])
end
-- To whoever waits. A user who may not say so gives it back all the same.
redis.pcall('SPUBLISH', KEYS[1], '')
return 1
