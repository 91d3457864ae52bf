#!lua name=orderflow_generations
-- Which generations of a projection there are, which of them is served, and whether two of them show the same. A call
-- is one atomic step.
--
-- The hash of generations holds number -> entry as JSON, whose `state` is `filling` (never served), `served` (at some
-- time) or `dropping`, and `last` -> the highest number that was ever given out. The pointer names the one that is live.
--
-- All of these may run without memory to spare: a generation that is dropped gives some back.

-- The position of a partition of which nothing was applied; as in the library of views.
local NOWHERE = '0 -'
-- More streams in trouble than this are not looked at one by one.
local MOST_TROUBLED = 1000
-- Two generations that were last at the end of a partition within so many milliseconds were there together: whoever feeds
-- them notes it once a second, by clocks that may be some seconds apart.
local TOGETHER_MS = 60000

-- The entry of a generation that may become live, else nil.
local function usable(generations, number)
  local entry = redis.call('HGET', generations, number)
  entry = entry and cjson.decode(entry)
  if entry and entry.state ~= 'dropping' then
    return entry
  end
end

local function version_of(prefix, generation, stream)
  return tonumber(redis.call('HGET', prefix .. generation .. ':d:' .. stream, 'v') or '0')
end

-- KEYS generations, pointer.
-- ARGV first generation, entry.
-- Makes the first generation live if none is, with this entry. A live one of another number keeps what it has: how its
-- views look is not known here. Answers the live one.
local function found(keys, args)
  local generations, pointer = keys[1], keys[2]
  redis.call('SET', pointer, args[1], 'NX')
  local live = redis.call('GET', pointer)
  if live == args[1] then
    redis.call('HSETNX', generations, live, args[2])
  end
  local last = redis.call('HGET', generations, 'last') or '0'
  if tonumber(last) < tonumber(live) then
    redis.call('HSET', generations, 'last', live)
  end
  return live
end

-- KEYS generations, pointer.
-- ARGV key prefix up to the generation's number, entry.
-- Answers {'begun', number}, or without a change {'filling', number} or {'nothing-live'}.
local function begin(keys, args)
  local generations, pointer = keys[1], keys[2]
  local live = redis.call('GET', pointer)
  if not live then
    return { 'nothing-live' }
  end
  local highest = tonumber(live)
  local entries = redis.call('HGETALL', generations)
  for i = 1, #entries, 2 do
    if entries[i] == 'last' then
      highest = math.max(highest, tonumber(entries[i + 1]))
    elseif cjson.decode(entries[i + 1]).state == 'filling' then
      return { 'filling', entries[i] }
    else
      highest = math.max(highest, tonumber(entries[i]))
    end
  end
  -- Redis may have lost that a number was given out, but not what was written under it.
  local number = highest + 1
  while redis.call('EXISTS', args[1] .. number .. ':pos') == 1 do
    number = number + 1
  end
  redis.call('HSET', generations, number, args[2], 'last', number)
  return { 'begun', tostring(number) }
end

-- KEYS generations.
-- ARGV generation, events per second or ''.
-- Answers 1 if there is such a generation.
local function pace(keys, args)
  local entry = usable(keys[1], args[1])
  if not entry then
    return 0
  end
  entry.rate = tonumber(args[2]) or cjson.null
  redis.call('HSET', keys[1], args[1], cjson.encode(entry))
  return 1
end

-- The partitions in which another generation has not come as far as the live one, or has read another log: source,
-- position of the live one, position of the other, one after the other. An offset does not identify a log: the live one
-- may have begun again on one that was made anew. So wherever their positions are not the same, the other must have been
-- at the end of the partition about when the live one last was.
local function lacking(live, live_fresh, other, other_fresh)
  local found = {}
  local there = redis.call('HGETALL', live)
  for i = 1, #there, 2 do
    local source, wanted = there[i], there[i + 1]
    local reached = redis.call('HGET', other, source) or NOWHERE
    if reached ~= wanted then
      local wanted_next, wanted_last = wanted:match('^(%d+) (.*)$')
      local reached_next, reached_last = reached:match('^(%d+) (.*)$')
      local other_log = wanted_next == reached_next and wanted_last ~= '-' and reached_last ~= '-'
      local was_there = tonumber(redis.call('HGET', live_fresh, source) or '0')
      local left_behind = was_there - tonumber(redis.call('HGET', other_fresh, source) or '0') > TOGETHER_MS
      if tonumber(reached_next) < tonumber(wanted_next) or other_log or left_behind then
        found[#found + 1] = source
        found[#found + 1] = wanted
        found[#found + 1] = reached
      end
    end
  end
  return found
end

-- KEYS of the live and of the other generation: positions, partitions with when they were last at their end.
-- Answers where the other one would keep readers from what they may have seen, as `lacking` has it.
local function behind(keys)
  return lacking(keys[1], keys[2], keys[3], keys[4])
end

-- KEYS generations, pointer, then of the live and of the other generation: positions, gaps, parked, partitions with when
--      they were last at their end.
-- ARGV live generation, other generation, key prefix up to the generation's number, now in milliseconds.
-- Makes the other generation live, unless readers would miss something: {'done'}, or without a change
-- {'moved', live}, {'unknown'}, {'behind', source, position, position, ...}, {'stuck', stream, ...} or {'troubled'}.
local function switch(keys, args)
  local generations, pointer = keys[1], keys[2]
  local from, to, prefix = args[1], args[2], args[3]
  local live = redis.call('GET', pointer)
  if live ~= from then
    return { 'moved', live or '' }
  end
  local entry = usable(generations, to)
  if not entry then
    return { 'unknown' }
  end
  local missing = lacking(keys[3], keys[6], keys[7], keys[10])
  if #missing > 0 then
    return { 'behind', unpack(missing) }
  end
  if redis.call('HLEN', keys[8]) + redis.call('HLEN', keys[9]) > MOST_TROUBLED then
    return { 'troubled' }
  end
  local stuck = { 'stuck' }
  for _, key in ipairs { keys[8], keys[9] } do
    for _, stream in ipairs(redis.call('HKEYS', key)) do
      local also = redis.call('HEXISTS', keys[4], stream) + redis.call('HEXISTS', keys[5], stream) > 0
      if not also or version_of(prefix, to, stream) < version_of(prefix, from, stream) then
        stuck[#stuck + 1] = stream
      end
    end
  end
  if #stuck > 1 then
    return stuck
  end
  local left = usable(generations, from)
  if left then
    left.left_ms = tonumber(args[4])
    redis.call('HSET', generations, from, cjson.encode(left))
  end
  entry.state = 'served'
  redis.call('HSET', generations, to, cjson.encode(entry))
  redis.call('SET', pointer, to)
  return { 'done' }
end

-- KEYS generations, pointer.
-- ARGV generation.
-- From now on nobody feeds this generation, and it never becomes live. Answers {'done'}, also if it is being dropped or
-- is gone already, or without a change {'live'} or {'unknown'}.
local function retire(keys, args)
  local generations, pointer, number = keys[1], keys[2], args[1]
  if redis.call('GET', pointer) == number then
    return { 'live' }
  end
  local entry = usable(generations, number)
  if entry then
    entry.state = 'dropping'
    redis.call('HSET', generations, number, cjson.encode(entry))
  elseif tonumber(number) > tonumber(redis.call('HGET', generations, 'last') or '0') then
    return { 'unknown' }
  end
  return { 'done' }
end

-- KEYS how many documents became tombstones that are out of the append-only file.
-- ARGV how many are now, at least.
-- Notes it, and takes nothing back. Answers how many are noted.
local function purged(keys, args)
  local noted = tonumber(redis.call('GET', keys[1]) or '0')
  if tonumber(args[1]) > noted then
    redis.call('SET', keys[1], args[1])
  end
  return math.max(noted, tonumber(args[1]))
end

-- A member's stream: all of it, or what follows a text and a zero byte; as in the library of views.
local function stream_of(member)
  return member:match('[^%z]*$')
end

-- Whether a generation has this document, or this member of a list; the document, if the list is ''.
local function has(prefix, list, member)
  if list == '' then
    return redis.call('HEXISTS', prefix .. ':d:' .. member, 'v') == 1
  end
  return redis.call('ZSCORE', prefix .. ':l:' .. list, member) ~= false
end

-- Whether two generations have the same of it. Most of what is compared is alike, so nothing else is read for that.
local function is_alike(one, two, list, member, depth)
  if list ~= '' then
    local score = redis.call('ZSCORE', one .. ':l:' .. list, member)
    return score == redis.call('ZSCORE', two .. ':l:' .. list, member)
  end
  local deepest = depth == 'everything' and 'b' or 'v'
  local here = redis.call('HMGET', one .. ':d:' .. member, 'v', 'e', deepest)
  local there = redis.call('HMGET', two .. ':d:' .. member, 'v', 'e', deepest)
  return here[1] == there[1] and here[2] == there[2] and here[3] == there[3]
end

-- KEYS of two generations: positions; then of the first one: gaps, parked.
-- ARGV key prefix of each generation, 'everything' or 'versions', 'all' or 'rest' (leave out what the first generation
--      has), then per item: list or '' for a document, member, and the partition that its stream is read from.
-- Answers {index, 'differs' or 'undecided', version, version} for each item that is not alike in both: undecided as
-- long as one of them has read further in that partition.
local function compare(keys, args)
  local one, two, depth, side = args[1], args[2], args[3], args[4]
  local found = {}
  for i = 5, #args, 3 do
    local list, member, source = args[i], args[i + 1], args[i + 2]
    local passed = side == 'rest' and has(one, list, member)
    if not passed and not is_alike(one, two, list, member, depth) then
      local stream = stream_of(member)
      local here, there = version_of(one, '', stream), version_of(two, '', stream)
      local healed = there > here and redis.call('HEXISTS', keys[3], stream) + redis.call('HEXISTS', keys[4], stream) > 0
      if not healed then
        local same_point = here == there or redis.call('HGET', keys[1], source) == redis.call('HGET', keys[2], source)
        found[#found + 1] = { (i - 5) / 3, same_point and 'differs' or 'undecided', here, there }
      end
    end
  end
  return found
end

redis.register_function { function_name = 'generations_found', callback = found, flags = { 'allow-oom' } }
redis.register_function { function_name = 'generations_begin', callback = begin, flags = { 'allow-oom' } }
redis.register_function { function_name = 'generations_pace', callback = pace, flags = { 'allow-oom' } }
redis.register_function { function_name = 'generations_behind', callback = behind, flags = { 'no-writes' } }
redis.register_function { function_name = 'generations_switch', callback = switch, flags = { 'allow-oom' } }
redis.register_function { function_name = 'generations_retire', callback = retire, flags = { 'allow-oom' } }
redis.register_function { function_name = 'generations_purged', callback = purged, flags = { 'allow-oom' } }
redis.register_function { function_name = 'generations_compare', callback = compare, flags = { 'no-writes' } }
