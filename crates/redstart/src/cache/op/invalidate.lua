-- Invalidates an entry, and fences whoever loads it.
--
-- KEYS     the entry; its lease
-- ARGV     1 to keep the value as a stale one, else 0; ms during which no load is to be kept, or 0
-- RETURNS  1 if there was an entry, else 0
--
-- Why atomic: a load that ends between the two writes would bring the old value back.

local found = 0
if ARGV[1] == '1' then
  local head = redis.call('GETRANGE', KEYS[1], 0, 2)
  if #head == 3 and string.byte(head, 1) == 0xC5 then
    found = 1
    local flags = string.byte(head, 3)
    -- The third bit says stale. Setting it keeps the time to live.
    if flags % 8 < 4 then
      redis.call('SETRANGE', KEYS[1], 2, string.char(flags + 4))
    end
  end
else
  found = redis.call('UNLINK', KEYS[1])
end
local hold_off = tonumber(ARGV[2])
local lease = redis.call('GET', KEYS[2])
local held_off = lease == 'H'
if hold_off > 0 then
  if not held_off or redis.call('PTTL', KEYS[2]) < hold_off then
    redis.call('SET', KEYS[2], 'H', 'PX', ARGV[2])
  end
elseif not held_off then
  redis.call('DEL', KEYS[2])
end
if lease and not held_off then
  -- To whoever waits. A user who may not say so invalidates all the same.
  redis.pcall('SPUBLISH', KEYS[2], '')
end
return found
