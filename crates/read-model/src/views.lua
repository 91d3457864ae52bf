#!lua name=orderflow_views
-- Writes and reads the views of one projection. A call is one atomic step: it happens as a whole or not at all, in
-- memory, on replicas and in the append-only file alike.
--
-- Redis undoes nothing: whatever can go wrong is found out before the first write. Too little memory refuses the call
-- before it starts, because these functions do not carry the flag `allow-oom`.

-- The position of a partition of which nothing was applied.
local NOWHERE = '0 -'

-- The first of the documents' arguments, behind those that every call has.
local FIRST = 14

-- How many keys every call has, before those of its documents.
local HEAD = 6

-- Whether somebody feeds a generation: it is live, or there and not being dropped. What is written to any other would be
-- found by nobody, not by who erases either.
local function is_fed(pointer, generations, number)
  if redis.call('GET', pointer) == number then
    return true
  end
  local entry = redis.call('HGET', generations, number)
  return entry and cjson.decode(entry).state ~= 'dropping'
end

-- Where the arguments of the document behind this one begin.
local function behind(args, at)
  return at + 8 + 3 * tonumber(args[at + 6]) + 2 * tonumber(args[at + 7])
end

-- What a call carries behind its documents: where each part begins in ARGV.
local function parts(args)
  local at = FIRST
  for _ = 1, tonumber(args[4]) do
    at = behind(args, at)
  end
  local gaps, held, parks = tonumber(args[5]), tonumber(args[8]), tonumber(args[9])
  return { gaps = at, held = at + 2 * gaps, parks = at + 2 * (gaps + held), ends = at + 2 * (gaps + held) + 3 * parks }
end

-- The first stream that is not what the call takes it to be: whose document has another version, or that is parked or
-- is not.
local function first_stale(keys, args, part)
  local documents, parked = tonumber(args[4]), keys[4]
  local any_parked = redis.call('HLEN', parked) > 0
  local function is_parked(stream)
    return any_parked and redis.call('HEXISTS', parked, stream) == 1
  end
  local function is_stale(document, version, stream)
    return (redis.call('HGET', document, 'v') or '0') ~= version or is_parked(stream)
  end
  local at = FIRST
  for i = 1, documents do
    if is_stale(keys[HEAD + i], args[at + 1], args[at]) then
      return args[at]
    end
    at = behind(args, at)
  end
  for i = part.held, part.parks - 1, 2 do
    if not is_parked(args[i]) then
      return args[i]
    end
  end
  local document = HEAD + documents
  for i = part.parks, part.ends - 1, 3 do
    document = document + 1
    if is_stale(keys[document], args[i + 1], args[i]) then
      return args[i]
    end
  end
end

-- Notes that versions up to this one were seen and not applied; 0 notes nothing.
local function note_gap(gaps, stream, highest)
  local known = redis.call('HGET', gaps, stream)
  if tonumber(highest) > tonumber(known or '0') then
    redis.call('HSET', gaps, stream, highest)
  end
end

-- Notes when events were first shown, beside the documents. That must not keep anything from being shown, so whatever
-- goes wrong with it is passed over.
local function note_sightings(trail, args, at, count)
  local now = args[12]
  for i = at, at + 2 * count - 1, 2 do
    local note = args[i + 1]
    redis.pcall('HSETNX', trail, args[i], note == '' and now or now .. ' ' .. note)
  end
end

-- KEYS positions, gaps, purges, parked streams, the pointer to the live generation, generations, then each document,
--      then the document of each stream to park, then each list.
-- ARGV partition, base, next, number of documents, number of gaps, channel, notice, number of parked streams that were
--      held back, number of streams to park, how many may be parked, what the keys of trails begin with, now in
--      microseconds, generation,
--      then per document: stream, from, to, event id, 1 or 0 = body or tombstone, body, number of list changes, number
--                         of sightings,
--                         and per list change: index of the list in KEYS, score or '' to leave the list, and the
--                         member, '' for the stream;
--                         and per sighting: version, what to note;
--      then per gap: stream, highest version seen;
--      then per stream held back: the same, 0 if no version was seen;
--      then per stream to park: stream, version of its document, entry.
-- Answers {'done'}, {'refused', stored position}, {'stale', stream}, {'full', number of parked streams} or {'gone'}: the
-- generation is fed by nobody; only 'done' has written.
local function apply(keys, args)
  local positions, gaps, purges, parked = keys[1], keys[2], keys[3], keys[4]
  local documents = tonumber(args[4])

  local stored = redis.call('HGET', positions, args[1]) or NOWHERE
  if stored ~= args[2] then
    return { 'refused', stored }
  end
  if not is_fed(keys[5], keys[6], args[13]) then
    return { 'gone' }
  end
  local part = parts(args)
  local stale = first_stale(keys, args, part)
  if stale then
    return { 'stale', stale }
  end
  local parks, there = tonumber(args[9]), redis.call('HLEN', parked)
  if parks > 0 and there + parks > tonumber(args[10]) then
    return { 'full', tostring(there) }
  end
  for i = HEAD + 1 + documents + parks, #keys do
    redis.call('ZCARD', keys[i])
  end
  redis.call('STRLEN', purges)
  local open_gaps = redis.call('HLEN', gaps)

  local next_argument = FIRST
  for i = 1, documents do
    local document, stream, to = keys[HEAD + i], args[next_argument], args[next_argument + 2]
    if args[next_argument + 4] == '1' then
      redis.call('HSET', document, 'v', to, 'e', args[next_argument + 3], 'b', args[next_argument + 5])
    else
      redis.call('HSET', document, 'v', to, 'e', args[next_argument + 3])
      redis.call('HDEL', document, 'b')
      redis.call('INCR', purges)
    end
    local changes, sightings = tonumber(args[next_argument + 6]), tonumber(args[next_argument + 7])
    next_argument = next_argument + 8
    for _ = 1, changes do
      local list, score, member = keys[tonumber(args[next_argument])], args[next_argument + 1], args[next_argument + 2]
      if member == '' then
        member = stream
      end
      if score == '' then
        redis.call('ZREM', list, member)
      else
        redis.call('ZADD', list, score, member)
      end
      next_argument = next_argument + 3
    end
    note_sightings(args[11] .. stream, args, next_argument, sightings)
    next_argument = next_argument + 2 * sightings
    if open_gaps > 0 then
      local highest = redis.call('HGET', gaps, stream)
      if highest and tonumber(highest) <= tonumber(to) then
        redis.call('HDEL', gaps, stream)
      end
    end
  end
  for i = part.gaps, part.parks - 1, 2 do
    note_gap(gaps, args[i], args[i + 1])
  end
  for i = part.parks, part.ends - 1, 3 do
    redis.call('HSET', parked, args[i], args[i + 2])
  end
  redis.call('HSET', positions, args[1], args[3])
  if args[7] ~= '' then
    redis.call('PUBLISH', args[6], args[7])
  end
  return { 'done' }
end

-- KEYS the pointer to the live generation, generations, partitions with when they were last at their end, positions.
-- ARGV generation, partition.
-- Begins or resumes the work on a partition: answers its position, or nil if nobody feeds the generation, as when Redis
-- was emptied: which one is live then, and how its views look, is for `generations_found` to say.
local function open(keys, args)
  if not is_fed(keys[1], keys[2], args[1]) then
    return false
  end
  redis.call('HSETNX', keys[3], args[2], 0)
  return redis.call('HGET', keys[4], args[2]) or NOWHERE
end

-- KEYS parked streams, gaps, the stream's document, discarded records.
-- ARGV stream, its entry as it was read, highest version that there is of it or '0', channel;
--      then, to discard what the entry names: its version, or '' if none counts as applied with it, its event id or '',
--      the record's place, and what to remember of it.
-- Lets a parked stream go on: whatever is missing of it is a gap from now on, which whoever heals gaps closes. A version
-- that is discarded counts as applied, and changes nothing.
-- Answers {'done', version of the document}, or {'changed'} and has written nothing: somebody else was faster.
local function release(keys, args)
  local parked, gaps, document, discarded = keys[1], keys[2], keys[3], keys[4]
  local stream, discards = args[1], #args > 4
  if redis.call('HGET', parked, stream) ~= args[2] then
    return { 'changed' }
  end
  local version = redis.call('HGET', document, 'v') or '0'
  local skips = discards and args[5] ~= ''
  if skips and tonumber(version) + 1 ~= tonumber(args[5]) then
    return { 'changed' }
  end
  local highest = redis.call('HGET', gaps, stream)
  if discards then
    redis.call('HLEN', discarded)
  end

  redis.call('HDEL', parked, stream)
  if discards and not skips then
    -- What somebody else claimed is no gap; what the store has behind is noted below.
    redis.call('HDEL', gaps, stream)
  end
  if skips then
    version = args[5]
    redis.call('HSET', document, 'v', version)
    if args[6] == '' then
      redis.call('HDEL', document, 'e')
    else
      redis.call('HSET', document, 'e', args[6])
    end
    redis.call('PUBLISH', args[4], stream .. '@' .. version)
  end
  if discards then
    redis.call('HSET', discarded, args[7], args[8])
  end
  if tonumber(args[3]) > tonumber(version) then
    note_gap(gaps, stream, args[3])
  elseif highest and tonumber(highest) <= tonumber(version) then
    redis.call('HDEL', gaps, stream)
  end
  return { 'done', version }
end

-- Whether one member comes after another where scores are equal and the order descends: by bytes, as Redis sorts;
-- Lua's own `<` would follow the locale.
local function comes_after(member, other)
  for i = 1, math.min(#member, #other) do
    local a, b = member:byte(i), other:byte(i)
    if a ~= b then
      return a < b
    end
  end
  return #member < #other
end

-- KEYS the pointer to the live generation.
-- ARGV key prefix up to the generation's number, list, highest and lowest score, number of entries,
--      and the entry after which to start: score and member, or '' and ''.
-- Answers nil without a live generation, else the entries by descending (score, member):
-- {member, score, version, event id, body} each.
local function page(keys, args)
  local live = redis.call('GET', keys[1])
  if not live then
    return false
  end
  local prefix = args[1] .. live
  local list, limit = prefix .. ':l:' .. args[2], tonumber(args[5])
  local after_score, after_member = tonumber(args[6]), args[7]
  local found, offset = {}, 0
  while true do
    local entries =
      redis.call('ZRANGE', list, args[3], args[4], 'BYSCORE', 'REV', 'LIMIT', offset, limit, 'WITHSCORES')
    for i = 1, #entries, 2 do
      local member, score = entries[i], entries[i + 1]
      if tonumber(score) ~= after_score or comes_after(member, after_member) then
        local document = redis.call('HMGET', prefix .. ':d:' .. member, 'v', 'e', 'b')
        found[#found + 1] = { member, score, document[1], document[2], document[3] }
        if #found == limit then
          return found
        end
      end
    end
    if #entries < 2 * limit then
      return found
    end
    offset = offset + limit
  end
end

-- The stream of a member: all of it, or what follows a text and a zero byte.
local function stream_of(member)
  return member:match('[^%z]*$')
end

local function entry(prefix, member)
  local stream = stream_of(member)
  local document = redis.call('HMGET', prefix .. ':d:' .. stream, 'v', 'e', 'b')
  return { stream, '0', document[1], document[2], document[3] }
end

-- KEYS the pointer to the live generation.
-- ARGV key prefix up to the generation's number, list, 'up' or 'down', rank of the first entry, number of entries.
-- Answers nil without a live generation, else the length of the list and the entries as `page` has them, scores left
-- out.
local function ranks(keys, args)
  local live = redis.call('GET', keys[1])
  if not live then
    return false
  end
  local prefix = args[1] .. live
  local list, first = prefix .. ':l:' .. args[2], tonumber(args[4])
  local last = first + tonumber(args[5]) - 1
  local members
  if args[3] == 'down' then
    members = redis.call('ZRANGE', list, first, last, 'REV')
  else
    members = redis.call('ZRANGE', list, first, last)
  end
  for i = 1, #members do
    members[i] = entry(prefix, members[i])
  end
  return { redis.call('ZCARD', list), members }
end

-- KEYS the pointer to the live generation.
-- ARGV key prefix up to the generation's number, index, beginning of the text, number of documents.
-- Answers nil without a live generation, else the documents that have a text with this beginning in the index, each
-- once, in the order of their first such text.
local function find(keys, args)
  local live = redis.call('GET', keys[1])
  if not live then
    return false
  end
  local prefix = args[1] .. live
  local list, limit = prefix .. ':l:' .. args[2], tonumber(args[4])
  local from, to = '[' .. args[3], '[' .. args[3] .. '\255'
  local found, seen, offset = {}, {}, 0
  while true do
    local members = redis.call('ZRANGE', list, from, to, 'BYLEX', 'LIMIT', offset, limit)
    for i = 1, #members do
      local stream = stream_of(members[i])
      if not seen[stream] then
        seen[stream] = true
        found[#found + 1] = entry(prefix, members[i])
        if #found == limit then
          return found
        end
      end
    end
    if #members < limit then
      return found
    end
    offset = offset + limit
  end
end

redis.register_function { function_name = 'views_apply', callback = apply }
redis.register_function { function_name = 'views_open', callback = open }
redis.register_function { function_name = 'views_release', callback = release }
redis.register_function { function_name = 'views_page', callback = page, flags = { 'no-writes' } }
redis.register_function { function_name = 'views_ranks', callback = ranks, flags = { 'no-writes' } }
redis.register_function { function_name = 'views_find', callback = find, flags = { 'no-writes' } }
