#!lua name=orderflow_feeds

-- Appends one partition's batch of events to the feeds of their owners, exactly once and atomically.
--
-- KEYS  1 positions, 2 stream versions, 3 gaps, 4 parked streams; then per owner its feed (stream) and its head (hash)
-- ARGV  1 field of the position, 2 position to start from, 3 position to store, 4 now and 5 window in microseconds,
--       6 most entries of a feed, 7 topic, 8 partition, 9 what the keys of trails begin with; then one bell channel per
--       owner; then ten per event: stream, version, event id, at, number of the owner (0 = none), type, seed type, offset,
--       data, trace context or ''
-- Answers {1, appended, duplicates, too old, gaps}, or {0, stored position} and has written nothing.
--
-- Everything is read and checked before the first write, because a failing Function is not rolled back.

local FIXED_KEYS, FIXED_ARGS, EVENT_ARGS = 4, 9, 10
local START = '0000000000000000000000000000000000000000'
-- A bell tells the entries for which it rings, unless there are more than this: then the feed must be read.
local MOST_TOLD = 16

local function whole(number)
  return string.format('%.0f', number)
end

-- The events of the call, or nil and what is wrong with them.
local function parse(keys, args)
  local owners = (#keys - FIXED_KEYS) / 2
  local rest = #args - FIXED_ARGS - owners
  if owners < 0 or owners % 1 ~= 0 or rest < 0 or rest % EVENT_ARGS ~= 0 then
    return nil, 'feeds_append: wrong number of keys or arguments'
  end
  local events = {}
  for first = FIXED_ARGS + owners + 1, #args, EVENT_ARGS do
    local event = {
      stream = args[first], version = tonumber(args[first + 1]), id = args[first + 2], at = tonumber(args[first + 3]),
      owner = tonumber(args[first + 4]), type = args[first + 5], seed = args[first + 6], offset = args[first + 7],
      data = args[first + 8], trace = args[first + 9],
    }
    if not (event.version and event.at and event.owner) or event.owner < 0 or event.owner > owners then
      return nil, 'feeds_append: an event has no number where one is needed'
    end
    events[#events + 1] = event
  end
  return events
end

-- What is stored of a stream: its version, the highest version seen beyond a gap, and whether it is parked.
local function load_stream(keys, name)
  local version = tonumber(redis.call('HGET', keys[2], name) or '0')
  local gap = redis.call('HGET', keys[3], name)
  local parked = redis.call('HGET', keys[4], name)
  return { version = version, highest = gap and tonumber(string.match(gap, ' (%d+)$')), gap = gap, parked = parked }
end

-- The same of every stream in the batch.
local function load_streams(keys, events)
  local streams = {}
  for _, event in ipairs(events) do
    streams[event.stream] = streams[event.stream] or load_stream(keys, event.stream)
  end
  return streams
end

local function load_feed(keys, owner)
  local key, head = keys[FIXED_KEYS + 2 * owner - 1], keys[FIXED_KEYS + 2 * owner]
  local stored = redis.call('HMGET', head, 'seq', 'digest')
  return { key = key, head = head, seq = tonumber(stored[1] or '0'), digest = stored[2] or START, new = {} }
end

-- Gives the event the next number of its owner's feed. One that is too old to be kept leaves its number without an entry,
-- so that no cursor before it is good any more.
local function number(feed, event, is_kept)
  local previous = feed.digest
  feed.seq = feed.seq + 1
  feed.digest = redis.sha1hex(previous .. event.id)
  if is_kept then
    feed.new[#feed.new + 1] = { seq = feed.seq, digest = feed.digest, previous = previous, event = event }
  else
    feed.skips = true
  end
end

-- Decides about each event in turn; changes only the tables.
local function decide(keys, events, streams, oldest)
  local feeds, counts = {}, { appended = 0, duplicates = 0, old = 0, gaps = 0 }
  for _, event in ipairs(events) do
    local stream = streams[event.stream]
    if event.version <= stream.version then
      counts.duplicates = counts.duplicates + 1
    elseif stream.parked or event.version > stream.version + 1 then
      counts.gaps = counts.gaps + 1
      stream.highest = math.max(stream.highest or 0, event.version)
    else
      stream.version = event.version
      stream.moved = true
      local is_kept = event.owner > 0 and event.at >= oldest
      if event.owner > 0 then
        feeds[event.owner] = feeds[event.owner] or load_feed(keys, event.owner)
        number(feeds[event.owner], event, is_kept)
      end
      local kind = is_kept and 'appended' or 'old'
      counts[kind] = counts[kind] + 1
    end
  end
  return feeds, counts
end

local function store_streams(keys, streams)
  for name, stream in pairs(streams) do
    if stream.moved then
      redis.call('HSET', keys[2], name, whole(stream.version))
    end
    if stream.highest and stream.highest <= stream.version then
      redis.call('HDEL', keys[3], name)
    elseif stream.highest then
      local gap = whole(stream.version + 1) .. ' ' .. whole(stream.highest)
      if gap ~= stream.gap then
        redis.call('HSET', keys[3], name, gap)
      end
    end
  end
end

-- Keeps the newest `most` entries, and of these none before the first that is young enough.
local function trim(key, most, oldest)
  redis.call('XTRIM', key, 'MAXLEN', '=', most)
  while true do
    local first = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
    if not first or tonumber(first[2][4]) >= oldest then
      return
    end
    redis.call('XDEL', key, first[1])
  end
end

local function store_feed(feed, args, bell, oldest)
  local told = {}
  for _, entry in ipairs(feed.new) do
    local event = entry.event
    local fields = { 'd', entry.digest, 'at', whole(event.at), 'p', entry.previous, 's', event.stream,
      'v', whole(event.version), 't', event.type, 'seed', event.seed, 'topic', args[7], 'partition', args[8],
      'offset', event.offset, 'data', event.data }
    if event.trace ~= '' then
      fields[#fields + 1], fields[#fields + 2] = 'trace', event.trace
    end
    local id = whole(entry.seq) .. '-0'
    redis.call('XADD', feed.key, id, unpack(fields))
    -- Whatever goes wrong with this must not keep anything from the feed.
    redis.pcall('HSETNX', args[9] .. event.stream, whole(event.version), args[4])
    told[#told + 1] = { id, fields }
  end
  redis.call('HSET', feed.head, 'seq', whole(feed.seq), 'digest', feed.digest)
  trim(feed.key, args[6], oldest)
  redis.call('PEXPIRE', feed.key, whole(math.floor(tonumber(args[5]) / 1000)))
  redis.call('PUBLISH', bell, #told <= MOST_TOLD and not feed.skips and cjson.encode(told) or '')
end

local function feeds_append(keys, args)
  local stored = redis.call('HGET', keys[1], args[1]) or '0 -'
  if stored ~= args[2] then
    return { 0, stored }
  end
  local events, problem = parse(keys, args)
  if not events then
    return redis.error_reply(problem)
  end
  local oldest = tonumber(args[4]) - tonumber(args[5])
  local streams = load_streams(keys, events)
  local feeds, counts = decide(keys, events, streams, oldest)

  store_streams(keys, streams)
  for owner, feed in pairs(feeds) do
    store_feed(feed, args, args[FIXED_ARGS + owner], oldest)
  end
  redis.call('HSET', keys[1], args[1], args[3])
  return { 1, counts.appended, counts.duplicates, counts.old, counts.gaps }
end

-- Passes over one record that gives no event: parks its stream, so that nothing of it enters a feed until somebody has
-- looked, if it may be the next version.
--
-- KEYS  1 positions, 2 stream versions, 3 gaps, 4 parked streams
-- ARGV  1 field of the position, 2 position to start from, 3 position to store, 4 stream, 5 version or 0 if the record
--       does not tell it, 6 entry, 7 how many streams may be parked
-- Answers {1, 1 or 0 = parked now or not}, or {0, stored position} or {2, number of parked streams} and has written
-- nothing.
local function feeds_park(keys, args)
  local stored = redis.call('HGET', keys[1], args[1]) or '0 -'
  if stored ~= args[2] then
    return { 0, stored }
  end
  local name, version = args[4], tonumber(args[5])
  local stream = load_stream(keys, name)
  local news = version == 0 or version > stream.version
  local parks = news and not stream.parked and version <= stream.version + 1
  local there = redis.call('HLEN', keys[4])
  if parks and there >= tonumber(args[7]) then
    return { 2, there }
  end

  if parks then
    redis.call('HSET', keys[4], name, args[6])
  elseif news and version > 0 then
    stream.highest = math.max(stream.highest or 0, version)
    store_streams(keys, { [name] = stream })
  end
  redis.call('HSET', keys[1], args[1], args[3])
  return { 1, parks and 1 or 0 }
end

-- Lets a parked stream go on: whatever is missing of it is a gap from now on, which whoever heals gaps closes. What is
-- discarded enters no feed.
--
-- KEYS  1 parked streams, 2 gaps, 3 stream versions, 4 discarded records
-- ARGV  1 stream, 2 its entry as it was read, 3 highest version that there is of it or '0', 4 not used; then, to discard
--       what the entry names: 5 its version, or '' if none counts as applied with it, 6 not used, 7 the record's place,
--       8 what to remember
-- Answers {'done', version of the stream}, or {'changed'} and has written nothing: somebody else was faster.
local function feeds_release(keys, args)
  local name, discards = args[1], #args > 4
  if redis.call('HGET', keys[1], name) ~= args[2] then
    return { 'changed' }
  end
  local stream = load_stream({ false, keys[3], keys[2], keys[1] }, name)
  local skips = discards and args[5] ~= ''
  if skips and stream.version + 1 ~= tonumber(args[5]) then
    return { 'changed' }
  end
  if discards then
    redis.call('HLEN', keys[4])
  end

  redis.call('HDEL', keys[1], name)
  if discards and not skips then
    -- What somebody else claimed is no gap; what the store has behind is noted below.
    redis.call('HDEL', keys[2], name)
    stream.highest, stream.gap = nil, nil
  end
  if skips then
    stream.version, stream.moved = stream.version + 1, true
  end
  if discards then
    redis.call('HSET', keys[4], args[7], args[8])
  end
  local highest = math.max(stream.highest or 0, tonumber(args[3]))
  stream.highest = highest > 0 and highest or nil
  store_streams({ false, keys[3], keys[2] }, { [name] = stream })
  return { 'done', whole(stream.version) }
end

redis.register_function { function_name = 'feeds_append', callback = feeds_append }
redis.register_function { function_name = 'feeds_park', callback = feeds_park }
redis.register_function { function_name = 'feeds_release', callback = feeds_release }
