-- Removes an entry that nobody can read.
--
-- KEYS     the entry
-- ARGV     the SHA-1 of what could not be read, in hexadecimal
-- RETURNS  1 if it was removed, else 0
--
-- Why atomic: what was stored since is not to be removed.

local value = redis.call('GET', KEYS[1])
if value and redis.sha1hex(value) == ARGV[1] then
  return redis.call('UNLINK', KEYS[1])
end
return 0
