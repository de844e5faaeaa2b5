-- Stores a value that its writer knows to be current. Loads under way lose.
--
-- KEYS     the entry; its lease
-- ARGV     the envelope; ms it lives; its version in 8 bytes, or nothing
-- RETURNS  1 stored, 2 a newer version is there
--
-- Why atomic: a load that ends between the two writes would overwrite the value.

local head = redis.call('GETRANGE', KEYS[1], 0, 23)
-- Versions are compared in halves, which doubles hold exactly. The second bit says versioned.
if ARGV[3] ~= '' and #head == 24 and string.byte(head, 1) == 0xC5 and string.byte(head, 3) % 4 >= 2 then
  local high, low = struct.unpack('>I4I4', string.sub(head, 17, 24))
  local new_high, new_low = struct.unpack('>I4I4', ARGV[3])
  if high > new_high or (high == new_high and low > new_low) then
    return 2
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
-- Who held loads off had a reason that goes on.
local lease = redis.call('GET', KEYS[2])
if lease and lease ~= 'H' then
  redis.call('DEL', KEYS[2])
  -- To whoever waits. A user who may not say so puts all the same.
  redis.pcall('SPUBLISH', KEYS[2], '')
end
return 1
