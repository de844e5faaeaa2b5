-- Checks a cost against all rules of a policy: takes it from every rule, or from none.
--
-- KEYS     the states of the GCRA rules, if the policy has such rules;
--          the log, if it has sliding-log rules
-- ARGV     cost; 1 to take or 0 to peek; number of GCRA rules; number of log rules;
--          of each GCRA rule: units in a token, units paid back in a µs, units that may be owed;
--          of each log rule: limit, window in µs
-- RETURNS  1 if allowed, else 0; then of each rule in the same order:
--          remaining, µs to retry after (-1: never), µs to reset after
--
-- State of a GCRA rule: the instant in µs at which nothing is owed any more, then, only where more
-- than one unit is paid back in a µs, the units owed beyond that instant. States are decimal and
-- separated by spaces. The log: the instant of every token admitted, oldest first.
--
-- Why atomic: between looking and taking nobody else may take, and what one rule refuses must not
-- be taken from the others. Everything is decided before the first write.
--
-- Numbers are integers below 2^53, so doubles are exact; the policy sees to that.

local cost, take = tonumber(ARGV[1]), ARGV[2] == '1'
local gcra_rules, log_rules = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local allowed = true
-- State from the future: the clock was set back. See below.
local skewed = false
local reply = { 1 }

-- Looks at the GCRA rules.
local debts = {}
if gcra_rules > 0 then
  local number = string.gmatch(redis.call('GET', KEYS[1]) or '', '%d+')
  for rule = 1, gcra_rules do
    local at = rule * 3
    local unit, rate, capacity = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    local debt = ((number() or now) - now) * rate
    if rate > 1 then
      debt = debt + (number() or 0)
    end
    if debt < 0 then
      debt = 0
    elseif debt > capacity then
      debt, skewed = capacity, true
    end
    debts[rule] = debt
    local missing, retry = cost * unit - (capacity - debt), 0
    if cost * unit > capacity then
      allowed, retry = false, -1
    elseif missing > 0 then
      allowed, retry = false, math.ceil(missing / rate)
    end
    reply[at - 1], reply[at], reply[at + 1] =
      math.floor((capacity - debt) / unit), retry, math.ceil(debt / rate)
  end
end

-- Looks at the log rules, which share the log: what they admitted, they admitted together.
local log, arguments = KEYS[#KEYS], 4 + gcra_rules * 3
local newest, expired, longest = 0, 0, 0
if log_rules > 0 then
  local length = redis.call('LLEN', log)
  local function stamp(index)
    return math.min(tonumber(redis.call('LINDEX', log, index)), now)
  end
  -- The index of the first stamp later than an instant.
  local function first_after(instant)
    local low, high = 0, length
    if low < high and stamp(low) > instant then
      return low
    end
    while low < high do
      local middle = math.floor((low + high) / 2)
      if stamp(middle) > instant then
        high = middle
      else
        low = middle + 1
      end
    end
    return low
  end
  if length > 0 then
    newest = tonumber(redis.call('LINDEX', log, -1))
    if newest > now then
      newest, skewed = now, true
    end
  end
  expired = length
  for rule = 1, log_rules do
    local at = (gcra_rules + rule) * 3
    local limit, window = tonumber(ARGV[arguments + rule * 2 - 1]), tonumber(ARGV[arguments + rule * 2])
    local first = first_after(now - window)
    local alive, retry, reset = length - first, 0, 0
    local excess = alive + cost - limit
    if cost > limit then
      allowed, retry = false, -1
    elseif excess > 0 and cost > 0 then
      allowed, retry = false, stamp(first + excess - 1) + window - now
    end
    if alive > 0 then
      reset = newest + window - now
    end
    expired, longest = math.min(expired, first), math.max(longest, window)
    reply[at - 1], reply[at], reply[at + 1] = math.max(limit - alive, 0), retry, reset
  end
end

if not allowed then
  reply[1] = 0
end
local taken = 0
if take and allowed then
  taken = cost
end

-- A refusal writes nothing, with one exception: if the clock was set back, state from the future
-- would refuse until the clock has caught up, however long that is. It is brought down to what can
-- be owed at most, once.
if taken == 0 and not (take and skewed) then
  return reply
end

if gcra_rules > 0 then
  local states, latest = {}, now
  for rule = 1, gcra_rules do
    local at = rule * 3
    local unit, rate, capacity = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    local debt = debts[rule] + taken * unit
    local whole = math.floor(debt / rate)
    states[#states + 1] = string.format('%d', now + whole)
    if rate > 1 then
      states[#states + 1] = string.format('%d', debt - whole * rate)
    end
    latest = math.max(latest, now + whole)
    if taken > 0 then
      reply[at - 1], reply[at + 1] = math.floor((capacity - debt) / unit), math.ceil(debt / rate)
    end
  end
  -- Rounded up: never gone while something is owed, and at most two milliseconds after.
  local expiry = string.format('%d', math.floor(latest / 1000) + 1)
  redis.call('SET', KEYS[1], table.concat(states, ' '), 'PXAT', expiry)
end

if log_rules > 0 then
  local text, chunk = string.format('%d', now), {}
  local function append(count)
    for index = #chunk + 1, math.min(count, 1000) do
      chunk[index] = text
    end
    while count > 0 do
      local some = math.min(count, 1000)
      redis.call('RPUSH', log, unpack(chunk, 1, some))
      count = count - some
    end
  end
  if expired > 0 then
    redis.call('LTRIM', log, expired, -1)
  end
  if skewed then
    local ahead = 0
    while redis.call('LLEN', log) > 0 and tonumber(redis.call('LINDEX', log, -1)) > now do
      redis.call('RPOP', log)
      ahead = ahead + 1
    end
    append(ahead)
  end
  append(taken)
  if taken > 0 then
    newest = now
    for rule = 1, log_rules do
      local at = (gcra_rules + rule) * 3
      reply[at - 1], reply[at + 1] = reply[at - 1] - taken, tonumber(ARGV[arguments + rule * 2])
    end
  end
  redis.call('PEXPIREAT', log, string.format('%d', math.floor((newest + longest) / 1000) + 1))
end

return reply
