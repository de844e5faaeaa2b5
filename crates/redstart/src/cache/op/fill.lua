-- Stores what was loaded, if the load still has its lease.
--
-- KEYS     the entry; its lease
-- ARGV     the loader's token; its fill; the envelope; ms it lives; its version in 8 bytes, or nothing
-- RETURNS  0 fenced, 1 stored, 2 a newer version is there
--
-- Why atomic: between looking at the lease and storing, an invalidation would be lost.

local function end_lease()
  redis.call('DEL', KEYS[2])
  -- To whoever waits. A user who may not say so fills all the same.
  redis.pcall('SPUBLISH', KEYS[2], '')
end

local head = redis.call('GETRANGE', KEYS[1], 0, 23)
-- Asked again after a lost reply.
if string.sub(head, 9, 16) == ARGV[2] then
  return 1
end
if redis.call('GET', KEYS[2]) ~= 'L' .. ARGV[1] then
  return 0
end
-- Versions are compared in halves, which doubles hold exactly. The second bit says versioned.
if ARGV[5] ~= '' and #head == 24 and string.byte(head, 1) == 0xC5 and string.byte(head, 3) % 4 >= 2 then
  local high, low = struct.unpack('>I4I4', string.sub(head, 17, 24))
  local new_high, new_low = struct.unpack('>I4I4', ARGV[5])
  if high > new_high or (high == new_high and low > new_low) then
    end_lease()
    return 2
  end
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end_lease()
return 1
