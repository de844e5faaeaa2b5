-- Keeps a lease for longer.
--
-- KEYS     the lease
-- ARGV     the loader's token; ms it lasts from now
-- RETURNS  1 if it is still the loader's, else 0
--
-- Why atomic: the lease may have become somebody else's since it was looked at.

if redis.call('GET', KEYS[1]) ~= 'L' .. ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
