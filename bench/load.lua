-- wrk's requests: `-- SCENARIO KEY CONTACTS SEED`. Numbers are 9188 and eight digits.
local body = '{"phone": "9188%08d", "first_name": "%s", "last_name": "Sharma", "email": "priya@example.com", '
  .. '"tags": ["Lead", "High-Priority"], "custom_fields": {"shopify_id": "cust_29813a", "acquisition_source": "AdWords"}}'
local fresh

function init(args)
  scenario, key, contacts = args[1], args[2], tonumber(args[3])
  fresh = contacts + tonumber(args[4]) * 200000
  math.randomseed(tonumber(args[4]))
  wrk.headers["Authorization"] = "Bearer " .. key
  wrk.headers["Content-Type"] = "application/json"
end

local function post(number, name)
  return wrk.format("POST", nil, nil, string.format(body, number, name))
end

local function batch(head, before, after, tail)
  local rows = {}
  for place = 1, 100 do
    fresh = fresh + 1
    rows[place] = before .. string.format(body, fresh, "Priya") .. after
  end
  return wrk.format("POST", nil, nil, head .. table.concat(rows, ",") .. tail)
end

local scenarios = {
  create = function() fresh = fresh + 1 return post(fresh, "Priya") end,
  update = function() return post(math.random(0, contacts - 1), "Name" .. math.random(1000000)) end,
  unchanged = function() return post(contacts + 100, "Priya") end,
  mixed = function()
    if math.random() < 0.5 then fresh = fresh + 1 return post(fresh, "Priya") end
    return post(math.random(0, contacts - 1), "Name" .. math.random(1000000))
  end,
  batch = function() return batch('{"contacts": [', "", "", "]}") end,
  pocketbase_batch = function()
    return batch('{"requests": [', '{"method": "POST", "url": "/api/collections/contacts/records", "body": ', "}", "]}")
  end,
  get = function() return wrk.format("GET") end,
}

function request() return scenarios[scenario]() end

function response(status)
  if status >= 300 then failed = (failed or 0) + 1 end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %f %f %f %d %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, summary.requests))
end
