-- Reads the number of a tag that an entry is about to have.
--
-- KEYS     the tag
-- ARGV     the incarnation of the load; its token; ms that the entry lives; ms to settle the tag
-- RETURNS  the number, or nothing: the tag is to be settled
--
-- A tag whose number was lost, or never was, may have been invalidated since the load began. It
-- becomes pending (`P` and the token), which no entry is valid by, and gets a number when the
-- loader has looked what was invalidated up to then.
--
-- Why atomic: a number that an invalidation has just written must not become pending.

local number = redis.call('GET', KEYS[1])
if string.match(number or '', '^(%x+):%d+$') == ARGV[1] then
  local life = tonumber(ARGV[3])
  if redis.call('PTTL', KEYS[1]) < life then
    redis.call('PEXPIRE', KEYS[1], string.format('%d', life * 2))
  end
  return number
end
redis.call('SET', KEYS[1], 'P' .. ARGV[2], 'PX', ARGV[4])
return false
