-- Invalidates what has a tag.
--
-- KEYS     the tag
-- ARGV     the invalidation's incarnation; its counter
-- RETURNS  1
--
-- A tag that has no number that compares has none at all afterwards: whatever has it is a miss
-- until a load settles the tag again. To write this number there could bring an older one back.
--
-- Why atomic: of two invalidations the later one stays, whichever is written last.

local incarnation, counter = string.match(redis.call('GET', KEYS[1]) or '', '^(%x+):(%d+)$')
if incarnation ~= ARGV[1] then
  redis.call('DEL', KEYS[1])
elseif tonumber(counter) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2], 'KEEPTTL')
end
return 1
