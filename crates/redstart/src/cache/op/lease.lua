-- Asks for the right to load an entry.
--
-- KEYS     the entry; its lease
-- ARGV     the asker's token; ms a lease lasts; the fill that the asker has seen, or nothing;
--          1 to take the lease from whoever has it, else 0
-- RETURNS  0, 0                  leased
--          1, ms left, value     there is another fill than the asker has seen
--          2, ms left            somebody else loads
--          3, ms left            held off: load if you must, it will not be kept
--          4, ms left            the last load failed, not so soon
--
-- A lease is a key of its own: taking it changes nothing about the entry, which stays readable.
-- `L` and a token: that one loads. `H`: held off. `F`: the last load failed. Whatever ends a lease
-- says so on the shard channel that is called as it is.
--
-- Why atomic: two askers may not both find no lease, and nobody may be sent to load what has just
-- been filled.

local fill = redis.call('GETRANGE', KEYS[1], 8, 15)
if ARGV[4] == '0' and fill ~= '' and fill ~= ARGV[3] then
  return { 1, redis.call('PTTL', KEYS[1]), redis.call('GET', KEYS[1]) }
end
local holder = redis.call('GET', KEYS[2])
local kind = holder and string.sub(holder, 1, 1)
if kind == 'H' then
  return { 3, redis.call('PTTL', KEYS[2]) }
end
-- Asked again after a lost reply, the lease is the asker's already.
if kind and ARGV[4] == '0' and holder ~= 'L' .. ARGV[1] then
  return { kind == 'F' and 4 or 2, redis.call('PTTL', KEYS[2]) }
end
redis.call('SET', KEYS[2], 'L' .. ARGV[1], 'PX', ARGV[2])
return { 0, 0 }
